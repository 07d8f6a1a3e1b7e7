"""The sandbox: a rail without money, signed like a real one (Standard Webhooks, see
backend.core.webhooks)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from django.conf import settings

from backend.core import webhooks
from backend.core.ids import code
from backend.core.money import MAX_FEN
from shops.providers import BadSignature, MalformedNotice, Notice

PATH = "/v1/payments/sandbox/callback"
_Token = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]


class _Data(msgspec.Struct):
    transaction_id: _Token
    checkout: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,32}$")]
    amount_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)]
    paid_at: Annotated[datetime, msgspec.Meta(tz=True)]
    payer: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:@-]{0,64}$")] = ""


class _Body(msgspec.Struct):
    type: str
    data: _Data


@dataclass(frozen=True, slots=True)
class SignedCallback:
    """A callback ready to be posted: the body must be sent byte for byte."""

    url: str
    headers: dict[str, str]
    body: str


def sign(*, notice_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """The value of webhook-signature."""
    return webhooks.sign(message_id=notice_id, timestamp=timestamp, body=body, secret=secret)


def build_callback(
    *,
    checkout_number: str,
    amount_fen: int,
    at: datetime,
    transaction_id: str = "",
    notice_id: str = "",
    payer: str = "sandbox-buyer",
    base_url: str = "",
) -> SignedCallback:
    """What the provider would post once the buyer has paid, signed at `at`.

    For tests, seeds and the tour of the README; ids are made up where none are given.
    """
    notice_id = notice_id or f"msg_{code(22)}"
    data = {
        "transaction_id": transaction_id or f"sb_{code(22)}",
        "checkout": checkout_number,
        "amount_fen": amount_fen,
        "payer": payer,
        "paid_at": at.astimezone(UTC).isoformat(),
    }
    body = msgspec.json.encode({"type": "payment.succeeded", "data": data})
    stamp = int(at.timestamp())
    signature = sign(
        notice_id=notice_id, timestamp=stamp, body=body, secret=settings.PAYMENT_SANDBOX_SECRET
    )
    return SignedCallback(
        url=(base_url or settings.PUBLIC_URL).rstrip("/") + PATH,
        headers={
            "Content-Type": "application/json",
            "webhook-id": notice_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature,
        },
        body=body.decode(),
    )


class Sandbox:
    """The provider itself."""

    name = "sandbox"

    def is_open(self) -> bool:
        """False without a secret, as in a production that has not asked for the sandbox."""
        return bool(settings.PAYMENT_SANDBOX_SECRET)

    def start(self, *, checkout_number: str, amount_fen: int, at: datetime) -> dict[str, Any]:
        """The payment's parameters; outside production also the callback that says "paid", ready
        to be posted by hand within five minutes."""
        answer: dict[str, Any] = {
            "provider": self.name,
            "checkout": checkout_number,
            "amount_fen": amount_fen,
        }
        if not settings.PRODUCTION:
            ready = build_callback(checkout_number=checkout_number, amount_fen=amount_fen, at=at)
            answer["sandbox_callback"] = {
                "url": ready.url,
                "headers": ready.headers,
                "body": ready.body,
            }
        return answer

    def read_notice(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> Notice:
        """The notice of a signed callback.

        :raises BadSignature: a header is missing, the stamp is over five minutes away, or no
            signature fits.
        :raises MalformedNotice: signed but unreadable.
        """
        notice_id = _verified(headers, body, at)
        try:
            read = msgspec.json.decode(body, type=_Body)
            paid_at = read.data.paid_at.astimezone(UTC)
        except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError) as error:
            raise MalformedNotice() from error
        if read.type != "payment.succeeded":
            raise MalformedNotice(f"Notices of type {read.type[:40]!r} are not known.")
        data = read.data
        return Notice(
            notice_id=notice_id,
            transaction_id=data.transaction_id,
            checkout_number=data.checkout,
            amount_fen=data.amount_fen,
            payer=data.payer,
            paid_at=paid_at,
        )

    def refund(self, *, transaction_id: str, refund_number: str, amount_fen: int) -> None:
        """Succeeds at once; there is no money here."""


def _verified(headers: Mapping[str, str], body: bytes, at: datetime) -> str:
    """The notice's id, once stamp and signature fit."""
    secret = settings.PAYMENT_SANDBOX_SECRET
    try:
        return webhooks.verified(headers, body=body, secret=secret, at=at)
    except webhooks.Forged as error:
        raise BadSignature(str(error)) from error
