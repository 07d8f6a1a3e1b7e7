"""The main job, end to end, on the product's own processes: from a shop with 0 followers to an
approved payout, through HTTP, the admin and a real worker.

B1 B3 B4 C1–C4 D1 D3 D6 E1 E2 H1 H4 H5 H9 I1 I4 I8 K1–K6 K12 K17, each figure to the fen.
"""

import io
import json
import socket
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from PIL import Image

from seeds.factories.accounts import PASSWORD
from tests.journeys.walk import Walk
from tests.service import Service
from tests.staff_session import StaffSession

STAFF = """
import sys
from backend import embedded
embedded.ensure()
import django
django.setup()
from django.contrib.auth.models import Group
from seeds.factories import AccountFactory, CategoryFactory
CategoryFactory.create()
AccountFactory.create(handle="operator", display_name="运营", is_staff=True, is_superuser=True)
for handle, group in (("finance_a", "payout_maker"), ("finance_b", "payout_approver")):
    account = AccountFactory.create(handle=handle, display_name=handle, is_staff=True)
    account.groups.add(Group.objects.get(name=group))
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(
        tmp_path_factory.mktemp("journey"),
        DJANGO_SETTINGS_MODULE="backend.settings",
        PASSWORD_HASHERS="django.contrib.auth.hashers.MD5PasswordHasher",
    )
    try:
        # As in production: the service's database user owns no table (docs/operations/deploy.md).
        running.start(restricted=True)
        running.manage("set_up_roles")
        running.python("-c", STAFF)
        yield running
    finally:
        running.stop()


def _key() -> str:
    return str(uuid.uuid4())


@pytest.fixture(scope="module")
def walk(service: Service) -> Walk:
    walk = Walk(service)
    for handle, name in [
        ("selena", "Selena 的衣橱"),
        ("lily", "Lily 爱买"),
        ("linda", "Linda 推客"),
        ("ella", "Ella 邀请人"),
        ("mallory", "路人甲"),
    ]:
        walk.sign_up(handle, name)
    return walk


def _open_shop(walk: Walk, operator: StaffSession) -> int:
    body = {"shop_name": "慢慢小铺", "owner_type": "individual", "intro": "只做舒服的衣服"}
    application = walk.ok("selena", "POST", "/v1/shops/applications", body)["id"]
    assert walk.ok("selena", "GET", "/v1/me")["follower_count"] == 0
    walk.ok("selena", "POST", f"/v1/shops/applications/{application}/submit")
    operator.act("shops", "shopapplication", application, "approve")
    decided = walk.ok("selena", "GET", f"/v1/shops/applications/{application}")
    assert decided["status"] == "approved"
    assert "shop" in walk.ok("selena", "GET", "/v1/me")["capabilities"]
    return decided["shop_id"]


def _sell(walk: Walk, shop: int) -> tuple[int, list[int]]:
    body = {"category": "fashion", "title": "垂感显瘦阔腿裤", "return_window_days": 7}
    product = walk.ok("selena", "POST", f"/v1/shops/{shop}/products", body)["id"]
    skus = []
    for size, price in (("S", 12_900), ("M", 4_990)):
        sku = {"code": size, "options": {"尺码": size}, "price_fen": price}
        skus.append(walk.ok("selena", "POST", f"/v1/products/{product}/skus", sku)["id"])
        stock = {"delta": 10, "reason": "首批入库"}
        path = f"/v1/skus/{skus[-1]}/stock-adjustments"
        walk.ok("selena", "POST", path, stock, key=_key())
    offer = f"/v1/products/{product}/commission-offer"
    refused = walk.service.call("PUT", offer, {"rate_bps": 9_000}, token=walk.tokens["selena"])
    assert (refused.status, refused.body["code"]) == (422, "over_cap")
    walk.ok("selena", "PUT", offer, {"rate_bps": 2_000})
    walk.ok("selena", "POST", f"/v1/products/{product}/publish")
    return product, skus


def _write(walk: Walk, product: int) -> int:
    picture = io.BytesIO()
    Image.new("RGB", (900, 1200), "#f4c7c3").save(picture, "PNG")
    service, token = walk.service, walk.tokens["selena"]
    file = service.upload("/v1/media", "裤子.png", picture.getvalue(), token=token)
    assert (file["width"], file["height"]) == (900, 1200)
    body = {
        "kind": "image",
        "title": "梨形身材闭眼入",
        "body": "胯宽的姐妹直接闭眼入。一米五八穿到脚踝刚好 🌸",
        "topics": ["梨形身材"],
        "city_code": "310000",
        "media": [{"file": file["id"]}],
    }
    note = walk.ok("selena", "POST", "/v1/notes", body)["id"]
    walk.ok("selena", "POST", f"/v1/notes/{note}/products", {"product": product})
    preview = walk.ok("selena", "GET", f"/v1/notes/{note}/preview")
    walk.ok("selena", "POST", f"/v1/notes/{note}/publish")
    public = service.ok("GET", f"/v1/notes/{note}")
    assert public["ad_label"] == "广告"
    for name in ("title", "body", "media", "topics", "cards"):
        assert preview.get("note", preview)[name] == public[name]
    for who, feed in (("lily", "/v1/feeds/discover"), ("selena", "/v1/feeds/follow")):
        assert [item["id"] for item in walk.ok(who, "GET", feed)["results"]] == [note]
    return note


def _promote(walk: Walk, product: int) -> str:
    code = walk.ok("ella", "POST", "/v1/tuike/enrol")["invite_code"]
    walk.ok("linda", "POST", "/v1/tuike/enrol", {"invite_code": code})
    body = {"target": {"kind": "product", "id": product}}
    link = walk.ok("linda", "POST", "/v1/promotion-links", body)
    picture = walk.service.call(
        "GET", f"/v1/promotion-links/{link['code']}/qr.png", token=walk.tokens["linda"]
    )
    assert picture.body.startswith(b"\x89PNG")
    click = walk.service.call("GET", f"/l/{link['code']}")
    assert click.status == 302
    assert "Set-Cookie" in click.headers
    return click.headers["Location"].split("click=")[1]


def _buy(walk: Walk, skus: list[int], click: str) -> str:
    """Lily checks out twice under one key, names nothing but SKUs and the click, and pays: the
    callback comes three times. Returns the order's number."""
    address = {"receiver": "李小鱼", "phone": "13800000000", "region_code": "310104",
               "detail": "示例路 1 弄 2 号"}  # fmt: skip
    home = walk.ok("lily", "POST", "/v1/me/addresses", address)["id"]
    body = {
        "lines": [{"sku": skus[0], "qty": 1}, {"sku": skus[1], "qty": 2}],
        "address": home,
        "expected_total_fen": 12_900 + 2 * 4_990,
        "click": click,
    }
    token, key = walk.tokens["lily"], _key()
    cheap = walk.service.call(
        "POST", "/v1/checkouts", {**body, "expected_total_fen": 1}, token=token, key=_key()
    )
    assert (cheap.status, cheap.body["code"]) == (409, "price_changed")
    placed = walk.ok("lily", "POST", "/v1/checkouts", body, key=key)
    again = walk.service.call("POST", "/v1/checkouts", body, token=token, key=key)
    assert (again.body, again.headers["Idempotent-Replayed"]) == (placed, "true")
    other = walk.service.call("POST", "/v1/checkouts", {**body, "lines": []}, token=token, key=key)
    assert other.status == 422
    pay = walk.ok("lily", "POST", f"/v1/checkouts/{placed['number']}/pay", {}, key=_key())
    callback = pay["sandbox_callback"]
    raw, headers = callback["body"].encode(), callback["headers"]
    forged = walk.service.call(
        "POST", "/v1/payments/sandbox/callback", raw.replace(b"22880", b"1"), headers=headers
    )
    assert (forged.status, forged.body["code"]) == (401, "bad_signature")
    for _ in range(3):
        walk.service.ok("POST", "/v1/payments/sandbox/callback", raw, headers=headers)
    (order,) = walk.ok("lily", "GET", "/v1/orders?role=buyer")["results"]
    assert order["status"] == "paid"
    return order["number"]


