"""What a person, and the market, may still ask for today.

Both are looked at under a lock: of the person's balance, which every request takes, and, where the
market has a limit, one that stands for the market.
"""

from dataclasses import dataclass
from datetime import datetime

from backend.core.errors import Refusal
from backend.core.money import yuan
from backend.core.sql import rows, value
from commissions.payout_rules import Terms

_MARKET = 7_207  # advisory lock: the market's day


class DailyLimit(Refusal):
    """More than one person may ask for in a day; says what is left and when the day ends."""

    code = "payout_daily_limit"
    status = 409
    title = "More than is paid out to one person in a day"


class MarketLimit(Refusal):
    """The market has paid out what it pays in a day; says when the next one begins."""

    code = "payout_market_limit"
    status = 409
    title = "The market's limit of the day is reached"


@dataclass(frozen=True, slots=True)
class Left:
    """What may still be asked for until `until`; None is without a limit."""

    count: int | None
    fen: int | None
    until: datetime


# What came back (cancelled, rejected, failed) does not count.
_ASKED = """
SELECT count(*) AS count, coalesce(sum(amount_fen), 0)::bigint AS fen FROM commissions_payout
WHERE requested_at >= %s::timestamptz AND requested_at < %s::timestamptz
  AND status NOT IN ('cancelled', 'rejected', 'failed')
"""
_ASKED_BY = f"{_ASKED} AND account_id = %s"


def left_of(account_id: int, terms: Terms, at: datetime) -> Left:
    """What this person may still ask for today."""
    start, until = terms.day_of(at)
    if terms.person_daily_count is None and terms.person_daily_fen is None:
        return Left(None, None, until)
    asked = rows(_ASKED_BY, [start, until, account_id])[0]
    return _left(asked, terms.person_daily_count, terms.person_daily_fen, until)


def _left(asked: dict[str, int], count: int | None, fen: int | None, until: datetime) -> Left:
    return Left(
        None if count is None else max(count - asked["count"], 0),
        None if fen is None else max(fen - asked["fen"], 0),
        until,
    )


def market_left(terms: Terms, at: datetime) -> Left:
    """What all together may still ask for today."""
    start, until = terms.day_of(at)
    if terms.market_daily_count is None and terms.market_daily_fen is None:
        return Left(None, None, until)
    asked = rows(_ASKED, [start, until])[0]
    return _left(asked, terms.market_daily_count, terms.market_daily_fen, until)


def lock_market() -> None:
    """All who would take from the market's day meet here, whatever rule they ask under. No row
    stands for the market: the service may not lock what is append-only."""
    value("SELECT pg_advisory_xact_lock(%s)::text", [_MARKET])


def check(account_id: int, amount_fen: int, terms: Terms, at: datetime) -> None:
    """Refuses what passes a limit; the person's balance is locked by the caller.

    :raises DailyLimit: the person's.
    :raises MarketLimit: the market's.
    """
    mine = left_of(account_id, terms, at)
    if _passes(mine, amount_fen):
        said = "none" if mine.fen is None else f"¥{yuan(mine.fen)}"
        raise DailyLimit(
            f"Left today: {said}." if mine.count else "No further payout today.",
            left_count=mine.count,
            left_fen=mine.fen,
            next_at=mine.until.isoformat(),
        )
    if terms.market_daily_count is None and terms.market_daily_fen is None:
        return
    lock_market()
    if _passes(market_left(terms, at), amount_fen):
        raise MarketLimit(next_at=mine.until.isoformat())


def _passes(left: Left, amount_fen: int) -> bool:
    return (left.count is not None and left.count < 1) or (
        left.fen is not None and left.fen < amount_fen
    )
