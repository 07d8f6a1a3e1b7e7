"""The desk's pages of write-offs, risk cases, conversions and bounties: every page opens, each
decision calls its verb, rights decide who may (K6, K10, K18, K19)."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from backend.core.clock import now
from backend.core.models import AuditEntry
from commissions import accruals, bounties, conversions, risks
from commissions.models import (
    BannedSource,
    Bounty,
    CommissionOrder,
    ConversionSource,
    RiskCase,
    WriteOff,
)
from seeds.factories import AccountFactory
from tests.cast import Person
from tests.commissions import money_out, sales
from tests.commissions.elsewhere import AT, Partner, secret_of
from tests.commissions.money_out import credit, officer
from tests.desk import signed_in

pytestmark = pytest.mark.django_db
PAGES = [
    "writeoff",
    "riskcase",
    "bannedsource",
    "conversionsource",
    "conversionimport",
    "conversion",
    "bounty",
]


@pytest.fixture
def desk(staff: Person) -> Client:
    return signed_in(staff.account)


@pytest.fixture
def partner(selena: Person) -> Partner:
    return Partner(selena.account)


def act(desk: Client, model: str, row: Any, action: str, **fields: Any) -> Any:
    """Answers the question of a page's button."""
    place = f"{row}/" if row else ""
    path = f"/admin/commissions/{model}/{place}{action}/"
    return desk.post(path, {"confirmed": "yes", **fields}, follow=True)


def held(partner: Partner) -> CommissionOrder:
    """A sale by a banned link, held."""
    line = sales.sale(at=AT, sku=partner.sku, price_fen=10_000, referral_code=partner.link.code)
    accruals.reconcile_orders([line.order_id], at=AT)
    boss = AccountFactory.create(is_staff=True)
    risks.ban(kind="referral", source_id=partner.link.pk, by=boss, reason="x", at=AT)
    assert risks.scan(at=AT) == 1
    return CommissionOrder.objects.get()


def fill(partner: Partner) -> None:
    """One of everything."""
    debtor = AccountFactory.create()
    credit(debtor, -900)
    from commissions import writeoffs

    writeoffs.request(
        account_id=debtor.pk,
        reason="goodwill",
        note="x",
        by=officer("request_writeoff"),
        at=AT,
    )
    held(partner)
    partner.import_(partner.row())
    bounties.offer(
        account=partner.owner,
        shop_id=partner.source.shop_id,
        title="一单",
        goal="orders",
        target=1,
        reward_fen=500,
        budget_fen=500,
        starts_at=AT,
        ends_at=AT + timedelta(days=1),
        hold_days=0,
        at=AT,
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_and_costs_no_more_for_more_rows(
    desk: Client, partner: Partner, page: str, django_assert_max_num_queries: Any
) -> None:
    fill(partner)
    path = f"/admin/commissions/{page}/"
    with django_assert_max_num_queries(20):
        listed = desk.get(path)
    assert listed.status_code == 200
    row = re.search(rf"/admin/commissions/{page}/(\d+)/change/", listed.content.decode())
    assert row
    assert desk.get(f"{path}{row[1]}/change/").status_code == 200


def test_a_write_off_is_asked_for_and_agreed_to_at_the_desk() -> None:
    debtor = AccountFactory.create()
    credit(debtor, -900)
    asker, agreer = (
        signed_in(officer(right, "view_writeoff"))
        for right in ("request_writeoff", "approve_writeoff")
    )
    fields = {"account_id": debtor.pk, "reason": "goodwill", "note": "an old friend"}
    assert act(agreer, "writeoff", None, "ask", **fields).status_code == 403
    assert act(asker, "writeoff", None, "ask", **fields).status_code == 200
    made = WriteOff.objects.get()
    assert (made.amount_fen, made.status) == (900, "requested")
    act(asker, "writeoff", made.pk, "approve_one")
    made.refresh_from_db()
    assert made.status == "requested"
    act(agreer, "writeoff", made.pk, "approve_one")
    made.refresh_from_db()
    assert (made.status, made.written_fen) == ("approved", 900)
    assert money_out.money_of(debtor) == (0, 0)


def test_a_case_is_released_or_invalidated_at_the_desk(desk: Client, partner: Partner) -> None:
    order = held(partner)
    case = RiskCase.objects.get()
    act(desk, "riskcase", case.pk, "invalidate_one", reason="bought clicks")
    order.refresh_from_db()
    assert (order.status, order.reason) == ("invalid", "risk_banned_source")
    assert AuditEntry.objects.filter(action="risk.invalidate", reason="bought clicks").exists()


def test_a_source_is_banned_and_the_ban_lifted_at_the_desk(desk: Client, partner: Partner) -> None:
    act(desk, "bannedsource", None, "ban", kind="referral", source_id=7, reason="spam")
    ban = BannedSource.objects.get()
    assert (ban.kind, ban.source_id, ban.reason) == ("referral", 7, "spam")
    act(desk, "bannedsource", ban.pk, "lift_one", reason="cleared")
    ban.refresh_from_db()
    assert ban.lifted_at is not None


def test_a_partners_secret_is_shown_once(desk: Client, partner: Partner) -> None:
    fields = {"name": "淘宝", "shop_id": partner.source.shop_id, "fee_bps": 0, "window_days": 7}
    page = act(desk, "conversionsource", None, "add-source", **fields).content.decode()
    made = ConversionSource.objects.get(name="淘宝")
    assert secret_of(made) in html.unescape(page)
    again = desk.get(f"/admin/commissions/conversionsource/{made.pk}/change/").content.decode()
    assert "whsec_" not in again
    before = secret_of(made)
    act(desk, "conversionsource", made.pk, "new_secret")
    made.refresh_from_db()
    assert secret_of(made) != before
    act(desk, "conversionsource", made.pk, "close_one", reason="contract over")
    made.refresh_from_db()
    assert not made.is_active


def test_a_bounty_is_drafted_through_the_linter_and_published(desk: Client) -> None:
    later = now() + timedelta(days=2)
    fields = {
        "title": "平台任务",
        "goal": "sales",
        "target": 100_000,
        "reward_fen": 200_000,
        "budget_fen": 200_000,
        "starts_at_0": f"{later:%Y-%m-%d}",
        "starts_at_1": "00:00:00",
        "ends_at_0": f"{later + timedelta(days=7):%Y-%m-%d}",
        "ends_at_1": "00:00:00",
        "hold_days": 15,
    }
    path = "/admin/commissions/bounty/add/"
    refused = desk.post(path, fields)
    assert "exceeds the sales" in refused.content.decode()
    assert not Bounty.objects.exists()
    assert desk.post(path, fields | {"reward_fen": 2_000}).status_code == 302
    made = Bounty.objects.get()
    assert (made.status, made.shop, made.reward_fen) == ("draft", None, 2_000)
    act(desk, "bounty", made.pk, "publish_one")
    made.refresh_from_db()
    assert made.status == "published"


def test_who_may_only_look_decides_nothing(partner: Partner) -> None:
    held(partner)
    case = RiskCase.objects.get()
    looker = signed_in(officer("view_riskcase"))
    assert looker.get("/admin/commissions/riskcase/").status_code == 200
    assert act(looker, "riskcase", case.pk, "release_one", reason="x").status_code == 403
    case.refresh_from_db()
    assert case.status == "open"
    assert conversions.TAKEN
