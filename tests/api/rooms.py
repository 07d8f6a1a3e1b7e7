"""Live rooms in the tests' market: one on air, one announced, and a good request for each door."""

from backend.core.clock import now
from notes import live
from tests.api.call import get, post
from tests.api.named import World

_LIVE = {"title": "直播间", "starts_at": "2999-01-01T00:00:00Z"}
ROOMS = [
    post("/v1/live-sessions", "owner", _LIVE, status=201),
    get("/v1/live-sessions", "anonymous", "status=live"),
    get("/v1/live-sessions/{room}", "anonymous"),
    post("/v1/live-sessions/{planned_room}/start", "other_owner"),
    post("/v1/live-sessions/{room}/end", "owner"),
    post("/v1/live-sessions/{planned_room}/cancel", "other_owner", status=204),
    post(
        "/v1/live-sessions/{planned_room}/products",
        "other_owner",
        {"product": "{other_product}"},
        status=201,
    ),
]


def furnish(world: World) -> None:
    """The owner is on air with own goods; the other owner has announced a session."""
    for name, role in (("room", "owner"), ("planned_room", "other_owner")):
        made = live.schedule(host=world.people[role], title="直播间", starts_at=now())
        setattr(world, name, made.pk)
    host = world.people["owner"]
    live.add_product(account=host, session_id=world.room, product_id=world.product, at=now())
    live.start(account=host, session_id=world.room, at=now())
