"""Calendars 结算日历: which rule is in force when, and the periods that follow from it (X4, X9).

The market has a calendar, and a shop may have its own from a day on. A rule is dated and never
changes; the next one ends it, and cuts the period in which it begins. Without a rule the market's
is made of the setting BUSINESS_ZONE the first time somebody asks: each order settles by itself when
it has matured, and statements are by the month. From then on the setting changes no period.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction

from backend.core import audit
from backend.core.errors import NotFound, Refusal
from backend.core.sql import run, value
from commissions import periods
from commissions.models import SettlementPeriod, SettlementRule
from commissions.periods import Span
from shops.models import Shop

Cadence = SettlementRule.Cadence
ADD = "commissions.add_settlementrule"
_LOCK = 7_501  # advisory lock: rules and periods are made one at a time
_BEGINNING = date(2000, 1, 1)  # of the market's first rule: before everything
# A rule keeps every earlier one of its calendar away and is never withdrawn, so it is set a quarter
# ahead at most: no year mistyped is believed.
AHEAD = timedelta(days=93)


class BadSettlementRule(Refusal):
    """No such zone, more days than 90, or a beginning more than 93 days ahead."""

    code = "bad_settlement_rule"
    status = 422
    title = "This is no rule to settle by"


class SettlementRuleTooEarly(Refusal):
    """A rule begins after now, and not inside a period that there is; `earliest` says when."""

    code = "settlement_rule_too_early"
    status = 409
    title = "A rule cannot begin in a period that there is already"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The rules of the market (`shop_id` None) or of a shop, the earlier first. A shop's has the
    market's before its own, so it covers all of time."""

    shop_id: int | None
    rules: tuple[SettlementRule, ...]

    @property
    def since(self) -> datetime | None:
        """From when on a shop's orders and statements follow its own calendar: the beginning of
        the market's period in which its first rule begins; None for the market."""
        own = [rule.starts_at for rule in self.rules if rule.shop_id is not None]
        return self.span_at(own[0] - timedelta(microseconds=1)).from_at if own else None

    def rule_at(self, at: datetime) -> SettlementRule:
        """The rule in force at an instant."""
        before = [rule for rule in self.rules if rule.starts_at <= at]
        return before[-1] if before else self.rules[0]

    def span_at(self, at: datetime) -> Span:
        """The period that holds an instant, cut where a rule begins or ends."""
        rule = self.rule_at(at)
        label, from_at, to_at = periods.span(rule.cadence, rule.zone, at)
        later = [one.starts_at for one in self.rules if one.starts_at > rule.starts_at]
        return Span(label, max(from_at, rule.starts_at), min([to_at, *later]))


def settles_at(rule: SettlementRule, span: Span) -> datetime:
    """From when on a period's orders settle: a rolling rule's as they mature, others' when the
    period is over, and so many civil days later as the rule says."""
    if rule.cadence == Cadence.ROLLING:
        return span.from_at
    return periods.days_after(span.to_at, rule.settle_days, rule.zone)


def due_at(period: SettlementPeriod) -> datetime:
    """From when on everything that matured in the period may settle."""
    span = Span(period.label, period.from_at, period.to_at)
    if period.rule.cadence == Cadence.ROLLING:
        return period.to_at + timedelta(days=period.rule.settle_days)
    return settles_at(period.rule, span)


def matured_by(rule: SettlementRule, at: datetime) -> datetime:
    """What matured at or before this instant may settle at `at` under a rolling rule: T+n."""
    return at - timedelta(days=rule.settle_days) if rule.cadence == Cadence.ROLLING else at


def calendars(*, at: datetime) -> list[Calendar]:
    """The market's calendar, then those of shops that have their own; one query."""
    found = list(SettlementRule.objects.order_by("starts_at", "id"))
    market = tuple(rule for rule in found if rule.shop_id is None)
    if not market:
        market = (_first(at),)
    own: dict[int, list[SettlementRule]] = {}
    for rule in found:
        if rule.shop_id is not None:
            own.setdefault(rule.shop_id, []).append(rule)
    made = [Calendar(None, market)]
    for shop_id, rules in sorted(own.items()):
        before = [rule for rule in market if rule.starts_at < rules[0].starts_at]
        made.append(Calendar(shop_id, (*before, *rules)))
    return made


def _first(at: datetime) -> SettlementRule:
    zone = settings.BUSINESS_ZONE
    starts_at = periods.midnight(_BEGINNING, zone)
    try:
        with transaction.atomic():
            return SettlementRule.objects.create(
                cadence=Cadence.ROLLING, settle_days=0, zone=zone, starts_at=starts_at, made_at=at
            )
    except IntegrityError:  # somebody else has just made it
        return SettlementRule.objects.filter(shop=None).earliest("starts_at")


def own_shops(among: list[Calendar]) -> list[int]:
    """The shops that have calendars of their own."""
    return [one.shop_id for one in among if one.shop_id is not None]


