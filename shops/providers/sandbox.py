"""The sandbox: a rail without money, signed like a real one (Standard Webhooks).

The signature is base64(HMAC-SHA256(secret, id "." timestamp "." body)) in the header
webhook-signature as `v1,<signature>`; several may stand there, parted by spaces, while a secret
is being changed.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from django.conf import settings

from backend.core.ids import code
from backend.core.money import MAX_FEN
from shops.providers import BadSignature, MalformedNotice, Notice

WINDOW = timedelta(minutes=5)
PATH = "/v1/payments/sandbox/callback"
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
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
    text = f"{notice_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), text, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    """The bytes of a secret: Standard Webhooks writes them in base64 behind whsec_."""
    return base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()


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
    notice_id = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(notice_id) or not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise BadSignature()
    if abs(at.timestamp() - int(stamp)) > WINDOW.total_seconds():
        raise BadSignature("The notice is older than five minutes.")
    wanted = sign(
        notice_id=notice_id,
        timestamp=int(stamp),
        body=body,
        secret=settings.PAYMENT_SANDBOX_SECRET,
    ).encode()
    given = headers.get("webhook-signature", "")[:2000].split()
    fits = [hmac.compare_digest(wanted, one.encode()) for one in given]
    if not any(fits):
        raise BadSignature()
    return notice_id
