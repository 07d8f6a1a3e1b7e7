"""Payout rules 提现规则: the least amount, the fee, the windows, the limits, and since when.

Rules are dated rows that are never edited: the latest one that has begun holds. Without any the
settings PAYOUT_MINIMUM_FEN and PAYOUT_FEE_FEN hold, every hour is open and nothing is limited.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import IntegrityError, transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid, NotAllowed, Refusal
from backend.core.money import share_fen
from commissions.models import PayoutRule
from commissions.models.payout_rule import DAY_MINUTES

PUBLISH = "commissions.publish_payoutrule"
TaxMethod = PayoutRule.TaxMethod
# A window that lists days finds one of them within so many: the 31st on a Monday, say.
_AHEAD = 366 * 3


class RuleNotPossible(Invalid):
    """The rule contradicts itself, or names a day or a zone that there is not."""

    code = "payout_rule_not_possible"
    title = "This payout rule is not possible"


class RuleTaken(Refusal):
    """Another rule begins at the same instant."""

    code = "payout_rule_taken"
    status = 409
    title = "Another rule begins at this instant"


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open minutes of certain days in a zone; empty lists are every day, day 0 of a month is
    its last one."""

    zone: str = "UTC"
    weekdays: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    begins: int = 0
    ends: int = DAY_MINUTES

    def is_open(self, at: datetime) -> bool:
        """Whether the window is open at this instant."""
        if self.always:
            return True
        local = at.astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        return self._has(local.date()) and self.begins <= minute < self.ends

    @property
    def always(self) -> bool:
        """Whether it never closes."""
        whole = (self.begins, self.ends) == (0, DAY_MINUTES)
        return whole and not self.weekdays and not self.month_days

    def next_open(self, at: datetime) -> datetime | None:
        """The first instant from `at` on at which the window is open; None where it never is."""
        if self.is_open(at):
            return at
        zone = ZoneInfo(self.zone)
        for day in _days_from(at.astimezone(zone).date()):
            # By the clock on the wall, also on days of 23 and 25 hours.
            wall = time(self.begins // 60, self.begins % 60)
            opens = datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)
            if self._has(day) and opens >= at:
                return opens
        return None

    def _has(self, day: date) -> bool:
        last = (day + timedelta(days=1)).day == 1
        in_month = day.day in self.month_days or (last and 0 in self.month_days)
        in_week = not self.weekdays or day.isoweekday() in self.weekdays
        return in_week and (not self.month_days or in_month)


def _days_from(day: date) -> Iterator[date]:
    return (day + timedelta(days=ahead) for ahead in range(_AHEAD))


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for payouts at an instant; `rule_id` names the row, None the settings."""

    rule_id: int | None
    minimum_fen: int
    fee_fen: int
    fee_bps: int
    fee_least_fen: int
    fee_most_fen: int | None
    asking: Window
    sending: Window
    person_daily_count: int | None = None
    person_daily_fen: int | None = None
    market_daily_count: int | None = None
    market_daily_fen: int | None = None
    second_over_fen: int | None = None
    tax_method: str = TaxMethod.NONE

    def fee_of(self, amount_fen: int) -> int:
        """The fee of an amount: fixed part and share (half-even), between floor and ceiling."""
        fee = max(self.fee_fen + share_fen(amount_fen, self.fee_bps), self.fee_least_fen)
        return fee if self.fee_most_fen is None else min(fee, self.fee_most_fen)

    def least(self) -> int:
        """The least amount that may be asked for: the minimum, and more than its own fee."""
        amount = self.minimum_fen
        while self.fee_of(amount) >= amount:
            amount = self.fee_of(amount) + 1
        return amount

    def needs_second(self, amount_fen: int) -> bool:
        """Whether two checkers must agree to this amount."""
        return self.second_over_fen is not None and amount_fen > self.second_over_fen

    def day_of(self, at: datetime) -> tuple[datetime, datetime]:
        """The half-open day, in the rule's zone, that holds the instant; in UTC."""
        zone = ZoneInfo(self.asking.zone)
        day = at.astimezone(zone).date()
        start = datetime.combine(day, time.min, tzinfo=zone)
        end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
        return start.astimezone(UTC), end.astimezone(UTC)


def at(instant: datetime) -> Terms:
    """The terms that hold at an instant; one query."""
    rule = (
        PayoutRule.objects.filter(effective_from__lte=instant).order_by("-effective_from").first()
    )
    return terms_of(rule) if rule else _by_settings()


def newest() -> Terms:
    """The terms of the rule that begins last, whether it has begun or not."""
    rule = _latest()
    return terms_of(rule) if rule else _by_settings()


def _by_settings() -> Terms:
    window = Window(zone=settings.BUSINESS_ZONE)
    fee = settings.PAYOUT_FEE_FEN
    return Terms(None, settings.PAYOUT_MINIMUM_FEN, fee, 0, 0, None, window, window)


