"""Periods 周期: where the days, weeks and months of a zone begin and end, as instants.

Pure: no database, no clock. A period is half-open, [from, to) in UTC, and its bounds are midnights
of the zone's civil time, so that a day across a change of summer time has 23 or 25 hours. Where a
midnight does not exist the day begins at the change; where it comes twice, at the first. So every
instant lies in one period, and the periods add up to all of time (I10).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAILY, WEEKLY, MONTHLY, ROLLING = "daily", "weekly", "monthly", "rolling"


class Span(NamedTuple):
    """One period: its name, and its half-open bounds in UTC."""

    label: str
    from_at: datetime
    to_at: datetime


def is_zone(name: str) -> bool:
    """Whether this is the name of a time zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return 0 < len(name) <= 64


def midnight(day: date, zone: str) -> datetime:
    """The instant at which a civil day begins, in UTC."""
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def span(cadence: str, zone: str, at: datetime) -> Span:
    """The period that holds the instant `at`; a rolling cadence is told by the month."""
    day = at.astimezone(ZoneInfo(zone)).date()
    if cadence == DAILY:
        first, after, label = day, day + timedelta(days=1), f"{day:%Y-%m-%d}"
    elif cadence == WEEKLY:
        first = day - timedelta(days=day.weekday())
        year, week, _ = day.isocalendar()
        after, label = first + timedelta(days=7), f"{year}-W{week:02}"
    else:
        first = day.replace(day=1)
        after, label = (first + timedelta(days=31)).replace(day=1), f"{day:%Y-%m}"
    return Span(label, midnight(first, zone), midnight(after, zone))


def days_after(at: datetime, days: int, zone: str) -> datetime:
    """The midnight `days` civil days after the midnight `at`."""
    return midnight(at.astimezone(ZoneInfo(zone)).date() + timedelta(days=days), zone)
