"""Overrides 改判: a line is owed to somebody else than its attribution says, by the decision of two
people. The attribution stays as it was written; what changes is recorded beside it.

The parts are divided anew by the plan version of the commission, over the new winner with the
inviters and agencies that stood above them when the order was placed: the chain that the line would
have had from the start. The difference moves by one journal: out of the old payees, into the new,
in `pending` before settlement and in `available` after it, where the old payee's may go below zero.
What refunds have taken back stays taken back, now from the new parts. Everything later (refunds,
settlement) finds the new parts and nothing else.

Locks: the commission order, then ledger accounts; the state is read again after the lock.
"""

from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from backend.accounts.models import Account
from backend.core import events
from backend.core.errors import NotFound, Refusal, WrongState
from backend.core.sql import read, rows, run
from commissions import attribution_rules, ledger, plans, split, uplines
from commissions.accruals.legs import legs_of
from commissions.attribution import Candidate, Decision
from commissions.models import (
    AttributionOverride,
    CommissionOrder,
    CommissionSplit,
    PlanVersion,
    Promoter,
)
from commissions.split import Taken

Status = CommissionOrder.Status


class AttributionChanged(Refusal):
    """Another override came in between: look at the line again before deciding."""

    code = "attribution_changed"
    status = 409
    title = "The line has been decided anew in the meantime"


class NothingToOverride(Refusal):
    """The line is owed to exactly these already."""

    code = "nothing_to_override"
    status = 422
    title = "The line is owed to them already"


class WinnerImpossible(Refusal):
    """Neither the shop's owner nor, where the market pays no self-purchase, the buyer can be owed
    a commission."""

    code = "winner_impossible"
    status = 422
    title = "A line cannot be owed to its buyer or its shop"


class PricedByPlan(Refusal):
    """A plan's fund and caps have paid for the line: it can be owed to somebody else, not to
    nobody."""

    code = "priced_by_plan"
    status = 409
    title = "A line that a plan has priced is owed to somebody"


class Winner(NamedTuple):
    """Whom a line is owed to: a promoter, a creator, or (both empty) nobody."""

    promoter: Promoter | None
    creator: Account | None


class Part(NamedTuple):
    """One role's part, as it stands: of `amount_fen`, `reversed_fen` is taken back."""

    role: str
    payee_id: int | None
    share_bps: int
    amount_fen: int
    reversed_fen: int


# One row: there is nothing to put in order.
_LOCK = "SELECT id FROM commissions_commissionorder WHERE id = %s FOR NO KEY UPDATE"
_STATE = """
SELECT c.id, c.shop_id, c.status, c.base_fen, c.rate_bps, c.fee_bps, c.budget_fen, c.fee_fen,
       c.refunded_fen, c.plan_version_id, c.version, c.terms IS NOT NULL AS is_priced,
       c.order_line_id, l.commission_bps, o.buyer_id,
       shop.account_id AS owner_id, seen.number,
       (SELECT json_agg(json_build_array(s.role, s.payee_id, s.share_bps, s.amount_fen,
            s.reversed_fen) ORDER BY s.id)
        FROM commissions_commissionsplit s WHERE s.commission_id = c.id) AS parts
FROM commissions_commissionorder c
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
JOIN shops_shop shop ON shop.id = c.shop_id
CROSS JOIN LATERAL (SELECT count(*) AS number FROM commissions_attributionoverride
    WHERE commission_id = c.id) seen
WHERE c.id = %s
"""


def seen_of(commission_id: int) -> int:
    """How many overrides a commission has: what a maker has seen when they propose."""
    return AttributionOverride.objects.filter(commission=commission_id).count()


# Who shares in the line beside the winner, as the override records it.
_BESIDE = ("inviter_id", "inviter2_id", "membership_id", "affiliation_id")


def write(
    *,
    dispute_id: int,
    commission_id: int,
    winner: Winner,
    seen: int,
    prepared_by: Any,
    approved_by: Any,
    reason: str,
    at: datetime,
) -> AttributionOverride:
    """Writes the override and moves the money; runs in the transaction that settles its dispute.

    :raises NotFound: no such commission order.
    :raises WrongState: it is invalid: nothing is left to move.
    :raises AttributionChanged: it has another number of overrides than `seen`.
    :raises WinnerImpossible: the shop's owner, or a buyer whom this market does not pay.
    :raises PricedByPlan: it would be owed to nobody, though a plan has priced it.
    :raises NothingToOverride: it is owed to exactly them.
    """
    assert connection.in_atomic_block, "an override belongs to the decision that causes it"
    state = _locked(commission_id)
    if state["number"] != seen:
        raise AttributionChanged()
    chain = _chain(winner, state)
    if state["is_priced"] and not chain.payees:
        raise PricedByPlan()
    before = [Part(*part) for part in state["parts"] or []]
    after, rate_bps, budget_fen = _divided(state, chain)
    if [(part.role, part.payee_id) for part in before] == [
        (part.role, part.payee_id) for part in after
    ]:
        raise NothingToOverride()
    settled = state["status"] == Status.SETTLED
    made = AttributionOverride.objects.create(
        commission_id=commission_id,
        number=seen + 1,
        dispute_id=dispute_id,
        promoter=winner.promoter,
        **{name: getattr(chain, name) for name in _BESIDE},
        creator=winner.creator,
        before={
            "rate_bps": state["rate_bps"],
            "budget_fen": state["budget_fen"],
            "splits": [part._asdict() for part in before],
        },
        reversed_fen=_back(after) - _back(before),
        settled=settled,
        prepared_by=prepared_by,
        approved_by=approved_by,
        reason=reason,
        at=at,
    )
    _replace(commission_id, after, rate_bps, budget_fen)
    kind = (ledger.Kind.AVAILABLE if settled else ledger.Kind.PENDING).value
    out = [(key, -fen) for key, fen in _legs(state["shop_id"], before, kind)]
    legs = [*out, *_legs(state["shop_id"], after, kind)]
    ledger.post([ledger.Posting(ledger.JournalKind.OVERRIDE, made.pk, legs)], at=at)
    events.tell(kind="commission.decided", subject_id=commission_id, at=at)
    return made


