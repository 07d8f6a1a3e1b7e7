"""Writing the statements of a period that is over, owner by owner: any number of workers at once,
and where one dies another goes on (a due row says what is left).

An entry belongs to the first statement of its owner that is written after it was committed and
whose period ends after it was posted. So nothing is ever stated twice or left out, also what was
committed late: that stands, marked, on the next statement, and a closed one never changes.

Locks: the period's row, then due rows by id; nobody waits for another's due row.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction

from backend.core import ids
from backend.core.logs import get
from backend.core.sql import rows, run
from commissions import calendars
from commissions.calendars import Calendar
from commissions.models import SettlementPeriod, Statement, StatementDue
from commissions.statements import reading, signing

log = get(__name__)
# A little after a period's end, so that what its last moments have caused is posted.
GRACE = timedelta(hours=1)
BATCH = 50  # statements a transaction


def state_due(*, at: datetime, limit: int = 2_000) -> int:
    """Writes statements of periods that ended an hour ago, at most `limit`; how many owners were
    looked at. Call it again until it answers 0."""
    for calendar in calendars.calendars(at=at):
        try:
            for period in calendars.ended(calendar, by=at - GRACE):
                _begin(period, calendar, at)
        except Exception:
            # A bug for people to look at; it must not keep everybody's statements back.
            whose = f"shop {calendar.shop_id}" if calendar.shop_id else "the market"
            log.exception("the calendar of %s cannot be stated", whose)
    done = 0
    while done < limit:
        taken = _write_some(at, min(BATCH, limit - done))
        if not taken:
            break
        done += taken
    _finish(at)
    return done


_DUES = """
INSERT INTO commissions_statementdue (period_id, owner_kind, owner_id)
SELECT %(period)s, a.owner_kind, a.owner_id FROM commissions_ledgeraccount a
WHERE CASE WHEN %(shop)s::bigint IS NOT NULL
           THEN a.owner_kind = 'shop' AND a.owner_id = %(shop)s::bigint
           ELSE a.owner_kind = 'person'
             OR (a.owner_kind = 'shop' AND NOT a.owner_id = ANY(%(apart)s::bigint[])) END
  AND EXISTS (
    SELECT 1 FROM commissions_entry e WHERE e.account_id = a.id AND e.at < %(to)s
      AND NOT EXISTS (SELECT 1 FROM commissions_statementline n
                      WHERE (n.account_id, n.journal_id) = (e.account_id, e.journal_id)))
GROUP BY a.owner_kind, a.owner_id ORDER BY a.owner_kind, a.owner_id
ON CONFLICT (owner_kind, owner_id, period_id) DO NOTHING
"""


def _begin(period: SettlementPeriod, calendar: Calendar, at: datetime) -> None:
    """Notes whose statements are to be written, once."""
    with transaction.atomic():
        locked = SettlementPeriod.objects.select_for_update(no_key=True, of=("self",))
        fresh = locked.filter(pk=period.pk, stating_at=None).first()
        if fresh is None:
            return
        apart = [
            one.shop_id
            for one in calendars.calendars(at=at)
            if one.since is not None and one.since < fresh.to_at
        ]
        asked = {"period": fresh.pk, "shop": calendar.shop_id, "apart": apart, "to": fresh.to_at}
        run(_DUES, asked)
        fresh.stating_at = at
        fresh.save(update_fields=["stating_at"])


# Of an owner the earlier period first, also where another worker has it in hand.
_TAKE = """
SELECT d.id, d.period_id, d.owner_kind, d.owner_id FROM commissions_statementdue d
JOIN commissions_settlementperiod p ON p.id = d.period_id
WHERE NOT EXISTS (
    SELECT 1 FROM commissions_statementdue b
    JOIN commissions_settlementperiod q ON q.id = b.period_id
    WHERE (b.owner_kind, b.owner_id) = (d.owner_kind, d.owner_id) AND q.to_at < p.to_at)
ORDER BY d.id LIMIT %s FOR UPDATE OF d SKIP LOCKED
"""


def _write_some(at: datetime, size: int) -> int:
    with transaction.atomic():
        taken = rows(_TAKE, [size])
        if not taken:
            return 0
        found = SettlementPeriod.objects.in_bulk({due["period_id"] for due in taken})
        for due in taken:
            _write(found[due["period_id"]], due["owner_kind"], due["owner_id"], at)
        StatementDue.objects.filter(pk__in=[due["id"] for due in taken]).delete()
    return len(taken)


_FILL = """
INSERT INTO commissions_statementline (statement_id, number, account_id, journal_id)
SELECT %(statement)s, row_number() OVER (ORDER BY e.at, e.journal_id, e.account_id),
       e.account_id, e.journal_id
FROM commissions_ledgeraccount a JOIN commissions_entry e ON e.account_id = a.id
WHERE a.owner_kind = %(kind)s AND a.owner_id = %(owner)s AND e.at < %(to)s
  AND NOT EXISTS (SELECT 1 FROM commissions_statementline n
                  WHERE (n.account_id, n.journal_id) = (e.account_id, e.journal_id))
"""
_SUMS = """
SELECT a.kind AS account, (e.journal_id >> 56)::int AS kind, sum(e.amount_fen)::bigint AS fen,
       count(*) AS lines, count(*) FILTER (WHERE e.at < %(from)s) AS late
FROM commissions_statementline n
JOIN commissions_entry e ON (e.account_id, e.journal_id) = (n.account_id, n.journal_id)
JOIN commissions_ledgeraccount a ON a.id = n.account_id
WHERE n.statement_id = %(statement)s GROUP BY 1, 2 ORDER BY 1, 2
"""


def _write(period: SettlementPeriod, kind: str, owner_id: int, at: datetime) -> None:
    """One owner's statement, signed; none where there is nothing to state."""
    earlier = Statement.objects.filter(owner_kind=kind, owner_id=owner_id).order_by("-id").first()
    made = Statement(
        number=ids.bill_number("ST", period.from_at),
        period=period,
        owner_kind=kind,
        owner_id=owner_id,
        opening=earlier.closing if earlier else {},
        closed_at=at,
        edition=reading.EDITION,
    )
    with transaction.atomic():
        made.save(force_insert=True)
        asked = {"statement": made.pk, "kind": kind, "owner": owner_id, "to": period.to_at}
        if not run(_FILL, asked):
            transaction.set_rollback(True)
            return
    _add_up(made)
    key = signing.current_key(at)
    end = signing.end_of(made, key.key_id)
    made.signed_by, made.digest, made.signature = key, end, signing.sign(end)
    made.save(
        update_fields=[
            "closing", "sums", "lines_count", "late_count", "signed_by", "digest", "signature",
        ]
    )  # fmt: skip


def _add_up(made: Statement) -> None:
    sums: dict[str, dict[str, int]] = defaultdict(dict)
    closing = dict(made.opening)
    found = rows(_SUMS, {"statement": made.pk, "from": made.period.from_at})
    for row in found:
        account, fen = row["account"], row["fen"]
        sums[reading.cause_of(row["kind"])][account] = fen
        closing[account] = closing.get(account, 0) + fen
    made.sums, made.closing = dict(sums), closing
    made.lines_count = sum(row["lines"] for row in found)
    made.late_count = sum(row["late"] for row in found)


_FINISH = """
UPDATE commissions_settlementperiod p SET stated_at = %s
WHERE p.stating_at IS NOT NULL AND p.stated_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM commissions_statementdue d WHERE d.period_id = p.id)
"""


def _finish(at: datetime) -> None:
    """A period is stated when nothing is due of it, also in nobody's hands."""
    run(_FINISH, [at])