def _refund(walk: Walk, order: str, line: int, qty: int, amount_fen: int) -> None:
    body = {
        "kind": "refund_only",
        "reason": "尺码不合适",
        "lines": [{"order_line": line, "qty": qty, "amount_fen": amount_fen}],
    }
    refund = walk.ok("lily", "POST", f"/v1/orders/{order}/refunds", body, key=_key())
    walk.ok("selena", "POST", f"/v1/refunds/{refund['number']}/approve", key=_key())
    walk.service.wait(
        lambda: walk.ok("lily", "GET", f"/v1/refunds/{refund['number']}")["status"] == "succeeded",
        "the refund",
    )


def _pay_out(walk: Walk, order: str) -> None:
    """Linda by bank file, Ella by the sandbox whose answer times out."""
    service = walk.service
    payee = {"provider": "bank_file", "holder_name": "林达", "number": "6222021234567890128"}
    walk.ok("linda", "POST", "/v1/me/payee-accounts", payee)
    too_much = service.call(
        "POST", "/v1/me/payouts", {"amount_fen": 999_999}, token=walk.tokens["linda"], key=_key()
    )
    assert (too_much.status, too_much.body["code"]) == (409, "insufficient_balance")
    payout = walk.ok("linda", "POST", "/v1/me/payouts", {"amount_fen": 3_000}, key=_key())
    assert walk.earnings("linda")["available_fen"] == 181
    assert walk.earnings("linda")["in_transit_fen"] == 3_000
    maker = StaffSession(service.url, "finance_a", PASSWORD)
    checker = StaffSession(service.url, "finance_b", PASSWORD)
    ((row,),) = service.sql("SELECT id FROM commissions_payout WHERE number = %s", payout["number"])
    maker.act("commissions", "payout", row, "prepare")
    maker.act("commissions", "payout", row, "approve", refused=True)
    assert _status(walk, "linda", payout["number"]) == "prepared"
    checker.act("commissions", "payout", row, "approve")
    assert _status(walk, "linda", payout["number"]) == "approved"
    _bank_answers(service, checker, payout["number"])
    assert _status(walk, "linda", payout["number"]) == "paid"
    found = walk.earnings("linda")
    assert (found["available_fen"], found["in_transit_fen"]) == (181, 0)


