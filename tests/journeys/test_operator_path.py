"""The operator's path on the product's own processes, in Chromium and by REST (K2, K7, X1, X2, X7,
X8): a plan is drafted, refused by the linter, mended, tried over the past, published; a line is
sold under it, explained, disputed and overridden by two people, and the books are clean.

`TUIKE_PICTURES` names a folder for the pictures of every step."""

import os
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils.dateparse import parse_datetime
from playwright.sync_api import Browser, Page, expect, sync_playwright

from seeds.scenarios.personas import PASSWORD
from tests import ground
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.service import Service

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium"),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demo at its smallest, with its worker and its beat."""
    running = Service(
        tmp_path_factory.mktemp("operator"), DJANGO_SETTINGS_MODULE="backend.settings"
    )
    try:
        ground.give_cluster(running.var)
        running.python("-m", "backend.embedded", "start")
        running.manage("set_up_roles")
        running.manage("seed", "--scenario", "demo", "--size", "0.05")
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Desk:
    """One member of staff at a screen."""

    def __init__(self, service: Service, chromium: Browser, handle: str) -> None:
        self.service, self.handle = service, handle
        self.page: Page = chromium.new_context(viewport={"width": 1400, "height": 900}).new_page()
        self.page.set_default_timeout(30_000)
        self.page.goto(f"{service.url}/admin/login/")
        self.page.fill("input[name=username]", handle)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.fill("input[name=code]", self.code())
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{service.url}/admin/")

    def code(self) -> str:
        """What this person's phone shows."""
        found = re.search(r"\b\d{6}\b", self.service.manage("staff_code", self.handle))
        assert found
        return found[0]

    def open(self, path: str) -> Page:
        self.page.goto(self.service.url + path)
        return self.page

    def press(self, button: str, **fields: str) -> None:
        """Presses an action of the page and answers what it asks."""
        self.page.click(f"a:has-text('{button}')")
        for name, typed in fields.items():
            field = self.page.locator(f"[name={name}]")
            if field.evaluate("one => one.tagName") == "SELECT":
                field.select_option(typed)
            else:
                field.fill(typed)
        if self.page.locator("input[name=code]").count():
            self.page.fill("input[name=code]", self.code())
        self.picture(f"ask-{button.split(maxsplit=1)[0].lower()}")
        self.page.click("button[name=confirmed]")

    def picture(self, name: str) -> None:
        """Keeps a picture where a folder is named; on no page may anything be wider than it."""
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{name} is {wide} px too wide"
        folder = os.environ.get("TUIKE_PICTURES")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture(scope="module")
def tokens(service: Service) -> dict[str, str]:
    said = service.manage("seed", "--print-welcome")
    return dict(re.findall(r"^  (\S+) .*(tuike_\S+)$", said, re.MULTILINE))


def _key() -> str:
    return str(uuid.uuid4())


def _goods(service: Service) -> dict[str, Any]:
    """A product of Selena's that is on sale, with stock and its shop."""
    query = """SELECT p.id, k.id, k.price_fen, p.shop_id FROM shops_product p
        JOIN shops_sku k ON k.product_id = p.id JOIN shops_shop s ON s.id = p.shop_id
        JOIN accounts_account a ON a.id = s.account_id
        WHERE a.handle = 'selena' AND p.status = 'on_sale' AND k.on_hand - k.committed > 5
        ORDER BY k.price_fen DESC LIMIT 1"""
    ((product, sku, price, shop),) = service.sql(query)
    return {"product": product, "sku": sku, "price": price, "shop": shop}


def _later(service: Service) -> tuple[str, str]:
    """Three minutes from the service's present, as the admin's two fields want it."""
    said = service.manage("clock")
    present = parse_datetime(said.split(" UTC")[0].strip() + "+00:00")
    assert present
    local = (present + timedelta(minutes=3)).astimezone(ZoneInfo(settings.BUSINESS_ZONE))
    return f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}"


def _click(service: Service, tokens: dict[str, str], who: str, product: int, buyer: str) -> str:
    """`who`'s link to the product, followed by the buyer."""
    target = {"target": {"kind": "product", "id": product}}
    link = service.ok("POST", "/v1/promotion-links", target, token=tokens[who])
    went = service.call("GET", f"/l/{link['code']}", token=tokens[buyer])
    assert went.status == 302
    return str(went.headers["Location"].split("click=")[1])


