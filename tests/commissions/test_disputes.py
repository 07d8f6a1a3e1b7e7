"""Disputes and overrides (X7): opened with evidence, decided by two people, moving money by new
journals alone, before and after settlement, with and without refunds; the books stay clean."""

from collections.abc import Callable
from typing import Any

import pytest

from backend.accounts.models import Account
from backend.core.errors import NotAllowed, NotFound, Refusal, WrongState
from backend.core.sql import value
from commissions import (
    accruals,
    bounties,
    disputes,
    earnings,
    explain,
    overrides,
    risks,
    settlement,
)
from commissions.models import (
    Attribution,
    AttributionDispute,
    AttributionOverride,
    Journal,
    RiskCase,
)
from notes.models import NoteProduct
from seeds.factories import AccountFactory, NoteFactory, PromoterFactory, PromotionLinkFactory
from tests.commissions import sales
from tests.commissions.disputed import (
    AT,
    DAY,
    DUE,
    FEN,
    Case,
    checker,
    clean,
    maker,
)
from tests.commissions.money_out import officer

pytestmark = pytest.mark.django_db


def test_before_settlement_pending_money_goes_from_the_old_payees_to_the_new() -> None:
    case = Case()
    assert case.fen() == (1_600, 400, 0)
    made = case.to_mia()
    assert case.fen() == (0, 0, 1_600)
    assert sales.house("shop", "payable", case.sku.product.shop_id) == -(1_600 + 500)
    assert (made.number, made.settled, made.reversed_fen) == (1, False, 0)
    assert sales.splits(case.commission) == {
        "promoter": (1_600, 0),
        "shop": (400, 0),
        "platform": (495, 0),
        "charity": (5, 0),
    }
    found = Attribution.objects.get(order_line=case.line)
    assert found.promoter_id == case.linda.pk  # as it was written
    assert clean()


def test_it_settles_to_the_new_payee_alone() -> None:
    case = Case()
    case.to_mia()
    case.settle()
    assert (case.fen(), case.fen("available")) == ((0, 0, 0), (0, 0, 1_600))
    assert clean(DUE)


def test_after_settlement_it_moves_what_is_available_below_zero_if_need_be() -> None:
    case = Case()
    case.settle()
    assert case.fen("available") == (1_600, 400, 0)
    run = (case.commission.settlement_run_id, case.commission.status)
    made = case.to_mia()
    assert made.settled
    assert case.fen("available") == (0, 0, 1_600)
    assert (case.commission.settlement_run_id, case.commission.status) == run
    assert earnings.summary(case.mia.account).settled_fen == 1_600
    assert earnings.summary(case.linda.account).settled_fen == 0
    assert clean(DUE)


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_refunds_beside_it_take_from_whom_the_line_is_owed_to_now(
    settled: bool, before: bool
) -> None:
    """A quarter refunded, before or after the override; then the rest."""
    case = Case()
    if settled:
        case.settle()
    if before:
        case.refund(2_500)
        case.to_mia()
    else:
        case.to_mia()
        case.refund(2_500)
    kind = "available" if settled else "pending"
    assert case.fen(kind) == (0, 0, 1_200)
    assert clean(DUE)
    case.refund(7_500)
    assert case.fen(kind) == (0, 0, 0)
    assert sales.house("shop", "payable", case.sku.product.shop_id) == 0
    assert clean(DUE)


def test_to_a_creator_and_to_nobody_and_back() -> None:
    case, author = Case(), AccountFactory.create()
    case.overridden("creator", author.handle)
    assert (case.fen(), sales.fen_of(author, "pending")) == ((0, 0, 0), 2_000)
    case.refund(2_500)
    assert sales.fen_of(author, "pending") == 1_500
    case.overridden("promoter", "")
    assert sales.fen_of(author, "pending") == 0
    assert (case.commission.budget_fen, case.commission.rate_bps) == (0, 0)
    assert clean()
    made = case.overridden("promoter", case.linda.account.handle)
    assert made.number == 3
    assert made.inviter_id == case.ella.pk
    assert case.fen() == (1_200, 300, 0)
    assert clean()


def test_a_line_that_nobody_won_is_owed_at_the_rate_frozen_on_it() -> None:
    case = Case(named=False)
    assert case.commission.budget_fen == 0
    case.refund(2_500)
    dispute = case.open(case.sku.product.shop.account)
    assert dispute.side == "shop"
    proposed = case.proposed("promoter", case.mia.account.handle, dispute)
    disputes.approve(dispute_id=proposed.pk, by=checker(), at=AT)
    assert (case.commission.rate_bps, case.commission.budget_fen) == (2_000, 2_000)
    assert case.fen() == (0, 0, 1_200)
    assert clean()


