"""Requests about webhooks, and what the tests' market has of them."""

from backend.core.clock import now
from backend.webhooks import endpoints
from backend.webhooks.endpoints import Wanted
from backend.webhooks.models import WebhookAttempt, WebhookDelivery
from tests.api.call import Call, get, gone, post
from tests.api.named import World

_URL = "https://hooks.example.com/tuike"
_KINDS = ["commission.estimated", "payout.paid"]
LISTENING = [
    get("/v1/webhooks", "promoter"),
    post(
        "/v1/webhooks",
        "promoter",
        {"scope": "own", "url": _URL, "kinds": _KINDS, "description": "账本"},
        status=201,
    ),
    get("/v1/webhooks/{webhook}", "promoter"),
    Call(
        "PATCH",
        "/v1/webhooks/{webhook}",
        "promoter",
        {"url": _URL, "kinds": _KINDS, "description": "新"},
    ),
    gone("/v1/webhooks/{webhook}", "promoter"),
    post("/v1/webhooks/{webhook}/disable", "promoter"),
    post("/v1/webhooks/{stopped_webhook}/enable", "promoter"),
    post("/v1/webhooks/{webhook}/rotate", "promoter"),
    post("/v1/webhooks/{webhook}/test", "promoter", status=201),
    post("/v1/webhooks/{webhook}/replay", "promoter", {"since": "2026-11-01T04:00:00Z"}),
    get("/v1/webhooks/{webhook}/deliveries", "promoter", "state=delivered"),
    get("/v1/webhooks/{webhook}/deliveries/{webhook_delivery}", "promoter"),
    post("/v1/webhooks/{webhook}/deliveries/{webhook_delivery}/replay", "promoter"),
]


def furnish(world: World) -> None:
    """Two endpoints of the promoter, one of them stopped, and an event that was told."""
    account = world.people["promoter"]
    for name in ("webhook", "stopped_webhook"):
        wanted = Wanted("own", f"https://hooks.example/{name}-secret-path", _KINDS, f"钩子 {name}")
        made, secret = endpoints.add(account=account, wanted=wanted, at=now())
        vars(world)[name] = made.pk
        world.mark(f"the {name}", f"{name}-secret-path", "promoter")
        world.mark(f"the secret of the {name}", secret)
    endpoints.disable(endpoint_id=made.pk, account=account, by=account, at=now())
    told = WebhookDelivery.objects.create(
        endpoint_id=world.webhook,
        event_id="commission.estimated.77",
        kind="commission.estimated",
        data={"commission": 77},
        occurred_at=now(),
        created_at=now(),
        due_at=now(),
        state="delivered",
        delivered_at=now(),
    )
    world.webhook_delivery = told.pk
    WebhookAttempt.objects.create(
        delivery=told, at=now(), status_code=204, latency_ms=17, answer="答复 7741"
    )
    world.mark("what a receiver answered", "答复 7741", "promoter")