def _sell(service: Service, tokens: dict[str, str], goods: dict[str, Any], click: str) -> Any:
    """Lily buys one through a click and pays; the order, accrued."""
    home = service.ok(
        "POST",
        "/v1/me/addresses",
        {
            "receiver": "李小鱼",
            "phone": "13800000000",
            "region_code": "310104",
            "detail": "示例路 1 弄",
        },
        token=tokens["lily"],
    )["id"]
    body = {
        "lines": [{"sku": goods["sku"], "qty": 1}],
        "address": home,
        "expected_total_fen": goods["price"],
        "click": click,
    }
    placed = service.ok("POST", "/v1/checkouts", body, token=tokens["lily"], key=_key())
    path = f"/v1/checkouts/{placed['number']}/pay"
    pay = service.ok("POST", path, {}, token=tokens["lily"], key=_key())["sandbox_callback"]
    raw = pay["body"].encode()
    service.ok("POST", "/v1/payments/sandbox/callback", raw, headers=pay["headers"])
    order = service.ok("GET", "/v1/orders?role=buyer", token=tokens["lily"])["results"][0]
    query = """SELECT c.id, l.id FROM commissions_commissionorder c
        JOIN shops_orderline l ON l.id = c.order_line_id JOIN shops_order o ON o.id = l.order_id
        WHERE o.number = %s"""
    service.wait(lambda: service.sql(query, order["number"]), "the commission", 30)
    ((commission, line),) = service.sql(query, order["number"])
    return {"number": order["number"], "commission": commission, "line": line}


def _drafted(desk: Desk, goods: dict[str, Any]) -> int:
    """A campaign, refused by the linter first; the version's id."""
    page = desk.open("/admin/commissions/planversion/add/")
    date, time = _later(desk.service)
    typed = {
        "name": "双十二带货",
        "shop_id": str(goods["shop"]),
        "rate_bps": "2500",
        "promoter_bps": "9000",
        "inviter_bps": "2000",
        "creator_bps": "10000",
        "products": str(goods["product"]),
        "starts_at_0": date,
        "starts_at_1": time,
        "ends_at_0": "2035-01-01",
        "ends_at_1": "00:00:00",
    }
    for name, text in typed.items():
        page.fill(f"form#planversion_form [name={name}]", text)
    page.select_option("[name=kind]", "campaign")
    page.click("[name=_save]")
    expect(page.locator(".errorlist, .text-red-600").first).to_be_visible()
    desk.picture("1-refused-by-the-linter")
    page.fill("[name=promoter_bps]", "7500")
    page.fill("[name=inviter_bps]", "2500")
    page.click("[name=_save]")
    page.wait_for_load_state()
    desk.picture("1-saved")
    expect(page.get_by_text("was added successfully")).to_be_visible()
    query = "SELECT max(v.id) FROM commissions_planversion v"
    return int(desk.service.sql(query)[0][0])


def _tried(desk: Desk, version: int) -> None:
    """The what-if of the draft over the last 30 days, done by the worker."""
    service = desk.service
    desk.open(f"/admin/commissions/planversion/{version}/change/")
    desk.picture("2-draft")
    desk.press("What if?")
    query = "SELECT id, status FROM commissions_whatif WHERE version_id = %s"
    service.wait(lambda: service.sql(query, version)[0][1] == "done", "the what-if", 60)
    desk.open(f"/admin/commissions/whatif/{service.sql(query, version)[0][0]}/change/")
    desk.picture("3-what-if")


def _overridden(
    desk: Desk, chromium: Browser, tokens: dict[str, str], sold: dict[str, Any]
) -> None:
    """Nana says that the line is hers; one of the desk proposes it and another approves."""
    service = desk.service
    claim = {
        "order_number": sold["number"],
        "line": sold["line"],
        "claim": "她先点的是我的链接，客户是我带来的",
        "evidence": ["见点击记录"],
    }
    dispute = service.ok(
        "POST", "/v1/attribution-disputes", claim, token=tokens["nana"], key=_key()
    )["id"]
    page = desk.open("/admin/")
    expect(page.get_by_text("Disputes to decide")).to_be_visible()
    maker, checker = (Desk(service, chromium, who) for who in ("finance_a", "finance_b"))
    address = f"/admin/commissions/attributiondispute/{dispute}/change/"
    maker.open(address)
    maker.picture("6-dispute")
    maker.press("Propose", role="promoter", handle="nana", reason="第一次点击在前，按协议归她")
    checker.open(address)
    checker.picture("7-proposed")
    checker.press("Approve")
    expect(checker.page.get_by_text("settled, the money has moved")).to_be_visible()
    checker.picture("8-overridden")
    desk.open(f"/admin/commissions/commissionorder/{sold['commission']}/change/")
    desk.picture("9-explained-after")


