"""Telling again, on somebody's wish; and a test event."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from backend.accounts.models import Account
from backend.core import audit, ids
from backend.core.errors import NotFound, WrongState
from backend.core.states import move
from backend.webhooks import endpoints, rights
from backend.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from backend.webhooks.models.endpoint import TEST_KIND

State = WebhookDelivery.State


def deliveries_of(*, account: Account, endpoint_id: int) -> QuerySet[WebhookDelivery]:
    """The deliveries of an endpoint of the account.

    :raises NotFound: not an endpoint of the account.
    """
    return WebhookDelivery.objects.filter(
        endpoint=endpoints.find(account=account, endpoint_id=endpoint_id)
    )


def find(*, account: Account, endpoint_id: int, delivery_id: int) -> WebhookDelivery:
    """One delivery of an endpoint of the account.

    :raises NotFound: it is none.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    """
    mine = deliveries_of(account=account, endpoint_id=endpoint_id).select_related("endpoint")
    found = mine.filter(pk=delivery_id).first()
    if found is None:
        raise NotFound()
    rights.check(found.endpoint)
    return found


SHOWN = 50


def with_attempts(
    *, account: Account, endpoint_id: int, delivery_id: int
) -> tuple[WebhookDelivery, list[WebhookAttempt]]:
    """One delivery with its last 50 tries, the newest first.

    :raises NotFound: not a delivery of an endpoint of the account.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    """
    row = find(account=account, endpoint_id=endpoint_id, delivery_id=delivery_id)
    return row, list(row.attempts.order_by("-id")[:SHOWN])


def replay(
    *, account: Account, endpoint_id: int, delivery_id: int, at: datetime
) -> WebhookDelivery:
    """Tells one event again, under its id, with all its tries before it.

    :raises NotFound: not a delivery of an endpoint of the account.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    :raises WrongState: it has not ended yet.
    """
    delivery = find(account=account, endpoint_id=endpoint_id, delivery_id=delivery_id)
    with transaction.atomic():
        if not _again(WebhookDelivery.objects.filter(pk=delivery.pk), at):
            raise WrongState("The event is being told already.")
        _note(account, delivery.endpoint, at, deliveries=1)
    delivery.refresh_from_db()
    return delivery


def replay_since(*, account: Account, endpoint_id: int, since: datetime, at: datetime) -> int:
    """Tells again everything that was recorded for an endpoint since an instant and has ended,
    delivered or given up; returns how many. What is older than 30 days is gone.

    :raises NotFound: not an endpoint of the account.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    """
    endpoint = endpoints.find(account=account, endpoint_id=endpoint_id)
    return _since(endpoint, since, by=account, at=at)


def replay_by_staff(*, endpoint_id: int, since: datetime, by: Account, at: datetime) -> int:
    """As `replay_since`, of anybody's endpoint.

    :raises NotFound: no such endpoint.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    """
    endpoint = _any(endpoint_id)
    return _since(endpoint, since, by=by, at=at)


def replay_chosen(*, delivery_ids: list[int], by: Account, at: datetime) -> int:
    """Tells the chosen deliveries again that have ended; returns how many.

    :raises NotAllowed: one is of the whole market, which its owner may not be told of any more.
    """
    with transaction.atomic():
        chosen = WebhookDelivery.objects.filter(pk__in=delivery_ids)
        chosen = chosen.exclude(endpoint__status=WebhookEndpoint.Status.REMOVED)
        told = list(chosen.select_related("endpoint__account").order_by("pk"))
        found = {row.endpoint_id: row.endpoint for row in told}.values()
        for endpoint in found:
            rights.check(endpoint)
        done = _again(WebhookDelivery.objects.filter(pk__in=[row.pk for row in told]), at)
        for endpoint in found:
            count = sum(row.endpoint_id == endpoint.pk for row in told)
            _note(by, endpoint, at, deliveries=count)
    return done


def _since(endpoint: WebhookEndpoint, since: datetime, *, by: Account, at: datetime) -> int:
    rights.check(endpoint)
    with transaction.atomic():
        found = WebhookDelivery.objects.filter(endpoint=endpoint, created_at__gte=since)
        done = _again(found, at)
        _note(by, endpoint, at, deliveries=done, since=since.isoformat())
    return done


def _again(chosen: QuerySet[WebhookDelivery], at: datetime) -> int:
    return move(
        chosen,
        transitions=WebhookDelivery.TRANSITIONS,
        to=State.WAITING,
        only_from=[State.DELIVERED, State.FAILED],
        field="state",
        tries=0,
        due_at=at,
        delivered_at=None,
    )


def _note(by: Account, endpoint: WebhookEndpoint, at: datetime, **data: Any) -> None:
    audit.note(actor=by, action="webhook.replay", target=endpoint, at=at, **data)


def _any(endpoint_id: int) -> WebhookEndpoint:
    living = WebhookEndpoint.objects.exclude(status=WebhookEndpoint.Status.REMOVED)
    found = living.filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound()
    return found


def test_event(*, account: Account, endpoint_id: int, at: datetime) -> WebhookDelivery:
    """Tells an endpoint `webhook.test`, which means nothing.

    :raises NotFound: not an endpoint of the account.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    :raises WrongState: the endpoint is not active.
    """
    return _test(endpoints.find(account=account, endpoint_id=endpoint_id), by=account, at=at)


def test_by_staff(*, endpoint_id: int, by: Account, at: datetime) -> WebhookDelivery:
    """As `test_event`, for anybody's endpoint.

    :raises NotFound: no such endpoint.
    :raises NotAllowed: the whole market, which its owner may not be told of any more.
    :raises WrongState: the endpoint is not active.
    """
    return _test(_any(endpoint_id), by=by, at=at)


def _test(endpoint: WebhookEndpoint, *, by: Account, at: datetime) -> WebhookDelivery:
    rights.check(endpoint)
    if endpoint.status != WebhookEndpoint.Status.ACTIVE:
        raise WrongState(f"The endpoint is {endpoint.status}.", state=endpoint.status)
    with transaction.atomic():
        made = WebhookDelivery.objects.create(
            endpoint=endpoint,
            event_id=f"{TEST_KIND}.{ids.code(16)}",
            kind=TEST_KIND,
            data={"endpoint": endpoint.pk},
            occurred_at=at,
            created_at=at,
            due_at=at,
        )
        audit.note(actor=by, action="webhook.test", target=endpoint, at=at)
    return made