def _locked(commission_id: int) -> dict[str, Any]:
    if not rows(_LOCK, [commission_id]):
        raise NotFound()
    state = read(_STATE, [commission_id])[0]
    if state["status"] == Status.INVALID:
        raise WrongState("The commission order is invalid: nothing is left to move.")
    return state


def _chain(winner: Winner, state: dict[str, Any]) -> Decision:
    """Who shares in the line beside the winner: the chain that the line would have had if it had
    been decided so from the start, by the dated edges of the order's time (commissions.uplines).
    """
    barred = [state["owner_id"]]
    if settings.SELF_PURCHASE != "commission":
        barred.append(state["buyer_id"])
    promoter, creator = winner
    account_id = promoter.account_id if promoter else creator and creator.pk
    if account_id in barred:
        raise WinnerImpossible()
    decision = Decision()
    if creator is not None:
        decision.creator_id, decision.payees = creator.pk, {split.CREATOR: creator.pk}
    elif promoter is not None:
        decision.promoter_id = promoter.pk
        decision.payees = {split.PROMOTER: promoter.account_id}
        decision.undated = _candidate(promoter), attribution_rules.rules_now()
        asked = (state["order_line_id"], state["buyer_id"], state["owner_id"], decision)
        uplines.complete([asked])
    return decision


def _candidate(promoter: Promoter) -> Candidate:
    """A promoter to whom people, and no source, give a line."""
    given: dict[str, Any] = dict.fromkeys(Candidate._fields) | {
        "kind": "",
        "promoter_id": promoter.pk,
        "promoter_account_id": promoter.account_id,
        "promoter_status": promoter.status,
    }
    return Candidate(**given)


def _divided(state: dict[str, Any], decision: Decision) -> tuple[list[Part], int, int]:
    """The parts of the new payees, the rate and the budget: of the same plan version, with what
    refunds have taken back so far. What a plan has set as the budget stays it."""
    payees = decision.payees
    rate_bps = (state["rate_bps"] or state["commission_bps"]) if payees else 0
    version = PlanVersion.objects.get(pk=state["plan_version_id"])
    made = split.split(
        base_fen=state["base_fen"],
        rate_bps=rate_bps,
        fee_bps=state["fee_bps"],
        shares=plans.shares_of(version),
        roles=tuple(payees),
        passed=decision.passed,
        budget_fen=state["budget_fen"] if state["is_priced"] else None,
    )
    back = split.reversal(
        base_fen=state["base_fen"],
        refunded_fen=state["refunded_fen"],
        rate_bps=rate_bps,
        fee_bps=state["fee_bps"],
        budget_fen=made.budget_fen,
        fee_fen=made.fee_fen,
        parts=[Taken(part.role, part.amount_fen, 0) for part in made.parts],
    )
    parts = [
        Part(part.role, payees.get(part.role), part.share_bps, part.amount_fen, taken)
        for part, taken in zip(made.parts, back, strict=True)
    ]
    return parts, rate_bps, made.budget_fen


def _replace(commission_id: int, parts: list[Part], rate_bps: int, budget_fen: int) -> None:
    CommissionSplit.objects.filter(commission=commission_id).delete()
    CommissionSplit.objects.bulk_create(
        CommissionSplit(commission_id=commission_id, **part._asdict()) for part in parts
    )
    run(
        "UPDATE commissions_commissionorder SET rate_bps = %s, budget_fen = %s,"
        " version = version + 1 WHERE id = %s",
        [rate_bps, budget_fen, commission_id],
    )


def _legs(shop_id: int, parts: list[Part], kind: str) -> list[tuple[ledger.AccountKey, int]]:
    net = [(part.role, part.payee_id, part.amount_fen - part.reversed_fen) for part in parts]
    return legs_of(shop_id, net, kind)


def _back(parts: list[Part]) -> int:
    return sum(part.reversed_fen for part in parts)
