"""Endpoints: a subscriber says where and of what they want to be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from backend.accounts.erasure import Room
from backend.accounts.models import Account
from backend.core import audit, sealing, webhooks
from backend.core.errors import Invalid, NotAllowed, NotFound, Refusal
from backend.core.states import move, move_one
from backend.webhooks import addresses, rights
from backend.webhooks.models import WebhookEndpoint
from shops.models import Shop

Scope = WebhookEndpoint.Scope
Status = WebhookEndpoint.Status
MOST = 10
# How long the secret before the newest goes on signing.
OVERLAP = timedelta(hours=24)
_CLEAN: dict[str, Any] = {"streak": 0, "failing_since": None, "paused_until": None}


class BadAddress(Invalid):
    """The address is none that webhooks are sent to."""

    code = "webhook_address"
    title = "Webhooks are not sent to such an address"


class BadKinds(Invalid):
    """An event of this kind is not told to this scope; `allowed` says which are."""

    code = "webhook_kinds"
    title = "Not a kind of event of this scope"


class TooManyEndpoints(Refusal):
    """An account has ten endpoints at most."""

    code = "too_many_webhooks"
    status = 409
    title = "An account has at most ten webhook endpoints"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a new endpoint is to be."""

    scope: str
    url: str
    kinds: Sequence[str]
    description: str = ""