def test_the_explanation_shows_both_and_recomputes_what_stands() -> None:
    case = Case()
    case.refund(2_500)
    case.to_mia()
    trace = explain.of_commission(account=case.mia.account, commission_id=case.commission.pk)
    assert trace["attribution"]["rule"] == "named"
    (one,) = trace["overrides"]
    assert (one["promoter"], one["from"], one["reason"]) == (
        case.mia.pk,
        "pending",
        "Mia's click was the one named",
    )
    assert [(p["role"], p["amount_fen"]) for p in one["before"]["splits"]][:2] == [
        ("promoter", 1_600),
        ("inviter", 400),
    ]
    again = explain.recompute(trace)
    parts = [{k: v for k, v in part.items() if k != "payee"} for part in trace["splits"]]
    assert (again["budget_fen"], again["fee_fen"], again["splits"]) == (2_000, 500, parts)
    assert "override 1 (pending" in explain.readable(trace)
    # Who was paid before is still told why; a stranger is not.
    told = explain.of_commission(account=case.linda.account, commission_id=case.commission.pk)
    assert told["overrides"] == trace["overrides"]
    with pytest.raises(NotFound):
        explain.of_commission(account=case.buyer, commission_id=case.commission.pk)


# ---------------------------------------------------------------- who may do what, and when
def test_a_dispute_holds_the_clock_until_it_is_decided() -> None:
    case = Case()
    dispute = case.open()
    sales.receive(case.line, AT)
    case.agree()
    assert settlement.settle_due(at=DUE) is None
    assert case.commission.held_reason == "dispute"
    disputes.reject(dispute_id=dispute.pk, by=checker(), reason="No such click", at=AT)
    assert settlement.settle_due(at=DUE) is not None
    assert case.fen("available") == (1_600, 400, 0)
    assert not AttributionOverride.objects.exists()


def test_another_hold_outlives_the_dispute() -> None:
    case = Case()
    settlement.hold(commission_id=case.commission.pk, by=None, reason="risk", at=AT)
    case.to_mia()
    assert case.commission.held_reason == "risk"


def test_only_who_was_in_question_may_dispute_a_line() -> None:
    case = Case()
    for stranger in (AccountFactory.create(), case.buyer, PromoterFactory.create().account):
        with pytest.raises(NotFound):
            case.open(stranger)
    for party in (case.linda.account, case.ella.account, case.sku.product.shop.account):
        disputes.withdraw(account=party, dispute_id=case.open(party).pk, at=AT)
    case.open()
    with pytest.raises(disputes.DisputeOpen):
        case.open(case.linda.account)


def test_the_author_of_a_losing_note_may_dispute() -> None:
    case = Case(named=False)
    note = NoteFactory.create()
    NoteProduct.objects.create(note=note, product=case.sku.product, origin="others")
    link = PromotionLinkFactory.create(target_id=case.sku.product_id)
    line = sales.sale(at=AT, sku=case.sku, referral_code=link.code, source=("note", note.pk))
    accruals.reconcile_orders([line.order_id], at=AT)
    case.line = line
    assert case.open(note.author).side == "promoter"


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        ("propose without the right", NotAllowed),
        ("approve without the right", NotAllowed),
        ("approve one's own proposal", disputes.SameDecider),
        ("a payee approves", disputes.OwnDispute),
        ("the winner approves", disputes.OwnDispute),
        ("approve what nobody proposed", WrongState),
        ("propose nobody known", disputes.WinnerUnknown),
        ("the buyer wins", overrides.WinnerImpossible),
        ("the shop's owner wins", overrides.WinnerImpossible),
        ("the same as now", overrides.NothingToOverride),
        ("seen too little", overrides.AttributionChanged),
    ],
)
def test_what_is_refused_moves_nothing(act: str, refusal: type[Refusal]) -> None:
    case = Case()
    dispute = case.open()
    both = officer("propose_override", "approve_override")

    def proposal(role: str, handle: str, by: Account | None = None) -> Any:
        return disputes.propose(
            dispute_id=dispute.pk, by=by or maker(), role=role, handle=handle, reason="x", at=AT
        )

    def approval(by: Account | None = None) -> Any:
        return disputes.approve(dispute_id=dispute.pk, by=by or checker(), at=AT)

    def as_checker(account: Account) -> Account:
        account.user_permissions.set(checker().user_permissions.all())
        return Account.objects.get(pk=account.pk)

    def seen_before() -> None:
        AttributionDispute.objects.filter(pk=dispute.pk).update(proposed_version=1)

    mia = case.mia.account.handle
    before = (case.fen(), value("SELECT count(*) FROM commissions_journal"))
    mistakes: dict[str, Callable[[], Any]] = {
        "propose without the right": lambda: proposal("promoter", mia, checker()),
        "approve without the right": lambda: (proposal("promoter", mia), approval(maker())),
        "approve one's own proposal": lambda: (proposal("promoter", mia, both), approval(both)),
        "a payee approves": lambda: (
            proposal("promoter", mia),
            approval(as_checker(case.linda.account)),
        ),
        "the winner approves": lambda: (proposal("creator", both.handle), approval(both)),
        "approve what nobody proposed": approval,
        "propose nobody known": lambda: proposal("promoter", case.buyer.handle),
        "the buyer wins": lambda: (proposal("creator", case.buyer.handle), approval()),
        "the shop's owner wins": lambda: (
            proposal("creator", case.sku.product.shop.account.handle),
            approval(),
        ),
        "the same as now": lambda: (
            proposal("promoter", case.linda.account.handle),
            approval(),
        ),
        "seen too little": lambda: (proposal("promoter", mia), seen_before(), approval()),
    }
    with pytest.raises(refusal):
        mistakes[act]()
    assert before == (case.fen(), value("SELECT count(*) FROM commissions_journal"))
    dispute.refresh_from_db()
    assert dispute.status in ("open", "proposed")


