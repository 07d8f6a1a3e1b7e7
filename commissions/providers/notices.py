"""What a provider's notice is to us: a reason to ask, never an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Forged(Exception):
    """The notice is not signed by the provider, or too old; the message says which, to the log."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified notice: its own id, unique at the provider, and the payout number it is about.
    Amounts and states in it are not read."""

    notice_id: str
    number: str


class Notifies(Protocol):
    """A channel that sends notices."""

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> Notice:
        """The notice, once its signature over the raw body fits.

        :raises Forged: it does not.
        """