def terms_of(rule: PayoutRule) -> Terms:
    """A row as terms."""
    return Terms(
        rule_id=rule.pk,
        asking=_window(rule, "request"),
        sending=_window(rule, "send"),
        **{name: getattr(rule, name) for name in _SAME},
    )


_SAME = (
    "minimum_fen", "fee_fen", "fee_bps", "fee_least_fen", "fee_most_fen", "person_daily_count",
    "person_daily_fen", "market_daily_count", "market_daily_fen", "second_over_fen", "tax_method",
)  # fmt: skip


def _window(rule: PayoutRule, what: str) -> Window:
    return Window(
        rule.zone,
        tuple(getattr(rule, f"{what}_weekdays")),
        tuple(getattr(rule, f"{what}_month_days")),
        getattr(rule, f"{what}_from"),
        getattr(rule, f"{what}_to"),
    )


def publish(
    *, by: Account | None, effective_from: datetime, note: str, at: datetime, **fields: Any
) -> PayoutRule:
    """A new rule from `effective_from` on, now or later; `by` None is the system. Fields that are
    not given are those of PayoutRule without limits, the settings' for minimum and fee.

    :raises NotAllowed: `by` lacks commissions.publish_payoutrule.
    :raises RuleNotPossible: it begins in the past, contradicts itself, or names no such zone.
    :raises RuleTaken: another rule begins at this instant.
    """
    if by is not None and not by.has_perm(PUBLISH):
        raise NotAllowed(f"This needs {PUBLISH}.")
    given = {
        "minimum_fen": settings.PAYOUT_MINIMUM_FEN,
        "fee_fen": settings.PAYOUT_FEE_FEN,
        "zone": settings.BUSINESS_ZONE,
        **fields,
    }
    rule = PayoutRule(
        effective_from=effective_from, note=note.strip()[:300], made_by=by, made_at=at, **given
    )
    _look_at(rule, at)
    before = _latest()
    with transaction.atomic():
        try:
            with transaction.atomic():
                rule.save(force_insert=True)
        except IntegrityError as error:
            if "effective_from" in str(error):
                raise RuleTaken(fields={"effective_from": ["Taken."]}) from error
            raise RuleNotPossible(str(error).partition("\n")[0]) from error
        audit.note(
            actor=by,
            action="payout_rule.publish",
            target=rule,
            at=at,
            reason=rule.note,
            before=_told(before),
            after=_told(rule),
        )
    return rule


def _latest() -> PayoutRule | None:
    return PayoutRule.objects.order_by("-effective_from").first()


def _told(rule: PayoutRule | None) -> dict[str, Any]:
    """A rule for the audit trail: before and after."""
    if rule is None:
        return {}
    left_out = {"id", "made_by", "made_at", "note"}
    names = [field.name for field in rule._meta.fields if field.name not in left_out]
    said = {name: getattr(rule, name) for name in names}
    return {**said, "effective_from": rule.effective_from.isoformat()}


def _look_at(rule: PayoutRule, at: datetime) -> None:
    """What a CHECK could only say less well.

    :raises RuleNotPossible: see publish.
    """
    wrong: dict[str, list[str]] = {}
    if not rule.note:
        wrong["note"] = ["Say why."]
    if rule.effective_from < at:
        wrong["effective_from"] = ["Must not lie in the past: payouts keep the rule they had."]
    if rule.zone not in available_timezones():
        wrong["zone"] = ["No such zone."]
    if rule.fee_most_fen is not None and rule.fee_most_fen < rule.fee_least_fen:
        wrong["fee_most_fen"] = ["Less than the floor."]
    for what in ("request", "send"):
        _days_fit(rule, what, wrong)
    if not wrong:
        windows = {what: _window(rule, what) for what in ("request", "send")}
        wrong = {
            f"{what}_month_days": ["Such a day never comes."]
            for what, window in windows.items()
            if window.next_open(rule.effective_from) is None
        }
    if wrong:
        raise RuleNotPossible(
            "; ".join(f"{name}: {why[0]}" for name, why in wrong.items()), fields=wrong
        )


def _days_fit(rule: PayoutRule, what: str, wrong: dict[str, list[str]]) -> None:
    if not set(getattr(rule, f"{what}_weekdays")) <= set(range(1, 8)):
        wrong[f"{what}_weekdays"] = ["1 (Monday) to 7."]
    if not set(getattr(rule, f"{what}_month_days")) <= set(range(32)):
        wrong[f"{what}_month_days"] = ["1 to 31, 0 for the last day."]
    if not 0 <= getattr(rule, f"{what}_from") < getattr(rule, f"{what}_to") <= DAY_MINUTES:
        wrong[f"{what}_from"] = [f"Minutes of the day, from below to, at most {DAY_MINUTES}."]
