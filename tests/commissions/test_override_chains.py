"""Whom an override pays beside the new winner: inviters and agencies as they stood when the order
was placed (X7, K1, K9, I2, I5)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.accounts.models import Account
from backend.core.errors import WrongState
from commissions import disputes, explain, overrides
from commissions.models import Agency, AttributionOverride, Promoter
from seeds.factories import (
    AccountFactory,
    AgencyEdgeFactory,
    AgencyFactory,
    PlanVersionFactory,
    PromoterFactory,
)
from tests.commissions import sales
from tests.commissions.disputed import (
    AT,
    DAY,
    DUE,
    FEN,
    Case,
    books_exact,
    chained,
    checker,
    clean,
    maker,
)
from tests.commissions.money_out import officer

pytestmark = pytest.mark.django_db


def _invited(case: Case) -> list[Promoter]:
    """Mia's inviter and second inviter, who joined before her."""
    second = PromoterFactory.create(joined_at=AT - 30 * DAY)
    inviter = PromoterFactory.create(sponsor=second, joined_at=AT - 30 * DAY)
    case.mia = PromoterFactory.create(sponsor=inviter, joined_at=AT - 30 * DAY)
    return [inviter, second]


@pytest.mark.parametrize("settled", [False, True])
def test_the_new_winners_inviters_and_agencies_are_paid_as_at_the_orders_time(
    settled: bool, settings: Any
) -> None:
    """Five payees; what Mia's chain became after the order moves nothing."""
    settings.PAYING_LEVELS, settings.THIRD_LEVEL_CONFIRMED = 3, True
    PlanVersionFactory.create(
        starts_at=AT - DAY + timedelta(hours=1), promoter_bps=7_000, inviter_bps=2_000,
        inviter2_bps=1_000,
    )  # fmt: skip
    case = Case()
    inviter, second = _invited(case)
    lower, upper = chained(case, (3_000, 4_000))
    later = _moved_later(case, lower)
    if settled:
        case.settle()
    made = _decided(case)
    # 2,000 × 70 % = 1,400: 980 kept, 252 to the agency, 168 above it.
    assert {role: fen for role, (fen, _) in sales.splits(case.commission).items()} == {
        "promoter": 980, "agency": 252, "agency2": 168, "inviter": 400, "inviter2": 200,
        "platform": 495, "charity": 5,
    }  # fmt: skip
    assert (made.inviter_id, made.inviter2_id) == (inviter.pk, second.pk)
    assert made.membership is not None
    assert made.affiliation is not None
    assert (made.membership.agency_id, made.affiliation.agency_id) == (lower.pk, upper.pk)
    kind = "available" if settled else "pending"
    paid = [case.mia.account, lower.owner, upper.owner, inviter.account, second.account]
    assert [sales.fen_of(one, kind) for one in paid] == [980, 252, 168, 400, 200]
    assert sales.fen_of(later.owner, kind) == 0
    trace = explain.for_staff(case.commission.pk)
    assert [one["agency"] for one in trace["tree"]["agencies"]] == [lower.pk, upper.pk]
    assert (trace["tree"]["edge"]["sponsor"], trace["tree"]["inviter2"]) == (inviter.pk, second.pk)
    assert trace["roles"] == ["promoter", "inviter", "inviter2"]
    assert clean(DUE)
    case.refund(FEN // 2)
    assert [sales.fen_of(one, kind) for one in paid] == [490, 126, 84, 200, 100]
    assert clean(DUE)


def _decided(case: Case) -> AttributionOverride:
    """The shop disputes the line, and two people give it to Mia."""
    dispute = case.open(case.sku.product.shop.account)
    case.proposed("promoter", case.mia.account.handle, dispute)
    return disputes.approve(dispute_id=dispute.pk, by=checker(), at=AT)


def _moved_later(case: Case, left: Agency) -> Agency:
    """After the order Mia leaves her agency and joins another."""
    other = AgencyFactory.create(share_bps=9_000, created_at=AT)
    for number, agency, kind in ((2, left, "left"), (3, other, "joined")):
        AgencyEdgeFactory.create(
            agency=agency, promoter=case.mia, number=number, kind=kind, from_at=AT + DAY
        )
    return other


def _deciding(account: Account) -> Account:
    """The account as staff who may propose and approve."""
    rights = officer("propose_override", "approve_override").user_permissions.all()
    account.user_permissions.set(rights)
    return Account.objects.get(pk=account.pk)


def _chained(case: Case) -> dict[str, Account]:
    """Whom Mia's winning would pay beside her."""
    inviter, second = _invited(case)
    lower, upper = chained(case, (3_000, 4_000))
    return {
        "the inviter": inviter.account, "the second inviter": second.account,
        "the agency": lower.owner, "the agency above": upper.owner,
    }  # fmt: skip


@pytest.mark.parametrize("eye", ["maker", "checker"])
@pytest.mark.parametrize(
    "party", ["the inviter", "the second inviter", "the agency", "the agency above"]
)
def test_nobody_decides_for_a_winner_above_whom_they_stand(
    party: str, eye: str, settings: Any
) -> None:
    """A chain is looked up when the line is decided: so is whether it pays who decides."""
    settings.PAYING_LEVELS, settings.THIRD_LEVEL_CONFIRMED = 3, True
    plan = {"promoter_bps": 7_000, "inviter_bps": 2_000, "inviter2_bps": 1_000}
    PlanVersionFactory.create(starts_at=AT - DAY + timedelta(hours=1), **plan)
    case = Case()
    who = _deciding(_chained(case)[party])
    dispute = case.open(case.linda.account)
    disputes.propose(
        dispute_id=dispute.pk, by=who if eye == "maker" else maker(), role="promoter",
        handle=case.mia.account.handle, reason="x", at=AT,
    )  # fmt: skip
    with pytest.raises(disputes.OwnDispute), transaction.atomic():
        disputes.approve(dispute_id=dispute.pk, by=checker() if eye == "maker" else who, at=AT)
    dispute.refresh_from_db()
    assert (dispute.status, case.fen()) == ("proposed", (1_400, 400, 0))
    assert not AttributionOverride.objects.exists()


def test_the_shops_owner_decides_nothing_about_the_shops_lines() -> None:
    """A line owed to nobody goes back to the shop whole."""
    case = Case()
    owner = _deciding(case.sku.product.shop.account)
    dispute = case.open()
    asked: dict[str, Any] = {"dispute_id": dispute.pk, "by": owner, "at": AT}
    with pytest.raises(disputes.OwnDispute), transaction.atomic():
        disputes.propose(**asked, role="promoter", handle="", reason="x")
    case.proposed("promoter", "", dispute)
    for act in (disputes.approve, lambda **more: disputes.reject(**more, reason="x")):
        with pytest.raises(disputes.OwnDispute), transaction.atomic():
            act(**asked)
    dispute.refresh_from_db()
    assert (dispute.status, case.fen()) == ("proposed", (1_600, 400, 0))
    assert not AttributionOverride.objects.exists()


def test_an_agency_that_is_suspended_leaves_the_part_with_the_new_winner() -> None:
    case = Case()
    lower, _ = chained(case, (3_000, 4_000))
    Agency.objects.filter(pk=lower.pk).update(status="suspended")
    made = case.to_mia()
    assert (made.membership_id, made.affiliation_id) == (None, None)
    assert case.fen() == (0, 0, 1_600)
    assert clean()


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.sampled_from(["mia", "linda", "author", "nobody", "refund", "settle"]), max_size=6
    ),
    price=st.integers(1, 99_999),
    cut=st.integers(1, 99),
    shares=st.tuples(st.integers(1, 10_000), st.integers(1, 10_000)),
)
def test_any_history_of_overrides_refunds_and_settlement_keeps_the_books(
    steps: list[str], price: int, cut: int, shares: tuple[int, int]
) -> None:
    with transaction.atomic():
        case, author = Case(), AccountFactory.create()
        chained(case, shares)
        code = case.links[0].code
        case.line = sales.sale(at=AT, sku=case.sku, price_fen=price, referral_code=code)
        case.agree()
        who = {"mia": ("promoter", case.mia.account.handle),
               "linda": ("promoter", case.linda.account.handle),
               "author": ("creator", author.handle), "nobody": ("promoter", "")}  # fmt: skip
        for step in steps:
            case.line.refresh_from_db()
            left = case.line.paid_fen - case.line.refunded_fen
            if step == "refund":
                if left:
                    case.refund(max(1, left * cut // 100))
            elif step == "settle":
                case.settle()
            else:
                dispute = case.open(case.sku.product.shop.account)
                try:
                    case.proposed(*who[step], dispute)
                    disputes.approve(dispute_id=dispute.pk, by=checker(), at=AT)
                except (overrides.NothingToOverride, WrongState):
                    disputes.reject(dispute_id=dispute.pk, by=checker(), reason="x", at=AT)
        assert books_exact(DUE) == []
        stands = case.commission
        trace = explain.for_staff(stands.pk)
        assert explain.recompute(trace)["splits"] == [
            {name: one[name] for name in one if name != "payee"} for one in trace["splits"]
        ]
        of_budget = [one for one in stands.splits.all() if one.role not in ("platform", "charity")]
        assert sum(one.amount_fen for one in of_budget) == stands.budget_fen
        transaction.set_rollback(True)
