"""Settlement 结算: what has matured becomes available, netted per payee, period by period.

The calendar (commissions/calendars.py) says in which period an order has matured and when the
period settles. Set-based: a chunk of 20,000 commission orders of a period costs the same few
statements as one. A chunk locks and marks its orders first and reads their splits in a later
statement, so a reversal that commits in between is seen. What another worker holds is skipped, not
waited for. A commission waits while it is held, while a refund of its line is open, and while a
refund that succeeded is not yet reversed.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from backend.core import audit, events
from backend.core.errors import NotFound, Refusal, WrongState
from backend.core.sql import rows, run, texts, value
from commissions import calendars, ledger
from commissions.calendars import Due
from commissions.models import AttributionDispute, CommissionOrder, SettlementRun

CHUNK = 20_000
Status = CommissionOrder.Status
RISK = "risk_"  # what the reasons of risk cases begin with
DISPUTE = "dispute"  # the reason where a dispute holds


class ReasonRequired(Refusal):
    """Holding money back needs a reason that can be shown."""

    code = "reason_required"
    status = 422
    title = "Give a reason of 1 to 60 characters"


def settle_due(
    *, at: datetime, chunk: int = CHUNK, limit: int | None = None
) -> SettlementRun | None:
    """Settles every commission order whose period is due at `at`, chunk by chunk, one run and one
    transaction each; at most `limit` chunks. Returns the last run, None where nothing was due. Any
    number of workers may do it at once."""
    last: SettlementRun | None = None
    done = 0
    for due in calendars.due(at=at):
        while limit is None or done < limit:
            made = _settle(due, at, chunk)
            if made is None:
                break
            last, done = made, done + 1
            if made.orders < chunk:
                break
        if done == limit:
            break
    return last


# A chunk's parts are sorted in memory, not on disk.
_MEMORY = "SET LOCAL work_mem = '64MB'"
# The transitions CONFIRMED → SETTLED of the model's table, for a whole chunk at once.
# Many may settle in a period at once; who closes it waits for them, and they for the closing.
_MARK = """
WITH open AS (
    SELECT closed_at IS NOT NULL AS late FROM commissions_settlementperiod
    WHERE id = %(period)s FOR SHARE
),
due AS (
    SELECT c.id FROM commissions_commissionorder c
    JOIN shops_orderline l ON l.id = c.order_line_id
    WHERE c.status = 'confirmed' AND c.held_reason = ''
      AND c.matures_at >= %(from)s AND c.matures_at < %(to)s AND c.matures_at <= %(by)s
      AND (c.shop_id = ANY(%(shops)s::bigint[])) = %(own)s AND c.refunded_fen = l.refunded_fen
      AND NOT EXISTS (SELECT 1 FROM shops_refundline r
                      WHERE r.order_line_id = l.id AND r.is_open)
    ORDER BY c.matures_at, c.id LIMIT %(size)s
    FOR NO KEY UPDATE OF c SKIP LOCKED
),
run AS (
    INSERT INTO commissions_settlementrun (period_id, late, as_of, started_at, orders, amount_fen)
    SELECT %(period)s, (SELECT late FROM open), %(at)s::timestamptz, %(at)s::timestamptz,
           count(*), 0
    FROM due HAVING count(*) > 0 RETURNING id
),
marked AS (
    UPDATE commissions_commissionorder c
    SET status = 'settled', settlement_run_id = run.id, version = c.version + 1
    FROM due, run WHERE c.id = due.id
)
SELECT id FROM run
"""
_NET = """
WITH parts AS (
    SELECT s.payee_id, CASE WHEN s.payee_id IS NULL THEN s.role END AS house,
           sum(s.amount_fen - s.reversed_fen)::bigint AS fen
    FROM commissions_commissionorder c
    JOIN commissions_commissionsplit s ON s.commission_id = c.id AND s.role <> 'shop'
    WHERE c.settlement_run_id = %(run)s
    GROUP BY 1, 2 HAVING sum(s.amount_fen - s.reversed_fen) <> 0
),
net AS (SELECT coalesce(house, 'person') AS payee_kind, payee_id, fen FROM parts),
posted AS (
    INSERT INTO commissions_settlementposting (run_id, payee_kind, payee_id, amount_fen)
    SELECT %(run)s, payee_kind, payee_id, fen FROM net ORDER BY payee_kind, payee_id
)
UPDATE commissions_settlementrun
SET amount_fen = (SELECT coalesce(sum(fen), 0) FROM net) WHERE id = %(run)s
"""


def settle_chunk(*, at: datetime, size: int = CHUNK) -> SettlementRun | None:
    """Settles up to `size` matured commission orders of one period in one transaction; None where
    nothing was due, or all that is due is in another worker's hands."""
    for due in calendars.due(at=at):
        made = _settle(due, at, size)
        if made is not None:
            return made
    return None


