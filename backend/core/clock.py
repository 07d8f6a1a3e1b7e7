"""The only place that reads the clock. Doors call it; verbs take the time as an argument."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings


def now() -> datetime:
    """The present instant in UTC, plus the demo's offset where one is set (never in
    production)."""
    return datetime.now(UTC) + offset()


def _offset_file() -> Path:
    return Path(settings.VAR_DIR) / "clock-offset-seconds"


def offset() -> timedelta:
    """How far the demo's clock has been advanced (`manage.py clock --advance 8d`), so that a
    person, or a journey test with a real worker, can see a 7-day window pass."""
    if settings.PRODUCTION:
        return timedelta(0)
    try:
        return timedelta(seconds=int(_offset_file().read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return timedelta(0)


def advance(by: timedelta) -> timedelta:
    """Moves the demo's clock on for every process of this var folder; returns the new offset.

    :raises RuntimeError: in production.
    """
    if settings.PRODUCTION:
        raise RuntimeError("the clock of a production service is not to be moved")
    total = offset() + by
    path = _offset_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(int(total.total_seconds())))
    return total


def business_zone() -> ZoneInfo:
    """The zone whose midnight ends a business day (setting BUSINESS_ZONE)."""
    return ZoneInfo(settings.BUSINESS_ZONE)


def business_day(at: datetime) -> date:
    """The business day that holds the instant `at`."""
    return at.astimezone(business_zone()).date()


def day_edges(day: date) -> tuple[datetime, datetime]:
    """The half-open [start, end) of a business day in UTC; never start + 24 h, for zones with
    summer time have days of 23 and 25 hours."""
    zone = business_zone()
    start = datetime.combine(day, time.min, tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)