def period_of(calendar: Calendar, at: datetime) -> SettlementPeriod:
    """The period that holds an instant, made where it is not there yet. What others make at the
    same moment is waited for, so the calendar is read again by the maker."""
    found = _holding(calendar.shop_id, at)
    if found is not None:
        return found
    with transaction.atomic():
        run("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        fresh = next(one for one in calendars(at=at) if one.shop_id == calendar.shop_id)
        found = _holding(calendar.shop_id, at)
        return found if found is not None else _make(fresh, at)


def _holding(shop_id: int | None, at: datetime) -> SettlementPeriod | None:
    there = SettlementPeriod.objects.select_related("rule").filter(
        shop=shop_id, from_at__lte=at, to_at__gt=at
    )
    return there.first()


def _make(calendar: Calendar, at: datetime) -> SettlementPeriod:
    label, from_at, to_at = calendar.span_at(at)
    rule = calendar.rule_at(at)
    return SettlementPeriod.objects.create(
        rule=rule,
        shop_id=calendar.shop_id,
        label=label,
        zone=rule.zone,
        from_at=from_at,
        to_at=to_at,
    )


def set_rule(
    *,
    by: Any,
    cadence: str,
    settle_days: int,
    zone: str,
    starts_on: date,
    at: datetime,
    shop_id: int | None = None,
) -> SettlementRule:
    """Says by which rule the market, or a shop, settles from the midnight of `starts_on` in `zone`.

    :raises NotFound: no such shop.
    :raises BadSettlementRule: no such cadence or zone, not 0 to 90 days, or more than `AHEAD`.
    :raises SettlementRuleTooEarly: it would begin before now, before the rule before it, or inside
        a period that there is.
    """
    if cadence not in Cadence.values or not periods.is_zone(zone) or not 0 <= settle_days <= 90:
        raise BadSettlementRule()
    if shop_id is not None and not Shop.objects.filter(pk=shop_id).exists():
        raise NotFound()
    if not _BEGINNING <= starts_on <= at.date() + AHEAD:
        raise BadSettlementRule(f"A rule begins {AHEAD.days} days from now at the latest.")
    starts_at = periods.midnight(starts_on, zone)
    with transaction.atomic():
        run("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        calendars(at=at)
        earliest = _earliest(shop_id, at)
        if starts_at < earliest:
            raise SettlementRuleTooEarly(earliest=earliest.isoformat())
        made = SettlementRule.objects.create(
            shop_id=shop_id,
            cadence=cadence,
            settle_days=settle_days,
            zone=zone,
            starts_at=starts_at,
            made_at=at,
            made_by=by,
        )
        audit.note(
            actor=by,
            action="settlement_rule.set",
            target=made,
            at=at,
            cadence=cadence,
            settle_days=settle_days,
            zone=zone,
            starts_at=starts_at.isoformat(),
            shop=shop_id,
        )
    return made


_EARLIEST = """
SELECT greatest(%(at)s::timestamptz,
    (SELECT max(to_at) FROM commissions_settlementperiod
     WHERE shop_id IS NOT DISTINCT FROM %(shop)s::bigint),
    (SELECT max(starts_at) + interval '1 microsecond' FROM commissions_settlementrule
     WHERE shop_id IS NOT DISTINCT FROM %(shop)s::bigint))
"""


def _earliest(shop_id: int | None, at: datetime) -> datetime:
    found: datetime = value(_EARLIEST, {"at": at, "shop": shop_id})
    return found.astimezone(UTC)


class Due(NamedTuple):
    """A period, and which commission orders may settle in it: when they matured (`from`, `to` and,
    inclusive, `by`), and of which shops (`shops`, `own`: these alone, or all but these)."""

    period: SettlementPeriod
    matured: dict[str, Any]


def matured_in(
    period: SettlementPeriod, at: datetime, shops: list[int] | None = None
) -> dict[str, Any]:
    """Which commission orders may settle in a period at `at`; `shops`: those that have calendars
    of their own, where the caller knows them."""
    own = period.shop_id is not None
    if own:
        shops = [int(period.shop_id or 0)]
    elif shops is None:
        shops = own_shops(calendars(at=at))
    by = matured_by(period.rule, at)
    return {"from": period.from_at, "to": period.to_at, "by": by, "shops": shops, "own": own}


_WAITING = """
SELECT c.matures_at FROM commissions_commissionorder c
WHERE c.status = 'confirmed' AND c.held_reason = '' AND c.matures_at >= %(from)s
  AND c.matures_at <= %(at)s AND (c.shop_id = ANY(%(shops)s::bigint[])) = %(own)s
ORDER BY c.matures_at LIMIT 1
"""


def due(*, at: datetime) -> Iterator[Due]:
    """The periods in which something has matured that may settle at `at`, the earlier first, the
    market's before the shops'; one look at the index a period."""
    among = calendars(at=at)
    shops = own_shops(among)
    for calendar in among:
        own = calendar.shop_id is not None
        asked = {"shops": [calendar.shop_id] if own else shops, "own": own, "at": at}
        after = datetime(1970, 1, 1, tzinfo=UTC)
        while (first := value(_WAITING, {**asked, "from": after})) is not None:
            rule, span = calendar.rule_at(first), calendar.span_at(first)
            after = span.to_at
            if settles_at(rule, span) <= at and first <= matured_by(rule, at):
                period = period_of(calendar, first)
                yield Due(period, matured_in(period, at, shops))


# Accruals come first among the journals' ids, so the first of them is the oldest.
_SINCE = """
SELECT coalesce(
    (SELECT max(to_at) FROM commissions_settlementperiod
     WHERE shop_id IS NOT DISTINCT FROM %(shop)s::bigint AND stating_at IS NOT NULL),
    %(since)s::timestamptz,
    (SELECT at FROM commissions_journal ORDER BY id LIMIT 1))
"""
MOST_AT_ONCE = 400


def ended(calendar: Calendar, *, by: datetime) -> Iterator[SettlementPeriod]:
    """The calendar's periods that are over at `by` and have not begun to be stated, the earlier
    first, without a gap: also those in which nothing has settled; at most 400."""
    since = value(_SINCE, {"shop": calendar.shop_id, "since": calendar.since})
    for _ in range(MOST_AT_ONCE):
        if since is None or calendar.span_at(since).to_at > by:
            return
        period = period_of(calendar, since)
        since = period.to_at
        yield period
