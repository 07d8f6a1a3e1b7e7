"""Making what lines lack: attribution, commission order, splits, journal and entries, in one
statement, which is a transaction of its own where nobody holds one. Lines that a plan may price
take one around both: what they take of a fund, and what they make of it, commit together."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backend.core.sql import columns, numbers, texts, value
from commissions import ledger, plans, split
from commissions.accruals.legs import legs_of
from commissions.accruals.looking import Found, Line
from commissions.attribution import Decision
from commissions.models import CommissionOrder, PlanVersion
from commissions.plans import Applied, Sold
from commissions.split import Shares, Split

# Ids come with what is written: the second of two who make the same runs into the unique key of
# the attribution, and nothing of its statement remains.
_CREATE = f"""
WITH attributed AS (
    INSERT INTO commissions_attribution
        (id, order_line_id, rule, source_kind, source_id, touch_id, promoter_id, inviter_id,
         creator_id, losers, findings, at, inviter2_id, membership_id, affiliation_id)
    SELECT id, line_id, rule, source_kind, source_id, touch_id, promoter_id, inviter_id,
        creator_id, losers::jsonb, findings::jsonb, %(at)s::timestamptz, inviter2_id,
        membership_id, affiliation_id
    FROM unnest(%(attribution_id)s::bigint[], %(line_id)s::bigint[], %(rule)s::text[],
        %(source_kind)s::text[], %(source_id)s::bigint[], %(touch_id)s::bigint[],
        %(promoter_id)s::bigint[], %(inviter_id)s::bigint[], %(creator_id)s::bigint[],
        %(losers)s::text[], %(findings)s::text[], %(inviter2_id)s::bigint[],
        %(membership_id)s::bigint[], %(affiliation_id)s::bigint[])
        AS w(id, line_id, rule, source_kind, source_id, touch_id, promoter_id, inviter_id,
             creator_id, losers, findings, inviter2_id, membership_id, affiliation_id)
    ORDER BY line_id RETURNING 1
),
made AS (
    INSERT INTO commissions_commissionorder
        (id, order_line_id, attribution_id, shop_id, plan_version_id, step, terms, base_fen,
         rate_bps, fee_bps, budget_fen, fee_fen, refunded_fen, status, reason, held_reason,
         accrued_at, version)
    SELECT id, line_id, attribution_id, shop_id, plan_id, step, nullif(terms, '')::jsonb, base_fen,
        rate_bps, fee_bps, budget_fen, fee_fen, 0, 'estimated', '', '', %(at)s::timestamptz, 1
    FROM unnest(%(commission_id)s::bigint[], %(line_id)s::bigint[], %(attribution_id)s::bigint[],
        %(shop_id)s::bigint[], %(plan_id)s::bigint[], %(step)s::text[], %(terms)s::text[],
        %(base_fen)s::bigint[], %(rate_bps)s::int[], %(fee_bps)s::int[],
        %(budget_fen)s::bigint[], %(fee_fen)s::bigint[])
        AS w(id, line_id, attribution_id, shop_id, plan_id, step, terms, base_fen, rate_bps,
             fee_bps, budget_fen, fee_fen)
),
parts AS (
    INSERT INTO commissions_commissionsplit
        (commission_id, role, payee_id, share_bps, amount_fen, reversed_fen)
    SELECT commission_id, role, payee_id, share_bps, amount_fen, 0
    FROM unnest(%(part_of)s::bigint[], %(part_role)s::text[], %(part_payee)s::bigint[],
        %(part_bps)s::int[], %(part_fen)s::bigint[])
        AS w(commission_id, role, payee_id, share_bps, amount_fen)
),
{ledger.posted(after="(SELECT count(*) FROM attributed) > 0")}
SELECT count(*) FROM attributed
"""
_TEXTS = {"rule", "source_kind", "losers", "findings", "step", "terms", "part_role"}
_LINE_COLUMNS = (
    "attribution_id", "commission_id", "line_id", "rule", "source_kind", "source_id", "touch_id",
    "promoter_id", "inviter_id", "creator_id", "losers", "findings", "shop_id", "plan_id",
    "step", "terms", "base_fen", "rate_bps", "fee_bps", "budget_fen", "fee_fen", "inviter2_id",
    "membership_id", "affiliation_id",
)  # fmt: skip
_PENDING = ledger.Kind.PENDING.value
_PART_COLUMNS = ("part_of", "part_role", "part_payee", "part_bps", "part_fen")


def make(missing: list[Found], at: datetime) -> int:
    """Makes what these lines lack and posts it; how many commission orders that were.

    :raises IntegrityError: somebody else has made one of them since they were looked at.
    """
    planned = list(_planned(missing, at))
    sold = [_sold(*pair) for pair in planned if pair[0].has_plans and pair[1].payees]
    if not sold:
        return _make(planned, {}, at)
    with transaction.atomic():
        return _make(planned, plans.apply(sold), at)


def _sold(line: Line, decision: Decision) -> Sold:
    """The line as plans look at it; who earns first is whom a plan may name."""
    return Sold(
        line.line_id,
        next(iter(decision.payees.values())),
        line.paid_fen,
        line.fee_bps,
        line.commission_bps,
        line.plan_id or 0,
        _shares(line),
    )


def _make(planned: list[Found], applied: dict[int, Applied], at: datetime) -> int:
    lines: list[tuple[Any, ...]] = []
    parts: list[tuple[Any, ...]] = []
    legs = ledger.Legs()
    for line, decision in planned:
        plan = applied.get(line.line_id)
        made = _split(line, decision, plan)
        lines.append(_row(line, decision, made, plan))
        payees = decision.payees
        amounts = [(role, payees.get(role), fen) for role, _, fen in made.parts]
        parts += [
            (line.commission_id, role, payees.get(role), bps, fen) for role, bps, fen in made.parts
        ]
        journal = ledger.journal_id(ledger.JournalKind.ACCRUAL, line.commission_id)
        for key, fen in legs_of(line.shop_id, amounts, _PENDING):
            legs.add(journal, key, fen)
    asked = _as_columns(_LINE_COLUMNS, lines) | _as_columns(_PART_COLUMNS, parts)
    return int(value(_CREATE, {**asked, **legs.columns(), "at": at}))


def _planned(missing: list[Found], at: datetime) -> Iterator[Found]:
    """The lines, with the oldest plan for those that were placed before every plan."""
    oldest: PlanVersion | None = None
    for line, decision in missing:
        if line.plan_id is not None:
            yield line, decision
        else:
            oldest = oldest or plans.ensure_default(at=at)
            yield line.under(oldest), decision


def _shares(line: Line) -> Shares:
    return Shares(
        line.promoter_bps,
        line.inviter_bps,
        line.creator_bps,
        line.charity_bps,
        line.inviter2_bps,
    )


def _split(line: Line, decision: Decision, plan: Applied | None) -> Split:
    return split.split(
        base_fen=line.paid_fen,
        rate_bps=plan.rate_bps if plan else line.commission_bps,
        fee_bps=line.fee_bps,
        shares=plan.shares if plan else _shares(line),
        roles=tuple(decision.payees),
        passed=decision.passed,
        budget_fen=plan.budget_fen if plan else None,
    )


_PRODUCT, _PLATFORM = str(CommissionOrder.Step.PRODUCT), str(CommissionOrder.Step.PLATFORM)


def _step(line: Line, decision: Decision) -> str:
    """Of a line that no other plan covers: the product's offer under the market's default."""
    if not decision.payees:
        return ""
    return _PRODUCT if line.commission_bps else _PLATFORM


def _row(line: Line, decision: Decision, made: Split, plan: Applied | None) -> tuple[Any, ...]:
    """The columns of the attribution and of the commission order. Without a winner the rate is
    0: a budget is half-even(base × rate), or what the plan's terms say."""
    rate_bps = plan.rate_bps if plan else line.commission_bps
    step = plan.step if plan else _step(line, decision)
    return (
        line.attribution_id,
        line.commission_id,
        line.line_id,
        decision.rule,
        decision.source_kind,
        decision.source_id,
        decision.touch_id,
        decision.promoter_id,
        decision.inviter_id,
        decision.creator_id,
        json.dumps(decision.losers) if decision.losers else "[]",
        json.dumps(decision.findings) if decision.findings else "[]",
        line.shop_id,
        plan.version_id if plan else line.plan_id,
        step,
        json.dumps(plan.terms, ensure_ascii=False) if plan else "",
        line.paid_fen,
        rate_bps if decision.payees else 0,
        line.fee_bps,
        made.budget_fen,
        made.fee_fen,
        decision.inviter2_id,
        decision.membership_id,
        decision.affiliation_id,
    )


def _as_columns(names: Sequence[str], records: Collection[tuple[Any, ...]]) -> dict[str, str]:
    found = zip(names, columns(records, len(names)), strict=True)
    return {name: (texts if name in _TEXTS else numbers)(column) for name, column in found}