def add(
    *, account: Account, wanted: Wanted, at: datetime, by: Account | None = None
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint of the account, and its secret, which is shown this once. It is told what
    happens from `at` on. `by` is a member of staff who adds it at the desk.

    :raises NotAllowed: the whole market, without webhooks.listen_market.
    :raises NotFound: the scope is a shop and the account has none.
    :raises BadAddress: not an address that webhooks are sent to.
    :raises BadKinds: no kind, or one that the scope is not told.
    :raises TooManyEndpoints: ten are there already.
    """
    shop = _shop_of(account, wanted.scope)
    _check(wanted.scope, wanted.url, wanted.kinds)
    secret = webhooks.new_secret()
    with transaction.atomic():
        # The account's row is what two who add at once meet at.
        Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        if of(account).count() >= MOST:
            raise TooManyEndpoints()
        made = WebhookEndpoint.objects.create(
            account=account,
            scope=wanted.scope,
            shop=shop,
            url=wanted.url,
            kinds=sorted(set(wanted.kinds)),
            description=wanted.description,
            secret_sealed=sealing.seal(secret),
            since=at,
            created_at=at,
        )
        audit.note(actor=by or account, action="webhook.add", target=made, at=at)
    return made, secret


def _shop_of(account: Account, scope: str) -> Shop | None:
    if scope == Scope.MARKET and not rights.may_listen(account):
        raise NotAllowed(f"The whole market needs {rights.LISTEN}.")
    if scope != Scope.SHOP:
        return None
    shop = Shop.objects.filter(account=account).first()
    if shop is None:
        raise NotFound("You have no shop.")
    return shop


def _check(scope: str, url: str, kinds: Sequence[str]) -> None:
    why = addresses.problem_of(url)
    if why:
        raise BadAddress(why, fields={"url": [why]})
    allowed = WebhookEndpoint.KINDS[Scope(scope)]
    strange = sorted(set(kinds) - set(allowed))
    if strange or not kinds:
        said = f"Not told here: {', '.join(strange)}." if strange else "Choose at least one."
        raise BadKinds(said, fields={"kinds": [said]}, allowed=list(allowed))


def of(account: Account) -> QuerySet[WebhookEndpoint]:
    """The account's endpoints, without the removed ones."""
    return WebhookEndpoint.objects.filter(account=account).exclude(status=Status.REMOVED)


def find(*, account: Account, endpoint_id: int) -> WebhookEndpoint:
    """An endpoint of the account.

    :raises NotFound: it is not, or it was removed.
    """
    found = of(account).filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound()
    return found


def _held(endpoint_id: int, account: Account | None) -> WebhookEndpoint:
    """The endpoint, locked until the transaction ends; without an account anybody's, for staff."""
    rows = WebhookEndpoint.objects.select_for_update(no_key=True, of=("self",))
    rows = rows.exclude(status=Status.REMOVED).order_by("id")
    found = (rows if account is None else rows.filter(account=account)).filter(pk=endpoint_id)
    endpoint = found.first()
    if endpoint is None:
        raise NotFound()
    return endpoint


def change(
    *,
    account: Account,
    endpoint_id: int,
    at: datetime,
    url: str | None = None,
    kinds: Sequence[str] | None = None,
    description: str | None = None,
) -> WebhookEndpoint:
    """Other address, kinds or description; what is waiting goes to the new address.

    :raises NotFound: not an endpoint of the account.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    :raises BadAddress, BadKinds: as `add`.
    """
    with transaction.atomic():
        endpoint = _held(endpoint_id, account)
        rights.check(endpoint)
        _check(endpoint.scope, url or endpoint.url, endpoint.kinds if kinds is None else kinds)
        endpoint.url = url or endpoint.url
        endpoint.kinds = endpoint.kinds if kinds is None else sorted(set(kinds))
        if description is not None:
            endpoint.description = description
        endpoint.save(update_fields=["url", "kinds", "description"])
        audit.note(actor=account, action="webhook.change", target=endpoint, at=at)
    return endpoint


def disable(
    *, endpoint_id: int, account: Account | None, by: Account, at: datetime, reason: str = ""
) -> WebhookEndpoint:
    """Tells nothing more until it is enabled; what is waiting goes on waiting. `account` is the
    owner who asks, None where staff do.

    :raises NotFound: not an endpoint of the account.
    :raises WrongState: it is not active.
    """
    with transaction.atomic():
        endpoint = _held(endpoint_id, account)
        move_one(endpoint, transitions=WebhookEndpoint.TRANSITIONS, to=Status.DISABLED)
        audit.note(actor=by, action="webhook.disable", target=endpoint, at=at, reason=reason)
    return endpoint


def enable(
    *, endpoint_id: int, account: Account | None, by: Account, at: datetime, reason: str = ""
) -> WebhookEndpoint:
    """Tells again: what was waiting, and what happens from `at` on; where we had switched it off
    for failing, what has happened since then as well (of 30 days).

    :raises NotFound: not an endpoint of the account.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    :raises WrongState: it is active.
    """
    with transaction.atomic():
        endpoint = _held(endpoint_id, account)
        rights.check(endpoint)
        went_on = endpoint.off_reason == WebhookEndpoint.Reason.FAILING
        move_one(
            endpoint,
            transitions=WebhookEndpoint.TRANSITIONS,
            to=Status.ACTIVE,
            off_reason="",
            off_at=None,
            since=endpoint.since if went_on else at,
            **_CLEAN,
        )
        audit.note(actor=by, action="webhook.enable", target=endpoint, at=at, reason=reason)
    return endpoint


def remove(*, account: Account, endpoint_id: int, at: datetime) -> None:
    """Takes an endpoint away for good: its address, its secrets and what was waiting.

    :raises NotFound: not an endpoint of the account.
    """
    with transaction.atomic():
        endpoint = _held(endpoint_id, account)
        _take_away([endpoint.pk], at)
        audit.note(actor=account, action="webhook.remove", target=endpoint, at=at)


def _take_away(endpoint_ids: Sequence[int], at: datetime) -> None:
    move(
        WebhookEndpoint.objects.filter(pk__in=endpoint_ids),
        transitions=WebhookEndpoint.TRANSITIONS,
        to=Status.REMOVED,
        off_reason="",
        off_at=at,
        url="",
        description="",
        secret_sealed=b"",
        previous_sealed=None,
        previous_until=None,
    )


def rotate(*, account: Account, endpoint_id: int, at: datetime) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown this once. For 24 hours the one before it signs as well.

    :raises NotFound: not an endpoint of the account.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    """
    secret = webhooks.new_secret()
    with transaction.atomic():
        endpoint = _held(endpoint_id, account)
        rights.check(endpoint)
        endpoint.previous_sealed = endpoint.secret_sealed
        endpoint.previous_until = at + OVERLAP
        endpoint.secret_sealed = sealing.seal(secret)
        endpoint.save(update_fields=["secret_sealed", "previous_sealed", "previous_until"])
        audit.note(actor=account, action="webhook.rotate", target=endpoint, at=at)
    return endpoint, secret


def secrets_of(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    """The secrets that sign at `at`, the newest first."""
    found = [sealing.unseal(endpoint.secret_sealed)]
    until = endpoint.previous_until
    if endpoint.previous_sealed is not None and until is not None and at < until:
        found.append(sealing.unseal(endpoint.previous_sealed))
    return found


def reseal() -> int:
    """Seals every secret under the newest of FIELD_KEYS; returns how many endpoints."""
    living = WebhookEndpoint.objects.exclude(status=Status.REMOVED).order_by("id")
    done = 0
    for endpoint_id in living.values_list("pk", flat=True).iterator(chunk_size=1_000):
        with transaction.atomic():
            endpoint = _held(endpoint_id, None)
            endpoint.secret_sealed = sealing.reseal(endpoint.secret_sealed)
            if endpoint.previous_sealed is not None:
                endpoint.previous_sealed = sealing.reseal(endpoint.previous_sealed)
            endpoint.save(update_fields=["secret_sealed", "previous_sealed"])
        done += 1
    return done


def _in_the_way(_: Account) -> dict[str, int]:
    """Nothing of webhooks stands in the way of leaving."""
    return {}


def _forget(account: Account, at: datetime) -> None:
    """Whoever leaves is told nothing more; their addresses go."""
    _take_away(list(of(account).values_list("pk", flat=True)), at)


ROOM = Room(_in_the_way, _forget)
