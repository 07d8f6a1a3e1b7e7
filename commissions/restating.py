"""Re-stating 重述: closing a settled period, and saying later what has changed in it since (X4).

A refund or an override of what has settled moves its money at once, by a journal of its own out of
`available`; nothing is edited. Re-stating a closed period therefore moves nothing: it records, as
dated lines, which journals have changed the period's outcome since it was closed, each once for
ever. What the period's runs have posted in time plus the lines of all its re-statements is what
settling it from scratch, today, would post; so doing it twice adds nothing
(docs/decisions/0019-restating-moves-no-money.md).
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Value

from backend.core import audit
from backend.core.errors import NotFound, Refusal, WrongState
from backend.core.sql import rows, value
from commissions import calendars
from commissions.models import Restatement, SettlementPeriod

RESTATE = "commissions.restate_settlementperiod"
# A little after a period is due, so that what matured in its last moments has settled in time.
GRACE = timedelta(hours=1)
SLACK = timedelta(days=1)
_DAY = Value(timedelta(days=1))


class RestatementReasonMissing(Refusal):
    """Whoever re-states says why."""

    code = "reason_required"
    status = 422
    title = "Give a reason of 1 to 300 characters"


class Payee(NamedTuple):
    """A person (by account), the platform or charity (0)."""

    kind: str
    owner_id: int


_LEFT = """
SELECT 1 FROM commissions_commissionorder c JOIN shops_orderline l ON l.id = c.order_line_id
WHERE c.status = 'confirmed' AND c.held_reason = ''
  AND c.matures_at >= %(from)s AND c.matures_at < %(to)s AND c.matures_at <= %(by)s
  AND (c.shop_id = ANY(%(shops)s::bigint[])) = %(own)s AND c.refunded_fen = l.refunded_fen
  AND NOT EXISTS (SELECT 1 FROM shops_refundline r WHERE r.order_line_id = l.id AND r.is_open)
LIMIT 1
"""


def close_due(*, at: datetime) -> int:
    """Closes the periods that were due an hour ago and in which nothing is left that could settle;
    how many that were. What is held or under refund settles later, in late runs."""
    closed = 0
    # Those that are due first, not those that ended first: what waits for many settle_days would
    # hide the others. A civil day may be hours longer than 24, or left out: _close asks exactly.
    days = ExpressionWrapper(F("rule__settle_days") * _DAY, DurationField())
    due = ExpressionWrapper(F("to_at") + days, DateTimeField())
    waiting = SettlementPeriod.objects.filter(closed_at=None, to_at__lte=at - GRACE)
    waiting = waiting.annotate(due=due).filter(due__lte=at - GRACE + SLACK)
    for period in waiting.select_related("rule").order_by("due", "id")[:200]:
        closed += _close(period, at)
    return closed


def _close(period: SettlementPeriod, at: datetime) -> int:
    if calendars.due_at(period) + GRACE > at:
        return 0
    with transaction.atomic():
        locked = SettlementPeriod.objects.select_for_update(no_key=True, of=("self",))
        fresh = locked.filter(pk=period.pk, closed_at=None).first()
        if fresh is None or value(_LEFT, calendars.matured_in(period, at)):
            return 0
        fresh.closed_at = at
        fresh.save(update_fields=["closed_at"])
        return 1


# Journals that have moved a payee's available since: of refunds and overrides of what the period's
# runs had settled, and of runs after it was closed.
_CHANGED = """
SELECT e.account_id, e.journal_id, x.commission_id, x.run_id, e.amount_fen
FROM (
    SELECT (2::bigint << 56) + r.id AS journal_id, c.id AS commission_id,
           c.settlement_run_id AS run_id
    FROM commissions_settlementrun s
    JOIN commissions_commissionorder c ON c.settlement_run_id = s.id
    JOIN commissions_commissionreversal r ON r.commission_id = c.id AND r.settled
    WHERE s.period_id = %(period)s
    UNION ALL
    SELECT (20::bigint << 56) + v.id, c.id, c.settlement_run_id
    FROM commissions_settlementrun s
    JOIN commissions_commissionorder c ON c.settlement_run_id = s.id
    JOIN commissions_attributionoverride v ON v.commission_id = c.id AND v.settled
    WHERE s.period_id = %(period)s
    UNION ALL
    SELECT (3::bigint << 56) + p.id, NULL, s.id
    FROM commissions_settlementrun s
    JOIN commissions_settlementposting p ON p.run_id = s.id
    WHERE s.period_id = %(period)s AND s.late) x
JOIN commissions_entry e ON e.journal_id = x.journal_id
JOIN commissions_ledgeraccount a
  ON a.id = e.account_id AND a.kind = 'available' AND a.owner_kind <> 'shop'
WHERE NOT EXISTS (SELECT 1 FROM commissions_restatementline n
                  WHERE (n.account_id, n.journal_id) = (e.account_id, e.journal_id))
