"""People who listen: ground of the tests of what webhooks tell."""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from backend import relay
from backend.core import events
from backend.webhooks import endpoints, sending
from backend.webhooks.endpoints import Wanted
from backend.webhooks.models import WebhookDelivery, WebhookEndpoint
from commissions import promoters
from seeds.factories import PromotionLinkFactory, ShopFactory, SkuFactory
from tests.cast import Person
from tests.commissions import sales

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
KINDS = WebhookEndpoint.KINDS


class Market:
    """Selena sells, Linda promotes and was invited by Ella; each listens to their own."""

    def __init__(self, selena: Person, linda: Person, ella: Person, lily: Person) -> None:
        inviter = promoters.join(account=ella.account, at=AT)
        joined = promoters.join(account=linda.account, invite_code=inviter.invite_code, at=AT)
        self.sku = SkuFactory.create(product__shop=ShopFactory.create(account=selena.account))
        self.link = PromotionLinkFactory.create(promoter=joined, target_id=self.sku.product_id)
        self.buyer = lily.account

    def sell(self, at: datetime = AT) -> Any:
        return sales.sale(
            at=at, sku=self.sku, buyer=self.buyer, price_fen=10_000, referral_code=self.link.code
        )


def listen(person: Person, scope: str, at: datetime = AT) -> WebhookEndpoint:
    wanted = Wanted(scope, "https://hooks.example/x", KINDS[WebhookEndpoint.Scope(scope)])
    return endpoints.add(account=person.account, wanted=wanted, at=at)[0]


def happens(kind: str, order_id: int, at: datetime = AT) -> None:
    with transaction.atomic():
        events.record(kind=f"order.{kind}", subject_id=order_id, at=at)
    relay.drain(at=at)


def told(endpoint: WebhookEndpoint) -> list[str]:
    return list(
        WebhookDelivery.objects.filter(endpoint=endpoint)
        .order_by("id")
        .values_list("kind", flat=True)
    )


def data(endpoint: WebhookEndpoint, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = WebhookDelivery.objects.get(endpoint=endpoint, kind=kind).data
    return found


def forget(at: datetime) -> None:
    """Everything has arrived, and deliveries that are too old go."""
    WebhookDelivery.objects.update(state="delivered", delivered_at=F("created_at"))
    sending.forget_old(at=at)
    assert not WebhookDelivery.objects.exists()
