"""Claw-back to its end: a negative balance is carried, stops payouts, and may be written off by
two people (I4, I7, I9, K6; commissions.md of the design, §4)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from backend.core.errors import NotAllowed, NotFound, WrongState
from backend.core.models import AuditEntry
from commissions import accruals, books, earnings, payouts, settlement, writeoffs
from commissions.models import CommissionOrder, Journal, WriteOff
from commissions.payouts import BelowMinimum, InsufficientBalance, ReasonMissing, SamePerson
from seeds.factories import AccountFactory, PlanVersionFactory, PromotionLinkFactory, SkuFactory
from tests.commissions import money_out, sales
from tests.commissions.books_world import audited
from tests.commissions.money_out import AT, credit, money_of, officer

pytestmark = pytest.mark.django_db


def asker() -> object:
    return officer("request_writeoff")


def agreer() -> object:
    return officer("approve_writeoff")


def debtor(fen: int = 900) -> object:
    account = AccountFactory.create()
    credit(account, -fen)
    return account


def credited(account: object, fen: int) -> object:
    credit(account, fen)
    return account


def asked(account: object, by: object, **more: object) -> WriteOff:
    fields = {"reason": "uncollectable", "note": "moved away", "by": by, "at": AT} | more
    return writeoffs.request(account_id=account.pk, **fields)


def given_journals() -> int:
    return Journal.objects.filter(kind=Journal.Kind.WRITE_OFF).count()


# ---------------------------------------------------------------- what is written off
def test_a_refund_after_the_payout_is_carried_stops_payouts_and_is_written_off_by_two() -> None:
    """The whole way, with the books read at its end."""
    PlanVersionFactory.create(starts_at=AT - timedelta(days=99), published_at=AT)
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(target_id=sku.product_id, created_at=AT)
    linda = link.promoter.account
    line = sales.sale(at=AT, sku=sku, price_fen=10_000, referral_code=link.code)
    sales.receive(line, AT)
    accruals.reconcile_orders([line.order_id], at=AT)
    settlement.settle_due(at=AT + sales.WINDOW)
    assert sales.fen_of(linda, "available") == 1_600
    money_out.payee(linda)
    payout = payouts.request(account=linda, amount_fen=1_600, at=AT)
    payouts.prepare(number=payout.number, by=money_out.maker(), at=AT)
    payouts.approve(number=payout.number, by=money_out.checker(), at=AT)
    assert payouts.send_payouts(at=AT) == 1

    sales.refund(line, 10_000)
    accruals.reconcile_orders([line.order_id], at=AT)
    assert CommissionOrder.objects.get().status == "settled"
    assert earnings.summary(linda).available_fen == -1_600
    with pytest.raises(InsufficientBalance):
        payouts.request(account=linda, amount_fen=100, at=AT)

    made = asked(linda, asker())
    assert (made.amount_fen, made.written_fen) == (1_600, None)
    writeoffs.approve(write_off_id=made.pk, by=agreer(), at=AT)
    assert earnings.summary(linda)._asdict() == {
        "pending_fen": 0,
        "available_fen": 0,
        "in_transit_fen": 0,
        "settled_fen": 0,
        "written_off_fen": 1_600,
        "bounties_fen": 0,
    }
    assert sales.house("platform", "available") == 495 - 495 - 1_600
    assert audited(AT) == []
    assert audited(AT, exact=False) == []
    look = books._Look(AT, quick=True)
    first = [rule for rule in books.RULES if rule.code == "I1 A3"]
    assert all(map(look.holds, first)), "the quick statement is enough for a write-off's journal"


def test_no_more_is_forgiven_than_is_still_owed() -> None:
    account = debtor(900)
    made = asked(account, asker())
    credit(account, 600)
    assert writeoffs.approve(write_off_id=made.pk, by=agreer(), at=AT).written_fen == 300
    assert money_of(account) == (0, 0)


def test_a_part_of_the_debt_may_be_forgiven() -> None:
    account = debtor(900)
    made = asked(account, asker(), amount_fen=400)
    assert writeoffs.approve(write_off_id=made.pk, by=agreer(), at=AT).written_fen == 400
    assert money_of(account) == (-500, 0)


def test_a_debt_that_earnings_have_covered_is_not_written_off() -> None:
    account = debtor(900)
    made = asked(account, asker())
    credit(account, 900)
    with pytest.raises(writeoffs.NothingOwed):
        writeoffs.approve(write_off_id=made.pk, by=agreer(), at=AT)
    made.refresh_from_db()
    assert (made.status, money_of(account), given_journals()) == ("requested", (0, 0), 0)


def test_what_is_on_its_way_to_them_is_set_against_the_debt() -> None:
    """The payout may still come back: what it gives back would be theirs beside the forgiven debt.
    Once it is paid, the debt is one."""
    account = money_out.earner(10_000)
    staying = asked(credited(account, -14_000), asker())
    credit(account, 14_000)
    payout = payouts.request(account=account, amount_fen=10_000, at=AT)
    credit(account, -5_000)
    assert money_of(account) == (-5_000, 10_000)
    with pytest.raises(writeoffs.NothingOwed) as refused:
        writeoffs.approve(write_off_id=staying.pk, by=agreer(), at=AT)
    assert refused.value.extra == {"available_fen": -5_000, "in_transit_fen": 10_000}
    other = money_out.earner(10_000)
    kept = payouts.request(account=other, amount_fen=10_000, at=AT)
    credit(other, -5_000)
    with pytest.raises(writeoffs.NothingOwed):
        asked(other, asker())
    assert (given_journals(), WriteOff.objects.count()) == (0, 1)
    payouts.cancel(account=account, number=payout.number, at=AT)
    assert money_of(account) == (5_000, 0), "and not 10,000"
    payouts.prepare(number=kept.number, by=money_out.maker(), at=AT)
    payouts.approve(number=kept.number, by=money_out.checker(), at=AT)
    payouts.send_payouts(at=AT)
    made = asked(other, asker())
    assert made.amount_fen == 5_000
    writeoffs.approve(write_off_id=made.pk, by=agreer(), at=AT)
    assert money_of(other) == (0, 0)


def test_a_debt_beyond_what_is_on_its_way_is_forgiven_to_that_point() -> None:
    account = money_out.earner(10_000)
    payout = payouts.request(account=account, amount_fen=10_000, at=AT)
    credit(account, -15_000)
    made = asked(account, asker())
    assert made.amount_fen == 5_000
    writeoffs.approve(write_off_id=made.pk, by=agreer(), at=AT)
    payouts.cancel(account=account, number=payout.number, at=AT)
    assert money_of(account) == (0, 0)


def test_nothing_owed_is_nothing_to_ask_for() -> None:
    with pytest.raises(writeoffs.NothingOwed):
        asked(money_out.earner(100), asker())
    with pytest.raises(NotFound):
        writeoffs.request(account_id=10**9, reason="goodwill", note="x", by=asker(), at=AT)
    assert not WriteOff.objects.exists()


# ---------------------------------------------------------------- by whom
def test_who_asks_does_not_agree() -> None:
    account, both = debtor(), officer("request_writeoff", "approve_writeoff")
    made = asked(account, both)
    with pytest.raises(SamePerson):
        writeoffs.approve(write_off_id=made.pk, by=both, at=AT)
    assert (money_of(account), given_journals()) == ((-900, 0), 0)


def test_nobody_handles_their_own_debt() -> None:
    staff = officer("request_writeoff", "approve_writeoff")
    credit(staff, -900)
    with pytest.raises(writeoffs.OwnDebt):
        asked(staff, staff)
    made = asked(staff, asker())
    with pytest.raises(writeoffs.OwnDebt):
        writeoffs.approve(write_off_id=made.pk, by=staff, at=AT)
    with pytest.raises(writeoffs.OwnDebt):
        writeoffs.reject(write_off_id=made.pk, by=staff, reason="no", at=AT)
    assert given_journals() == 0


def test_each_step_needs_its_own_right() -> None:
    account = debtor()
    with pytest.raises(NotAllowed):
        asked(account, agreer())
    made = asked(account, asker())
    with pytest.raises(NotAllowed):
        writeoffs.approve(write_off_id=made.pk, by=asker(), at=AT)
    with pytest.raises(NotAllowed):
        writeoffs.reject(write_off_id=made.pk, by=officer(), reason="no", at=AT)
    assert given_journals() == 0


def test_each_decision_says_why_and_leaves_its_row() -> None:
    account = debtor()
    with pytest.raises(ReasonMissing):
        asked(account, asker(), note=" ")
    made = asked(account, asker())
    with pytest.raises(ReasonMissing):
        writeoffs.reject(write_off_id=made.pk, by=agreer(), reason=" ", at=AT)
    writeoffs.reject(write_off_id=made.pk, by=agreer(), reason="ask them once more", at=AT)
    again = asked(account, asker())
    writeoffs.approve(write_off_id=again.pk, by=agreer(), at=AT)
    told = AuditEntry.objects.filter(action__startswith="write_off.").order_by("id")
    acts = [action.removeprefix("write_off.") for action in told.values_list("action", flat=True)]
    assert acts == ["request", "reject", "request", "approve"]


def test_one_request_at_a_time() -> None:
    account = debtor()
    asked(account, asker())
    with pytest.raises(writeoffs.WriteOffOpen):
        asked(account, asker())


def test_a_second_approval_writes_nothing_off() -> None:
    account = debtor()
    made = asked(account, asker())
    writeoffs.approve(write_off_id=made.pk, by=agreer(), at=AT)
    credit(account, -200)
    with pytest.raises(WrongState):
        writeoffs.approve(write_off_id=made.pk, by=agreer(), at=AT)
    assert (money_of(account), given_journals()) == ((-200, 0), 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "approved", "decided_by_id": "maker", "written_fen": 900},
        {"status": "approved", "decided_by_id": "debtor", "written_fen": 900},
        {"status": "approved", "decided_by_id": "other", "written_fen": 901},
        {"status": "approved", "decided_by_id": "other", "written_fen": None},
        {"status": "rejected", "decided_by_id": "other", "written_fen": 1},
        {"requested_by_id": "debtor"},
        {"amount_fen": 0},
    ],
)
def test_the_database_refuses_what_the_verbs_refuse(changes: dict[str, object]) -> None:
    account, maker = debtor(), asker()
    made = asked(account, maker)
    people = {"maker": maker.pk, "debtor": account.pk, "other": agreer().pk}
    wanted = {name: people.get(str(value), value) for name, value in changes.items()}
    if "status" in wanted:
        wanted["decided_at"] = AT
    with pytest.raises(IntegrityError), transaction.atomic():
        WriteOff.objects.filter(pk=made.pk).update(**wanted)


def test_below_the_minimum_is_still_told_first() -> None:
    with pytest.raises(BelowMinimum):
        payouts.request(account=debtor(), amount_fen=1, at=AT)
