"""What a payout channel 打款渠道 must be able to do, and what it may answer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

_NOT_PLAIN = re.compile(r"[^\w .,:/+=-]")


class Result(StrEnum):
    """A channel's answer about one payout number. Only PAID and FAILED are final: REFUSED says
    that one request was turned down, and what became of the number is still to be asked."""

    PAID = "paid"
    FAILED = "failed"
    REFUSED = "refused"
    PROCESSING = "processing"
    NOT_FOUND = "not_found"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Transfer:
    """What the channel is asked to pay; `number` is the payout's own, for life."""

    number: str
    amount_fen: int
    holder_name: str = field(repr=False)
    account_number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the channel said. `amount_fen` is what it says it has paid, where it says so; `code`
    is for people, never for decisions; `confirm` is what the payee's app needs where the payee must
    confirm the transfer."""

    result: Result
    amount_fen: int | None = None
    code: str = ""
    confirm: str = field(default="", repr=False)


def plain(text: object, most: int = 40) -> str:
    """A word of the channel's as we keep it: letters, digits and a little between them; what no
    database column takes (null characters, half a surrogate) is dropped."""
    return _NOT_PLAIN.sub("", str(text))[:most]


class ChannelTimeout(Exception):
    """The channel did not answer: whether it did anything is not known."""


class Channel(Protocol):
    """A channel that is called. Every call is made outside any transaction.

    `settles_within` is how long "not found" means nothing: until then a number that the channel
    does not know may still be on its way to it.
    """

    settles_within: timedelta

    def send(self, transfer: Transfer, *, at: datetime) -> Answer:
        """Asks the channel to pay; the same number again is the same payment.

        :raises ChannelTimeout: no answer.
        """

    def query(self, number: str, *, at: datetime) -> Answer:
        """Asks what became of a number; changes nothing.

        :raises ChannelTimeout: no answer.
        """

    def void(self, number: str, *, at: datetime) -> Answer:
        """Has the channel refuse this number from now on, unless it has paid it: FAILED or PAID,
        and never anything else afterwards. A channel that cannot do that answers UNCLEAR, and a
        person ends the payout.

        :raises ChannelTimeout: no answer.
        """


@runtime_checkable
class Lists(Protocol):
    """A channel that can say what it has paid, number by number, whoever asked for it."""

    def listing(self, start: datetime, end: datetime) -> Iterable[tuple[str, int]]:
        """(number, fen) of what it has paid of the numbers that came in [start, end)."""
