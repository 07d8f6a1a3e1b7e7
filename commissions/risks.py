"""Risk holds 风控: what looks wrong does not settle until a person has looked at it (K19).

A scan is set-based: one statement a rule over the newest commission orders, and over all that
have not settled at night; one more opens the cases and holds. A case is decided by staff: the
commission is released, and never held again for the same reason, or ended by a reversal.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from backend.core import audit
from backend.core.errors import Invalid, NotFound, Refusal
from backend.core.sql import numbers, rows, texts, value
from backend.core.states import move, move_one
from commissions import accruals
from commissions.models import BannedSource, CommissionOrder, RiskCase
from commissions.risk_rules import NOBODY, STATEMENTS
from commissions.settlement import RISK, ReasonRequired, still_held

CHUNK = 20_000
Rule = RiskCase.Rule
Status = RiskCase.Status


class SourceBanned(Refusal):
    """The source is banned already."""

    code = "source_banned"
    status = 409
    title = "The source is banned already"


class BanTooWide(Invalid):
    """Not one of the kinds of sources that can be banned."""

    code = "ban_too_wide"
    title = "There is no such kind of source"


def scan(*, at: datetime, size: int = CHUNK) -> int:
    """Looks at the newest `size` commission orders; returns how many cases are new."""
    last = value("SELECT coalesce(max(id), 0) FROM commissions_commissionorder")
    return _scan(max(0, last - size), last, at)


def scan_all(*, at: datetime, size: int = CHUNK) -> int:
    """Looks at every commission order that has not settled, `size` at a time, a transaction
    each; returns how many cases are new."""
    return sum(_scan(after, upto, at) for after, upto in _spans(size))


def _spans(size: int) -> Iterator[tuple[int, int]]:
    first = value(
        "SELECT min(id) FROM commissions_commissionorder WHERE status IN ('estimated', 'confirmed')"
    )
    last = value("SELECT max(id) FROM commissions_commissionorder")
    if first is not None:
        for after in range(first - 1, last, size):
            yield after, min(after + size, last)


def _scan(after: int, upto: int, at: datetime) -> int:
    found: list[tuple[int, str, str]] = []
    for rule, statement in STATEMENTS.items():
        asked = {"after": after, "upto": upto, "rule": rule, **_more(rule)}
        text = f"SELECT x.id, x.evidence::text AS evidence FROM ({statement}) x"
        found += [(row["id"], rule, row["evidence"]) for row in rows(text, asked)]
    return _open(found, at) if found else 0


def _more(rule: str) -> dict[str, Any]:
    """What a rule's statement asks for besides."""
    if rule == Rule.SELF_PAYER:
        return {"nobody": list(NOBODY)}
    if rule == Rule.VELOCITY_HOUR:
        return {"span": timedelta(hours=1), "most": settings.RISK_ORDERS_PER_HOUR}
    if rule == Rule.VELOCITY_DAY:
        return {"span": timedelta(days=1), "most": settings.RISK_ORDERS_PER_DAY}
    return {}


# Whoever settles or reverses one of them meanwhile is waited for; what has settled by then is left
# alone, and gets no case.
_OPEN = """
WITH told AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(rules)s::text[], %(evidence)s::text[])
        AS w(id, rule, evidence)
),
locked AS MATERIALIZED (
    SELECT c.id FROM commissions_commissionorder c
    WHERE c.id = ANY(%(ids)s::bigint[]) AND c.status IN ('estimated', 'confirmed')
    ORDER BY c.id FOR NO KEY UPDATE OF c
),
opened AS (
    INSERT INTO commissions_riskcase (commission_id, rule, evidence, status, opened_at, note)
    SELECT told.id, told.rule, told.evidence::jsonb, 'open', %(at)s::timestamptz, ''
    FROM told JOIN locked USING (id) ORDER BY told.id, told.rule
    ON CONFLICT (commission_id, rule) DO NOTHING RETURNING commission_id, rule
),
held AS (
    UPDATE commissions_commissionorder c
    SET held_reason = %(prefix)s::text || o.rule, version = c.version + 1
    FROM (SELECT DISTINCT ON (commission_id) commission_id, rule FROM opened
          ORDER BY commission_id, rule) o
    WHERE c.id = o.commission_id AND c.held_reason = ''
)
SELECT count(*) FROM opened
"""