def _bank_answers(service: Service, checker: StaffSession, number: str) -> None:
    """Builds the batch in the admin, reads the file as the bank would, uploads its answer."""
    checker.get("/admin/commissions/payoutbatch/")
    checker.post("/admin/commissions/payoutbatch/build/", confirmed="yes")
    ((batch, payouts, total),) = service.sql(
        "SELECT id, payouts_count, total_fen FROM commissions_payoutbatch"
    )
    assert (payouts, total) == (1, 3_000)
    sent = checker.act("commissions", "payoutbatch", batch, "download_csv")
    assert number in sent
    assert "6222021234567890128" in sent
    answer = f"number,amount_yuan,result,reason\r\n{number},30.00,paid,\r\nTOTAL,30.00,1\r\n"
    path = f"/admin/commissions/payoutbatch/{batch}/read_answer/"
    for said in ("1 paid, 0 failed, 0 known before", "0 paid, 0 failed, 1 known before"):
        assert said in checker.upload(path, "answer.csv", answer.encode())


def _status(walk: Walk, who: str, number: str) -> str:
    return walk.ok(who, "GET", f"/v1/me/payouts/{number}")["status"]


def test_from_a_zero_fan_shop_to_an_approved_payout(service: Service, walk: Walk) -> None:
    operator = StaffSession(service.url, "operator", PASSWORD)
    shop = _open_shop(walk, operator)
    product, skus = _sell(walk, shop)
    _write(walk, product)
    click = _promote(walk, product)
    order = _buy(walk, skus, click)

    # 129.00 at 20 %: 25.80 = 20.64 + 5.16; 2 × 49.90: 19.96 = 15.97 + 3.99 (docs/money.md).
    took = walk.until("linda", 10, pending_fen=2_064 + 1_597)
    # Within a second on a quiet machine; the suite's may be busy, and the sweep alone is not it.
    assert took < 5, f"the estimate came after {took} s"
    walk.until("ella", 5, pending_fen=516 + 399)
    attribution = walk.ok("selena", "GET", f"/v1/orders/{order}/attribution")
    assert "named" in json.dumps(attribution)
    for path in (f"/v1/orders/{order}", f"/v1/orders/{order}/attribution"):
        assert service.call("GET", path, token=walk.tokens["mallory"]).status == 404

    seen = walk.ok("lily", "GET", f"/v1/orders/{order}")
    lines = {line["sku"]: line["id"] for line in seen["lines"]}
    parcel = {"carrier": "顺丰", "tracking_number": "SF1000000001"}
    walk.ok("selena", "POST", f"/v1/orders/{order}/shipments", parcel, key=_key())
    walk.ok("lily", "POST", f"/v1/orders/{order}/receive", key=_key())

    # 10.00 of the first line before settlement: the budget falls by 2.00 = 1.60 + 0.40.
    _refund(walk, order, lines[skus[0]], 0, 1_000)
    walk.until("linda", 5, pending_fen=3_501)
    walk.until("ella", 5, pending_fen=875)

    service.manage("clock", "--advance", "8d")
    service.call("GET", "/readyz")
    service.wait(
        lambda: walk.earnings("linda")["available_fen"] == 3_501, "the settlement by beat", 90
    )
    assert walk.earnings("linda")["pending_fen"] == 0
    walk.until("ella", 10, pending_fen=0, available_fen=875)

    # 20.00 of the second line after settlement: 4.00 = 3.20 + 0.80, taken from available.
    ((row,),) = service.sql("SELECT id FROM shops_order WHERE number = %s", order)
    # A session of staff lasts twelve hours, and more than a week has passed.
    operator = StaffSession(service.url, "operator", PASSWORD)
    goodwill = {"line": str(lines[skus[1]]), "qty": "0", "amount_fen": "2000", "reason": "线头"}
    operator.act("shops", "order", row, "refund_line", **goodwill)
    walk.until("linda", 10, available_fen=3_181)
    walk.until("ella", 10, available_fen=795)

    _pay_out(walk, order)
    _unknown_result(walk)
    _metrics(walk, shop)
    # The clock has jumped: the books ask that every job has caught up with it.
    service.wait(
        lambda: walk.ok("lily", "GET", f"/v1/orders/{order}")["status"] == "completed",
        "the order's completion",
        60,
    )
    assert "clean" in service.manage("check_books")