def _settle(due: Due, at: datetime, size: int) -> SettlementRun | None:
    with transaction.atomic():
        run(_MEMORY)
        made = rows(_MARK, {"period": due.period.pk, "at": at, "size": size, **due.matured})
        if not made:
            return None
        run_id: int = made[0]["id"]
        run(_NET, {"run": run_id})
        ledger.post_settlement(run_id, at=at)
        events.tell(kind="commissions.settled", subject_id=run_id, at=at)
        return SettlementRun.objects.get(pk=run_id)


def hold(*, commission_id: int, by: Any, reason: str, at: datetime) -> CommissionOrder:
    """Stops a commission order's clock: it does not settle until it is released.

    :raises NotFound: no such commission order.
    :raises ReasonRequired: no reason, or a longer one than 60 characters.
    :raises WrongState: settled or invalid already.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= 60:
        raise ReasonRequired()
    with transaction.atomic():
        order = _locked(commission_id)
        if order.held_reason:
            raise WrongState("The commission order is held already.")
        _set_hold(order, reason)
        audit.note(actor=by, action="commission.hold", target=order, at=at, reason=reason)
    return order


def release(*, commission_id: int, by: Any, reason: str, at: datetime) -> CommissionOrder:
    """Lets a held commission order settle again, unless a risk case or a dispute about it is open:
    then that holds it from now on. A dispute's own hold may be released before it is decided.

    :raises NotFound: no such commission order.
    :raises WrongState: not held, settled or invalid already.
    """
    with transaction.atomic():
        order = _locked(commission_id)
        if not order.held_reason:
            raise WrongState("The commission order is not held.")
        if order.held_reason.startswith(RISK):
            raise WrongState("A risk case is open about it: decide the case.")
        held = order.held_reason
        _set_hold(order, still_held(commission_id, but=held))
        audit.note(
            actor=by, action="commission.release", target=order, at=at, reason=reason, held=held
        )
    return order


_STILL = """
SELECT coalesce(
    (SELECT %(risk)s::text || k.rule FROM commissions_riskcase k
     WHERE k.commission_id = %(id)s AND k.status = 'open' ORDER BY k.id LIMIT 1),
    (SELECT %(dispute)s::text FROM commissions_attributiondispute d
     WHERE d.commission_id = %(id)s AND d.status = ANY(%(under_way)s::text[])
       AND %(dispute)s::text <> %(but)s::text LIMIT 1), '')
"""


def still_held(commission_id: int, *, but: str = "") -> str:
    """What else holds a commission order whose hold ends, '' where nothing does: an open risk case,
    then a dispute under way, except one that is `but`. The caller has locked the order."""
    under_way = [str(status) for status in AttributionDispute.UNDER_WAY]
    asked = {"id": commission_id, "risk": RISK, "dispute": DISPUTE, "but": but}
    return str(value(_STILL, {**asked, "under_way": texts(under_way)}))


def _locked(commission_id: int) -> CommissionOrder:
    rows_of = CommissionOrder.objects.select_for_update(no_key=True, of=("self",))
    order = rows_of.filter(pk=commission_id).first()
    if order is None:
        raise NotFound()
    if order.status not in (Status.ESTIMATED, Status.CONFIRMED):
        raise WrongState(f"The commission order is {order.status}.")
    return order


def _set_hold(order: CommissionOrder, reason: str) -> None:
    order.held_reason, order.version = reason, order.version + 1
    order.save(update_fields=["held_reason", "version"])
