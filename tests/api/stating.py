"""Requests about statements, and the statements of the tests' market."""

from datetime import timedelta

from backend.core.clock import now
from commissions import statements
from commissions.models import Statement
from tests.api.call import get
from tests.api.named import World

STATEMENTS = [
    get("/v1/me/statements", "promoter"),
    get("/v1/shops/{shop}/statements", "owner"),
    get("/v1/statements/{statement}", "promoter"),
    get("/v1/statements/{statement}/lines", "promoter"),
    get("/v1/statements/{statement}/statement.csv", "promoter"),
    get("/v1/statements/{statement}/statement.html", "promoter"),
    get("/v1/statements/{statement}/statement.jsonl", "promoter"),
    get("/v1/statements/{statement}/statement.xlsx", "promoter"),
    get("/v1/statement-keys", "anonymous"),
]


def furnish(world: World) -> None:
    """Everybody's statement of the month that is."""
    statements.state_due(at=now() + timedelta(days=60))
    for name, kind, role in (
        ("statement", "person", "promoter"),
        ("other_statement", "person", "inviter"),
        ("shop_statement", "shop", "owner"),
    ):
        owner = world.shop if kind == "shop" else world.people[role].pk
        found = Statement.objects.filter(owner_kind=kind, owner_id=owner).earliest("id")
        vars(world)[name] = found.number
        world.mark(f"{role}'s statement of a {kind}", found.number, role)