def _unknown_result(walk: Walk) -> None:
    """The channel's answer to Ella's payout is lost; it is asked, never sent again."""
    service = walk.service
    payee = {"provider": "sandbox", "holder_name": "艾拉", "number": "6222020000009003"}
    walk.ok("ella", "POST", "/v1/me/payee-accounts", payee)
    number = walk.ok("ella", "POST", "/v1/me/payouts", {"amount_fen": 700}, key=_key())["number"]
    ((row,),) = service.sql("SELECT id FROM commissions_payout WHERE number = %s", number)
    StaffSession(service.url, "finance_a", PASSWORD).act("commissions", "payout", row, "prepare")
    StaffSession(service.url, "finance_b", PASSWORD).act("commissions", "payout", row, "approve")
    service.wait(lambda: _status(walk, "ella", number) in ("unknown", "paid"), "the sending", 40)
    # A channel is asked again after half a minute.
    service.manage("clock", "--advance", "1m")
    service.wait(lambda: _status(walk, "ella", number) == "paid", "the reconciliation", 90)
    sends = "SELECT count(*) FROM commissions_payoutattempt a JOIN commissions_payout p " \
        "ON p.id = a.payout_id WHERE p.number = %s AND a.kind = 'send'"  # fmt: skip
    assert service.sql(sends, number) == [(1,)]
    assert walk.earnings("ella")["available_fen"] == 95


def _metrics(walk: Walk, shop: int) -> None:
    service = walk.service
    ((day,),) = service.sql("SELECT DISTINCT placed_day FROM shops_order")
    path = f"/v1/metrics/daily?from={day}&to={day}&shop={shop}"
    service.wait(
        lambda: walk.ok("selena", "GET", path)["days"][0]["gmv_paid_fen"] == 22_880,
        "the roll-up",
    )
    (row,) = walk.ok("selena", "GET", path)["days"]
    assert (row["dab"], row["orders"], row["gmv_fen"]) == (1, 1, 22_880)
    assert service.call("GET", path, token=walk.tokens["mallory"]).status in (403, 404)


def test_the_services_own_user_rewrites_no_books_and_alters_no_table(service: Service) -> None:
    """The walk above ran as this user; it is what a stolen DATABASE_URL is worth."""
    with psycopg.connect(service.environment["DATABASE_URL"], autocommit=True) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("tuike_app",)
        for statement in (
            "UPDATE commissions_entry SET amount_fen = 0",
            "DELETE FROM commissions_journal",
            "TRUNCATE core_auditentry",
            "ALTER TABLE commissions_entry DISABLE TRIGGER ALL",
            "DROP TABLE shops_order CASCADE",
            "CREATE TABLE mine (id int)",
            "SET ROLE tuike",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n0\r\n\r\n",
        b"Content-Length: 6\r\nContent-Length: 5\r\n\r\nabcdef",
        b"Content-Length: 4\r\nTransfer-Encoding: xchunked\r\n\r\n5c\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"Content-Length : 6\r\n\r\nabcdef",
        b"Content-Length: +6\r\n\r\nabcdef",
        b"X-Folded: a\r\n Content-Length: 0\r\n\r\n",
    ],
)
def test_one_message_is_one_request(service: Service, rest: bytes) -> None:
    """Two programs in a row that read a message's end differently would let the second request
    in by the first one's body (ASVS V4.2.1): it is never answered, and the connection is closed."""
    answer = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as wire:
        wire.sendall(HEAD + rest + SMUGGLED)
        while more := wire.recv(65_536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1, "the second request was answered, too"
    assert b"connection: close" in answer.lower()
