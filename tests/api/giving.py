"""Requests about orders made elsewhere, boards and bounties, and what the tests' market has of
them."""

import json
from typing import Any

from django.core.files.base import ContentFile

from backend.core import ids, webhooks
from backend.core.clock import now
from commissions import conversions
from tests.api.call import Call, get, post
from tests.api.http import MULTIPART
from tests.api.named import World
from tests.api.stating import STATEMENTS
from tests.api.stating import furnish as state

_TOLD = "2026-11-01T04:00:00Z"
_BOUNTY = {
    "title": "月度任务",
    "goal": "orders",
    "target": 3,
    "reward_fen": 2_000,
    "budget_fen": 20_000,
    "starts_at": "2099-01-01T00:00:00Z",
    "ends_at": "2099-02-01T00:00:00Z",
    "hold_days": 15,
}
CONTESTS = [
    get("/v1/leaderboard", "promoter", "period=month&day=2026-11-01&by=gmv"),
    get("/v1/bounties", "promoter"),
    post("/v1/shops/{shop}/bounties", "owner", _BOUNTY, status=201, keyed=True),
]
ELSEWHERE = [
    get("/v1/conversion-sources", "owner"),
    Call(
        "PUT",
        "/v1/conversion-sources/{source}/goods",
        "owner",
        {"external_sku": "J2", "sku": "{sku}", "rate_bps": 1_000},
    ),
    get("/v1/conversion-sources/{source}/imports", "owner"),
    Call(
        "POST",
        "/v1/conversion-sources/{source}/imports",
        "owner",
        status=201,
        headers=MULTIPART,
    ),
    get("/v1/conversion-imports/{import_}", "owner"),
    get("/v1/conversion-imports/{import_}/verdicts.csv", "owner"),
    Call("POST", "/v1/conversion-sources/{source}/postback", "anonymous"),
]
GIVING = [*CONTESTS, *ELSEWHERE, *STATEMENTS]


def postback_of(world: World) -> dict[str, Any]:
    """Body and headers of a partner's signed conversion."""
    told = {
        "order": "P1",
        "line": "1",
        "sku": "J1",
        "paid_fen": 10_000,
        "paid_at": now().isoformat(),
        "code": world.link,
    }
    body = json.dumps(told).encode()
    signed = webhooks.headers(
        message_id=f"msg_{ids.code(22)}", body=body, secret=world.partner_secret, at=now()
    )
    return {"body": body, "headers": signed | {"Content-Type": "application/json"}}


def furnish(world: World) -> None:
    """A partner of the owner's shop with a file that is taken; everybody's statements."""
    state(world)
    source, world.partner_secret = conversions.add_source(
        name="京东", shop_id=world.shop, fee_bps=0, window_days=15, by=None, at=now()
    )
    world.source = source.pk
    owner = world.people["owner"]
    conversions.set_goods(
        account=owner, source_id=source.pk, external_sku="J1", sku_id=world.sku, rate_bps=2_000
    )
    told = {"order": "ELSE-7731", "line": "1", "sku": "J9", "paid_fen": 1, "paid_at": _TOLD}
    world.import_ = conversions.upload(
        account=owner,
        source_id=source.pk,
        kind="jsonl",
        dry_run=False,
        file=ContentFile(json.dumps(told).encode(), name="a"),
        at=now(),
    ).pk
    conversions.run_imports(at=now())
    world.mark("a partner", '"name":"京东"', "owner")
    world.mark("a partner's secret", world.partner_secret)
    world.mark("a partner's order", "ELSE-7731", "owner")