def test_an_operator_walks_from_a_draft_to_an_override(
    service: Service, chromium: Browser, tokens: dict[str, str]
) -> None:
    goods = _goods(service)
    desk = Desk(service, chromium, "admin")
    desk.picture("0-front")
    version = _drafted(desk, goods)
    _tried(desk, version)
    page = desk.open(f"/admin/commissions/planversion/{version}/change/")
    desk.press("Publish")
    expect(page.get_by_text("published; it never changes from now on")).to_be_visible()
    desk.picture("4-published")

    service.manage("clock", "--advance", "5m")
    _click(service, tokens, "nana", goods["product"], "lily")
    click = _click(service, tokens, "linda", goods["product"], "lily")
    sold = _sell(service, tokens, goods, click)
    path = f"/v1/commissions/{sold['commission']}/explain"
    told = service.ok("GET", path, token=tokens["linda"])
    assert "双十二带货" in str(told)
    desk.open(f"/admin/commissions/commissionorder/{sold['commission']}/change/")
    desk.picture("5-explained")

    _overridden(desk, chromium, tokens, sold)

    nanas = service.ok("GET", path, token=tokens["nana"])
    assert "nana" in str(nanas)
    # Half a fen rounds up, as docs/money.md says.
    budget = (goods["price"] * 2_500 + 5_000) // 10_000
    query = """SELECT sum(e.amount_fen)::bigint FROM commissions_entry e
        JOIN commissions_ledgeraccount a ON a.id = e.account_id
        JOIN accounts_account p ON p.id = a.owner_id
        JOIN commissions_journal j ON j.id = e.journal_id
        JOIN commissions_attributionoverride o ON o.id = j.subject_id
        WHERE a.owner_kind = 'person' AND p.handle = 'nana' AND j.kind = 20
          AND o.commission_id = %s"""
    # What she passes on to her agency comes out of her part.
    parts = """SELECT sum(amount_fen)::bigint,
            sum(amount_fen) FILTER (WHERE role = 'promoter')::bigint
        FROM commissions_commissionsplit
        WHERE commission_id = %s AND role IN ('promoter', 'agency', 'agency2')"""
    ((part, kept),) = service.sql(parts, sold["commission"])
    assert part == (budget * 7_500 + 5_000) // 10_000
    assert service.sql(query, sold["commission"])[0][0] == kept
    assert "clean" in service.manage("check_books")


def test_a_shop_walks_the_same_by_rest(service: Service, tokens: dict[str, str]) -> None:
    goods, mine = _goods(service), tokens["selena"]
    shop = goods["shop"]
    body = {"name": "老客专享", "kind": "targeted", "promoter_bps": 9_000, "inviter_bps": 2_000,
            "rate_bps": 1_500, "promoters": ["linda"]}  # fmt: skip
    plans = f"/v1/shops/{shop}/commission-plans"
    refused = service.call("POST", plans, body, token=mine, key=_key())
    assert refused.status == 422
    draft = service.ok("POST", plans, {**body, "inviter_bps": 1_000}, token=mine, key=_key())
    version = draft.get("versions", [draft])[0]["id"] if "versions" in draft else draft["id"]
    lint = service.ok("GET", f"/v1/plan-versions/{version}/lint", token=mine)
    preview = service.ok("GET", f"/v1/plan-versions/{version}/preview", token=mine)
    assert preview["promoters"] == 1, (lint, preview)
    days = service.manage("clock").split(" ")[0]
    asked = service.ok(
        "POST",
        f"/v1/shops/{shop}/what-ifs",
        {"version": version, "first_day": days, "last_day": days},
        token=mine,
        key=_key(),
    )
    one = f"/v1/what-ifs/{asked['id']}"
    service.wait(lambda: service.ok("GET", one, token=mine)["status"] == "done", "the what-if", 60)
    publish = f"/v1/plan-versions/{version}/publish"
    service.ok("POST", publish, {"from_now": True}, token=mine, key=_key())
    click = _click(service, tokens, "linda", goods["product"], "lily")
    sold = _sell(service, tokens, goods, click)
    path = f"/v1/commissions/{sold['commission']}/explain"
    told = service.ok("GET", path, token=tokens["linda"])
    assert "老客专享" in str(told) or "双十二带货" in str(told)
    assert "clean" in service.manage("check_books")