"""
_RESTATE = f"""
WITH changed AS MATERIALIZED ({_CHANGED}),
made AS (
    INSERT INTO commissions_restatement
        (period_id, number, at, by_id, reason, lines_count, amount_fen)
    SELECT %(period)s, 1 + (SELECT count(*) FROM commissions_restatement
                            WHERE period_id = %(period)s),
           %(at)s::timestamptz, %(by)s, %(reason)s, count(*), sum(amount_fen)
    FROM changed HAVING count(*) > 0 RETURNING id
),
told AS (
    INSERT INTO commissions_restatementline
        (account_id, journal_id, restatement_id, commission_id, run_id, amount_fen)
    SELECT account_id, journal_id, made.id, commission_id, run_id, amount_fen
    FROM changed, made ORDER BY account_id, journal_id
)
SELECT id FROM made
"""


def restate(*, period_id: int, by: Any, reason: str, at: datetime) -> Restatement | None:
    """Records what has changed in a closed period since it was closed or last re-stated; None where
    nothing has. Moves no money. Two who do it at once meet at the period's row.

    :raises NotFound: no such period.
    :raises RestatementReasonMissing: no reason, or a longer one than 300 characters.
    :raises WrongState: the period is not closed.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= 300:
        raise RestatementReasonMissing()
    with transaction.atomic():
        locked = SettlementPeriod.objects.select_for_update(no_key=True, of=("self",))
        period = locked.filter(pk=period_id).first()
        if period is None:
            raise NotFound()
        if period.closed_at is None:
            raise WrongState("The period is not closed: what changes is settled with it.")
        by_id = getattr(by, "pk", None)
        asked = {"period": period_id, "at": at, "by": by_id, "reason": reason}
        made = rows(_RESTATE, asked)
        if not made:
            return None
        found = Restatement.objects.select_related("period").get(pk=made[0]["id"])
        audit.note(
            actor=by,
            action="settlement_period.restate",
            target=period,
            at=at,
            reason=reason,
            number=found.number,
            lines=found.lines_count,
            amount_fen=found.amount_fen,
        )
    return found


_RESTATED = """
SELECT kind, owner_id, sum(fen)::bigint AS fen FROM (
    SELECT p.payee_kind AS kind, coalesce(p.payee_id, 0) AS owner_id, p.amount_fen AS fen
    FROM commissions_settlementposting p
    JOIN commissions_settlementrun s ON s.id = p.run_id
    WHERE s.period_id = %(period)s AND NOT s.late
    UNION ALL
    SELECT a.owner_kind, a.owner_id, n.amount_fen
    FROM commissions_restatementline n
    JOIN commissions_restatement m ON m.id = n.restatement_id
    JOIN commissions_ledgeraccount a ON a.id = n.account_id
    WHERE m.period_id = %(period)s) w
GROUP BY 1, 2 HAVING sum(fen) <> 0
"""
_FROM_SCRATCH = """
SELECT CASE WHEN s.payee_id IS NULL THEN s.role ELSE 'person' END AS kind,
       coalesce(s.payee_id, 0) AS owner_id, sum(s.amount_fen - s.reversed_fen)::bigint AS fen
FROM commissions_settlementrun r
JOIN commissions_commissionorder c ON c.settlement_run_id = r.id
JOIN commissions_commissionsplit s ON s.commission_id = c.id AND s.role <> 'shop'
WHERE r.period_id = %(period)s
GROUP BY 1, 2 HAVING sum(s.amount_fen - s.reversed_fen) <> 0
"""


def restated(period_id: int) -> dict[Payee, int]:
    """What the period's runs have posted in time and its re-statements have added, in fen."""
    return _by_payee(_RESTATED, period_id)


def from_scratch(period_id: int) -> dict[Payee, int]:
    """What settling the period anew would post, from its commission orders as they are now."""
    return _by_payee(_FROM_SCRATCH, period_id)


def _by_payee(statement: str, period_id: int) -> dict[Payee, int]:
    found = rows(statement, {"period": period_id})
    return {Payee(row["kind"], row["owner_id"]): row["fen"] for row in found}


class Progress(NamedTuple):
    """How far a period has settled: runs (chunks) and orders done, late ones among them; orders
    left, of which some wait for a release or a refund's end."""

    runs: int
    orders: int
    late_runs: int
    amount_fen: int
    left: int
    waiting: int
    unstated: int


_PROGRESS = """
SELECT count(*) AS runs, coalesce(sum(orders), 0)::bigint AS orders,
       count(*) FILTER (WHERE late) AS late_runs, coalesce(sum(amount_fen), 0)::bigint AS fen
FROM commissions_settlementrun WHERE period_id = %(period)s
"""
_STILL = """
SELECT count(*) AS open, count(*) FILTER (
    WHERE c.held_reason <> '' OR c.refunded_fen <> l.refunded_fen OR EXISTS (
        SELECT 1 FROM shops_refundline r WHERE r.order_line_id = l.id AND r.is_open)) AS waiting
FROM commissions_commissionorder c JOIN shops_orderline l ON l.id = c.order_line_id
WHERE c.status = 'confirmed' AND c.matures_at >= %(from)s AND c.matures_at < %(to)s
  AND (c.shop_id = ANY(%(shops)s::bigint[])) = %(own)s
"""


_UNSTATED = f"SELECT count(*) FROM ({_CHANGED}) w"


def progress(period: SettlementPeriod) -> Progress:
    """How far a period is settled; three statements."""
    done = rows(_PROGRESS, {"period": period.pk})[0]
    asked = calendars.matured_in(period, period.to_at)
    asked.pop("by")
    still = rows(_STILL, asked)[0]
    changed = value(_UNSTATED, {"period": period.pk})
    return Progress(
        done["runs"],
        done["orders"],
        done["late_runs"],
        done["fen"],
        still["open"],
        still["waiting"],
        changed,
    )