def _open(found: list[tuple[int, str, str]], at: datetime) -> int:
    ids, rules, evidence = zip(*found, strict=True)
    with transaction.atomic():
        return int(
            value(
                _OPEN,
                {
                    "ids": numbers(ids),
                    "rules": texts(rules),
                    "evidence": texts(evidence),
                    "prefix": RISK,
                    "at": at,
                },
            )
        )


def release(*, case_id: int, by: Any, reason: str, at: datetime) -> RiskCase:
    """The suspicion was wrong: the commission settles as if nothing had been, unless another
    case or a dispute about it is open. The same rule never holds it again.

    :raises ReasonRequired: no reason.
    :raises NotFound: no such case.
    :raises WrongState: it is decided.
    """
    note = _note(reason)
    with transaction.atomic():
        case = _decide(case_id, Status.RELEASED, by, note, at)
        order = CommissionOrder.objects.get(pk=case.commission_id)
        if order.held_reason.startswith(RISK):
            order.held_reason = still_held(order.pk)
            order.version += 1
            order.save(update_fields=["held_reason", "version"])
        audit.note(actor=by, action="risk.release", target=case, at=at, reason=note)
    return case


def invalidate(*, case_id: int, by: Any, reason: str, at: datetime) -> RiskCase:
    """The suspicion was right: everything that is left of the commission is taken back by a
    reversal, with the rule as its reason code; other open cases about it end with this one.

    :raises ReasonRequired: no reason.
    :raises NotFound: no such case.
    :raises WrongState: it is decided.
    """
    note = _note(reason)
    with transaction.atomic():
        case = _decide(case_id, Status.INVALIDATED, by, note, at)
        move(
            RiskCase.objects.filter(commission_id=case.commission_id),
            transitions=RiskCase.TRANSITIONS,
            to=Status.INVALIDATED,
            decided_by=by,
            decided_at=at,
            note=note,
        )
        accruals.end(commission_id=case.commission_id, reason=RISK + case.rule, at=at)
        audit.note(actor=by, action="risk.invalidate", target=case, at=at, reason=note)
    return case


def _decide(case_id: int, to: Status, by: Any, note: str, at: datetime) -> RiskCase:
    """Moves the case; its commission order is locked first, as whoever holds and settles does."""
    case = RiskCase.objects.filter(pk=case_id).first()
    if case is None:
        raise NotFound()
    locked = CommissionOrder.objects.select_for_update(no_key=True, of=("self",))
    locked.get(pk=case.commission_id)  # one row
    move_one(
        case,
        transitions=RiskCase.TRANSITIONS,
        to=to,
        decided_by=by,
        decided_at=at,
        note=note,
    )
    return case


def _note(reason: str) -> str:
    if not reason.strip():
        raise ReasonRequired()
    return reason.strip()[:300]


def ban(*, kind: str, source_id: int, by: Any, reason: str, at: datetime) -> BannedSource:
    """Holds whatever is accrued by this link, note, live room, coupon code or promoter and has not
    settled, from the next scan on, until the ban is lifted. A banned link's ban reaches what is
    won by the customer lock that a click on it began.

    :raises ReasonRequired: no reason.
    :raises BanTooWide: no such kind.
    :raises SourceBanned: it is banned already.
    """
    note = _note(reason)
    if kind not in BannedSource.Kind.values:
        raise BanTooWide(fields={"kind": ["No such kind."]})
    try:
        with transaction.atomic():
            made = BannedSource.objects.create(
                kind=kind, source_id=source_id, reason=note, banned_by=by, banned_at=at
            )
            audit.note(actor=by, action="risk.ban", target=made, at=at, reason=note)
    except IntegrityError as error:
        raise SourceBanned() from error
    return made


def lift(*, ban_id: int, by: Any, reason: str, at: datetime) -> BannedSource:
    """Ends a ban; open cases stay to be decided.

    :raises ReasonRequired: no reason.
    :raises NotFound: no such ban, or lifted before.
    """
    note = _note(reason)
    with transaction.atomic():
        found = BannedSource.objects.filter(pk=ban_id, lifted_at__isnull=True)
        if not found.update(lifted_at=at):
            raise NotFound()
        made = BannedSource.objects.get(pk=ban_id)
        audit.note(actor=by, action="risk.lift", target=made, at=at, reason=note)
    return made
