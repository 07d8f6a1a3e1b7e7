"""The good requests of agencies and of the tree of promoters."""

from tests.api.call import Call, get, gone, post

AGENCIES = [
    post("/v1/agencies", "stranger", {"name": "星河", "share_bps": 1_000}, status=201),
    get("/v1/me/agency", "owner"),
    Call("PUT", "/v1/me/agency/share", "owner", {"share_bps": 1_000}),
    gone("/v1/me/agency/upper", "owner"),
    get("/v1/me/agency/members", "other_owner"),
    gone("/v1/me/agency/members/{member}", "other_owner"),
    get("/v1/me/agency/invitations", "other_owner"),
    post(
        "/v1/me/agency/invitations", "owner", {"handle": "promoter", "as_agency": False}, status=201
    ),
    post("/v1/me/agency/invitations/{agency_invitation}/withdraw", "other_owner"),
    get("/v1/me/agency-membership", "inviter"),
    gone("/v1/me/agency-membership", "inviter"),
    get("/v1/me/agency-invitations", "promoter"),
    post(
        "/v1/me/agency-invitations/{agency_invitation}/accept",
        "promoter",
        {"share_bps": "{agency_bps}"},
    ),
    post("/v1/me/agency-invitations/{agency_invitation}/decline", "promoter"),
]
TREE = [
    Call("PUT", "/v1/me/tuike/inviter", "inviter", {"invite_code": "{root_code}"}),
    get("/v1/me/team", "inviter", "level=1"),
    get("/v1/me/team/summary", "inviter"),
    get("/v1/promoters/{promoter}/uplines", "superuser", "at=2026-01-01T00:00:00Z"),
    get("/v1/compliance/findings", "superuser"),
]
