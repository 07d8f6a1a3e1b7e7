"""Requests about the tree of promoters and their teams."""

from tests.api.call import Call, get

TREE = [
    Call("PUT", "/v1/me/tuike/inviter", "inviter", {"invite_code": "{root_code}"}),
    get("/v1/me/team", "inviter", "level=1"),
    get("/v1/me/team/summary", "inviter"),
    get("/v1/promoters/{promoter}/uplines", "superuser", "at=2026-01-01T00:00:00Z"),
    get("/v1/compliance/findings", "superuser"),
]
