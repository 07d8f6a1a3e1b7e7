"""The finance desk: what needs somebody, what is owed, whether the books agree. K6."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from backend.core.clock import now
from commissions import desk, payouts
from commissions.models import PayoutRule
from tests.commissions.money_out import AT, CARD, FAIL, approved, credit, earner, maker, officer
from tests.commissions.ruled import rule, taxpayer
from tests.desk import signed_in

pytestmark = pytest.mark.django_db
URL = "/admin/commissions/payout/desk/"


def staff() -> Client:
    """A browser of somebody who sees all of the desk."""
    return signed_in(
        officer(
            "approve_payout", "view_payout", "view_payoutbatch", "view_ledgeraccount",
            "view_writeoff", "view_taxfiling", "view_taxremittance",
        )
    )  # fmt: skip


def waiting(at: object = AT) -> dict[str, int]:
    return {row.words.split(" ")[0]: row.count for row in desk.figures(at=at).queues if row.count}


def waiting_in_words(at: object) -> dict[str, int]:
    return {row.words: row.count for row in desk.figures(at=at).queues if row.count}


def test_the_desk_says_what_waits_for_whom() -> None:
    rule(second_over_fen=5_000)
    account = earner(100_000)
    made = [payouts.request(account=account, amount_fen=6_000, at=AT) for _ in range(4)]
    who = maker()
    for payout in made[1:]:
        payouts.prepare(number=payout.number, by=who, at=AT)
    payouts.approve(number=made[2].number, by=officer("approve_payout"), at=AT)
    payouts.hold(number=made[3].number, by=officer("hold_payout"), reason="why", at=AT)
    approved(earner(10_000, CARD, "bank_file"))
    failing = approved(earner(10_000, FAIL))
    payouts.send_payouts(at=AT)
    credit(earner(), -20_000)
    found = desk.figures(at=AT)
    counts = {row.words: row.count for row in found.queues if row.count}
    assert counts == {
        "To prepare 待初审": 1,
        "To approve 待复核": 1,
        "Second approvals 待二次复核": 1,
        "Held 冻结中": 1,
        "For the bank's file 待生成批次": 1,
        "Failed in seven days 七日内失败": 1,
        "Balances below zero 负余额": 1,
    }
    assert failing.number not in {row.number for row in found.to_decide}
    assert [row.number for row in found.to_decide] == [made[1].number, made[2].number]
    assert all(one.agrees for one in found.agreements)
    assert found.agreements[0].ours_fen == 4 * 6_000 + 1_000
    assert found.largest[0]["fen"] == 76_000
    owed = {(row["owner_kind"], row["kind"]): row["fen"] for row in found.exposure}
    assert owed["person", "in_transit"] == 25_000


def test_a_month_that_is_not_filed_stands_on_the_desk() -> None:
    account = earner(1_000_000)
    taxpayer(account)
    rule(tax_method="labour")
    payout = payouts.request(account=account, amount_fen=500_000, at=AT)
    payouts.prepare(number=payout.number, by=maker(), at=AT)
    payouts.approve(number=payout.number, by=officer("approve_payout"), at=AT)
    payouts.send_payouts(at=AT)
    assert waiting(AT) == {}
    later = AT + timedelta(days=20)
    assert waiting_in_words(later) == {
        "Months to file 待申报月份": 1,
        "Months of tax to remit 待缴税款月份": 1,
    }
    assert [month.tax_fen for month in desk.figures(at=later).tax_months] == [80_000]


def test_the_page_shows_gross_fee_tax_and_net_and_costs_the_same_however_much_waits(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = staff()
    client.get(URL)
    with django_assert_num_queries(20, exact=False) as few:
        client.get(URL)
    at = now()
    account = earner(10_000_000)
    taxpayer(account)
    rule(at, tax_method="labour", fee_bps=60)
    who = maker()
    for _ in range(6):
        payout = payouts.request(account=account, amount_fen=500_000, at=at)
        payouts.prepare(number=payout.number, by=who, at=at)
    with django_assert_num_queries(len(few)):
        page = client.get(URL).content.decode()
    for word in ("¥5,000.00", "− ¥30.00", "− ¥800.00", "¥4,170.00", "/approve_one"):
        assert word in page
    shown = client.get(f"/admin/commissions/payout/{payout.pk}/change/").content.decode()
    for word in ("¥5,000.00", "¥30.00", "¥800.00", "¥4,170.00"):
        assert word in shown
    assert PayoutRule.objects.count() == 1


def test_who_only_looks_has_no_desk() -> None:
    client = signed_in(officer("view_payout"))
    assert client.get(URL).status_code in (302, 403)
    assert "to-desk" not in client.get("/admin/").content.decode()
    assert "to-desk" in staff().get("/admin/").content.decode()
