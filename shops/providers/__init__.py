"""Money-in rails: one Protocol, who is plugged in, and whose turn it is to be asked for.

A provider is called outside every transaction and must itself be idempotent: the same checkout
number starts the same payment, the same refund number returns money once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.db import models, transaction
from django.db.models import F, QuerySet

from backend.core.errors import NotFound, Refusal

Row = TypeVar("Row", bound=models.Model)


class BadSignature(Refusal):
    """The callback is not signed by the provider, or its signature is older than five minutes."""

    code = "bad_signature"
    status = 401
    title = "The signature does not fit"


class MalformedNotice(Refusal):
    """The callback is signed, and yet not a notice that we can read."""

    code = "malformed"
    status = 400
    title = "The notice cannot be read"


class ProviderAway(Exception):
    """The provider did not answer, or its answer is not final: ask again with the same number."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified callback: `amount_fen` was paid for `checkout_number` at `paid_at` (UTC)."""

    notice_id: str
    transaction_id: str
    checkout_number: str
    amount_fen: int
    payer: str
    paid_at: datetime


class PaymentProvider(Protocol):
    """What a money-in rail can do."""

    name: str

    def start(self, *, checkout_number: str, amount_fen: int, at: datetime) -> dict[str, Any]:
        """What the buyer's client needs in order to pay.

        :raises ProviderAway: no answer.
        """
        ...

    def read_notice(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> Notice:
        """The notice of a callback, its signature checked over the raw body.

        :raises BadSignature: forged or old.
        :raises MalformedNotice: signed but unreadable.
        """
        ...

    def refund(self, *, transaction_id: str, refund_number: str, amount_fen: int) -> None:
        """Sends `amount_fen` of a transaction back; returns once that is final. The same refund
        number is paid once however often it is asked for.

        :raises ProviderAway: no final answer yet.
        """
        ...


def named(name: str) -> PaymentProvider:
    """The provider of this name.

    :raises NotFound: no such provider is plugged in.
    """
    from shops.providers.sandbox import Sandbox  # the rails import this page's Protocol

    sandbox = Sandbox()
    if name == sandbox.name and sandbox.is_open():
        return sandbox
    raise NotFound("No such payment provider.")


def whose_turn(waiting: QuerySet[Row], *, limit: int, at: datetime) -> list[Row]:
    """At most `limit` rows of those that wait for a provider, who was asked for longest ago
    first; they count as asked for at `at`.

    An answer may take days to be final, and a provider may be away: in the order of their ids
    the rows that wait longest would keep every later one from ever being asked for.
    """
    with transaction.atomic():
        locked = waiting.select_for_update(skip_locked=True, no_key=True, of=("self",))
        turn = list(locked.order_by(F("asked_at").asc(nulls_first=True), "id")[:limit])
        waiting.model._default_manager.filter(pk__in=[row.pk for row in turn]).update(asked_at=at)
    return turn