def test_an_approval_happens_once() -> None:
    case = Case()
    dispute = case.proposed("promoter", case.mia.account.handle)
    disputes.approve(dispute_id=dispute.pk, by=checker(), at=AT)
    with pytest.raises(WrongState):
        disputes.approve(dispute_id=dispute.pk, by=checker(), at=AT)
    assert Journal.objects.filter(kind=Journal.Kind.OVERRIDE).count() == 1


def test_a_line_refunded_whole_has_nothing_left_to_move() -> None:
    case = Case()
    dispute = case.proposed("promoter", case.mia.account.handle)
    case.refund(FEN)
    with pytest.raises(WrongState, match="invalid"):
        disputes.approve(dispute_id=dispute.pk, by=checker(), at=AT)


def test_who_decides_a_dispute_leaves_the_order_to_its_risk_case() -> None:
    case = Case()
    dispute = case.open()
    ban = {"kind": "promoter", "source_id": case.linda.pk, "by": maker(), "at": AT}
    risks.ban(**ban, reason="bought clicks")
    assert (risks.scan(at=AT), case.commission.held_reason) == (1, "dispute")
    disputes.reject(dispute_id=dispute.pk, by=checker(), reason="No such click", at=AT)
    assert case.commission.held_reason == "risk_banned_source"
    again = case.open()
    found = RiskCase.objects.get()
    risks.release(case_id=found.pk, by=maker(), reason="they were real", at=AT)
    assert case.commission.held_reason == "dispute"
    disputes.withdraw(account=case.mia.account, dispute_id=again.pk, at=AT)
    assert case.commission.held_reason == ""


def test_a_hold_by_staff_gives_way_to_what_else_holds() -> None:
    case = Case()
    settlement.hold(commission_id=case.commission.pk, by=None, reason="a call", at=AT)
    case.open()
    for reason in ("dispute", ""):
        settlement.release(commission_id=case.commission.pk, by=None, reason="", at=AT)
        assert case.commission.held_reason == reason


def test_a_banned_promoter_is_whom_a_line_is_owed_to_now() -> None:
    case, other = Case(), Case()
    case.to_mia()
    for promoter in (case.linda, other.linda):
        ban = {"kind": "promoter", "source_id": promoter.pk, "by": maker(), "at": AT}
        risks.ban(**ban, reason="bought clicks")
    risks.scan(at=AT)
    assert (case.commission.held_reason, other.commission.held_reason) == ("", "risk_banned_source")


def test_a_bounty_counts_a_line_for_whom_it_is_owed_to() -> None:
    case = Case()
    shop = case.sku.product.shop
    bounties.offer(
        account=shop.account,
        shop_id=shop.pk,
        at=AT - DAY,
        title="双十一",
        goal="orders",
        target=1,
        reward_fen=100,
        budget_fen=1_000,
        starts_at=AT - DAY,
        ends_at=AT + DAY,
        hold_days=15,
    )

    def reached() -> list[int]:
        people = (case.linda, case.mia)
        return [bounties.seen_by(one.account)[0]["reached"] for one in people]

    assert reached() == [1, 0]
    case.to_mia()
    assert reached() == [0, 1]
