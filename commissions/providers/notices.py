"""What a provider's notice is to us: a reason to ask, never an answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_ID = re.compile(r"[!-~]{1,64}")
_NUMBER = re.compile(r"[0-9A-Za-z]{1,40}")


class Forged(Exception):
    """The notice is not signed by the provider, or too old; the message says which, to the log."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified notice: its own id, unique at the provider, and the payout number it is about.
    Amounts and states in it are not read."""

    notice_id: str
    number: str

    def __post_init__(self) -> None:
        """Refuses an id or a number that cannot be one.

        :raises Forged: such a one.
        """
        if not _ID.fullmatch(self.notice_id) or not _NUMBER.fullmatch(self.number):
            raise Forged("no id, or no number")


class Notifies(Protocol):
    """A channel that sends notices."""

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> Notice:
        """The notice, once its signature over the raw body fits.

        :raises Forged: it does not.
        """
