"""One good request for every operation: who may send it, where, and what stands in it. The tests
of this folder take these and spoil them, one thing at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from backend.core import ids
from backend.core.clock import now
from seeds.factories.accounts import PASSWORD
from shops.providers import sandbox
from tests.api.call import Call, get, gone, post
from tests.api.giving import GIVING, postback_of
from tests.api.http import MULTIPART, Answer, Door, form
from tests.api.listening import LISTENING
from tests.api.named import World
from tests.api.rails import RAILS, notice_of
from tests.api.rooms import ROOMS
from tests.api.taxed import TAXES
from tests.api.tree import TREE

_PARCEL = {"carrier": "顺丰", "tracking_number": "SF12345678"}
_LABEL = {"x": 0.5, "y": 0.5, "text": "标签", "target_kind": "product", "target_id": "{product}"}
_CROP = {"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5}
_NOTE = {
    "title": "新标题",
    "body": "正文",
    "city_code": "310000",
    "topics": ["学院风"],
    "media": [{"file": "{media}", "cover_crop": _CROP, "labels": [_LABEL]}],
}
_SKU = {"code": "new", "options": {"颜色": "黑"}, "price_fen": 1_000, "list_price_fen": 2_000}
_PRODUCT = {
    "category": "{category}",
    "title": "新商品",
    "description": "说明",
    "image_url": "https://img.example/a.jpg",
    "attributes": {"材质": "羊毛"},
    "return_window_days": 7,
    "shipping_fee_fen": 0,
}
_NEXT = "only-for-tests-8246"
_PROFILE = {"display_name": "新名字", "bio": "你好", "city_code": "310000"}
_AT_HOME = {"receiver": "李", "phone": "13800000000", "region_code": "310104", "detail": "一号"}
_APPLICATION = {"shop_name": "新店", "owner_type": "individual", "intro": "", "licence_number": ""}
_REFUND = {
    "kind": "refund_only",
    "reason": "不想要了",
    "note": "",
    "lines": [{"order_line": "{received_line}", "qty": 0, "amount_fen": 100}],
}
_LOCKS = {
    "mode": "override",
    "click_product_days": 7,
    "click_content_days": 7,
    "click_live_days": 7,
    "order_product_days": 30,
    "order_content_days": 30,
    "order_live_days": 30,
    "protect_days": 3,
}
_BASKET = {
    "lines": [{"sku": "{sku}", "qty": 1, "source": {"kind": "note", "id": "{note}"}}],
    "click": "{click}",
    "coupon_code": "{coupon}",
}
_VERSION = {
    "rate_bps": 900,
    "unit_fen": None,
    "promoter_bps": 7_000,
    "inviter_bps": 2_000,
    "creator_bps": 9_000,
    "products": ["{draft}"],
    "promoters": ["promoter"],
    "tiers": ["gold"],
    "tier_bonuses": {"gold": 100},
    "cap_order_fen": 1_000,
    "cap_day_fen": 2_000,
    "cap_month_fen": 3_000,
    "starts_at": "2999-01-01T00:00:00Z",
    "ends_at": "2999-02-01T00:00:00Z",
}
_PLAN = {"name": "新方案", "kind": "targeted", **_VERSION}

ACCOUNTS = [
    post(
        "/v1/accounts",
        "anonymous",
        {"handle": "newcomer", "password": "quiet-otter-739", **_PROFILE},
        status=201,
    ),
    get("/v1/accounts/author", "anonymous"),
    get("/v1/accounts/author/followers", "anonymous"),
    get("/v1/accounts/inviter/following", "anonymous"),
    get("/v1/accounts/author/notes", "anonymous"),
    Call("PUT", "/v1/accounts/author/follow", "stranger", {"via_note": "{note}"}, status=204),
    gone("/v1/accounts/author/follow", "inviter"),
    post(
        "/v1/auth/token",
        "anonymous",
        {"handle": "stranger", "password": PASSWORD, "label": "phone"},
        status=201,
    ),
    gone("/v1/auth/token", "stranger"),
    get("/v1/me", "buyer"),
    Call("PATCH", "/v1/me", "buyer", {**_PROFILE, "phone": "13900000000"}),
    get("/v1/me/addresses", "buyer"),
    post("/v1/me/addresses", "buyer", {**_AT_HOME, "is_default": True}, status=201),
    gone("/v1/me/addresses/{address}", "buyer"),
    post("/v1/me/password", "buyer", {"current_password": PASSWORD, "password": _NEXT}, 204),
    post(
        "/v1/auth/password-reset",
        "anonymous",
        {"handle": "stranger", "code": "{reset_code}", "password": _NEXT},
        status=204,
    ),
    get("/v1/me/tokens", "buyer"),
    gone("/v1/me/tokens", "buyer"),
    post("/v1/me/tokens/{second_token}/end", "buyer", {"current_password": PASSWORD}, 204),
    post("/v1/me/erasure", "stranger", {"current_password": PASSWORD}, 204),
]
SELLING = [
    get("/v1/categories", "anonymous"),
    get("/v1/shops", "anonymous", "kind=third_party&owner=owner"),
    get("/v1/shops/{shop}", "anonymous"),
    Call("PATCH", "/v1/shops/{shop}", "owner", {"intro": "你好"}),
    post("/v1/shops/{shop}/products", "owner", {**_PRODUCT, "skus": [_SKU]}, status=201),
    get("/v1/shops/applications", "author"),
    post("/v1/shops/applications", "stranger", _APPLICATION, status=201),
    get("/v1/shops/applications/{application}", "author"),
    Call("PATCH", "/v1/shops/applications/{application}", "author", _APPLICATION),
    post(
        "/v1/shops/applications/{application}/documents",
        "author",
        {"kind": "id_card", "number": "N1", "valid_until": "2099-12-31"},
        status=201,
    ),
    post("/v1/shops/applications/{application}/submit", "author"),
    get("/v1/products", "anonymous", "shop={shop}&category={category}"),
    get("/v1/products/{product}", "anonymous"),
    Call("PATCH", "/v1/products/{product}", "owner", _PRODUCT),
    post("/v1/products/{draft}/publish", "owner"),
    post("/v1/products/{product}/unpublish", "owner"),
    post("/v1/products/{product}/skus", "owner", _SKU, status=201),
    Call(
        "PATCH",
        "/v1/products/{product}/skus/{sku}",
        "owner",
        {"price_fen": 1_000, "list_price_fen": None, "is_active": True},
    ),
    post(
        "/v1/skus/{sku}/stock-adjustments",
        "owner",
        {"delta": 1, "reason": "盘点"},
        status=201,
        keyed=True,
    ),
    get("/v1/me/products", "owner", "status=on_sale"),
    get("/v1/metrics/daily", "owner", "from=2026-01-01&to=2026-01-02&shop={shop}"),
]
BUYING = [
    post("/v1/checkouts/quote", "buyer", _BASKET),
    post(
        "/v1/checkouts",
        "buyer",
        {**_BASKET, "address": "{address}", "expected_total_fen": "{sku_price}"},
        status=201,
        keyed=True,
    ),
    get("/v1/checkouts/{open_checkout}", "buyer"),
    post("/v1/checkouts/{open_checkout}/pay", "buyer", {"provider": "sandbox"}),
    Call("POST", "/v1/payments/sandbox/callback", "anonymous"),
    get("/v1/orders", "buyer", "role=buyer&status=paid"),
    get("/v1/orders/{paid_order}", "buyer"),
    post("/v1/orders/{open_order}/cancel", "buyer", keyed=True),
    post("/v1/orders/{shipped_order}/receive", "buyer", keyed=True),
    post(
        "/v1/orders/{paid_order}/shipments",
        "owner",
        {**_PARCEL, "lines": [{"order_line": "{paid_line}", "qty": 1}]},
        status=201,
        keyed=True,
    ),
    post("/v1/orders/{received_order}/refunds", "buyer", _REFUND, status=201, keyed=True),
    get("/v1/refunds", "buyer", "role=buyer&status=requested"),
    get("/v1/refunds/{asked_refund}", "buyer"),
    post("/v1/refunds/{asked_refund}/approve", "owner"),
    post("/v1/refunds/{asked_refund}/reject", "owner", {"reason": "已经穿过"}),
    post("/v1/refunds/{asked_refund}/withdraw", "buyer"),
    post("/v1/refunds/{awaiting_refund}/return-shipment", "buyer", _PARCEL),
    post("/v1/refunds/{returned_refund}/confirm-return", "owner"),
]
NOTES = [
    Call("POST", "/v1/media", "author", status=201, headers=MULTIPART),
    post("/v1/notes", "author", {"kind": "image", **_NOTE}, status=201),
    get("/v1/notes/{note}", "anonymous"),
    Call("PATCH", "/v1/notes/{note}", "author", _NOTE),
    gone("/v1/notes/{note}", "author"),
    get("/v1/notes/{draft_note}/preview", "author"),
    post("/v1/notes/{draft_note}/publish", "author"),
    post("/v1/notes/{note}/withdraw", "author"),
    get("/v1/notes/{note}/ranking", "author"),
    post("/v1/notes/{draft_note}/products", "author", {"product": "{product}"}, status=201),
    gone("/v1/notes/{note}/products/{product}", "author"),
    Call("PUT", "/v1/notes/{note}/like", "buyer", {}, status=204),
    gone("/v1/notes/{note}/like", "buyer"),
    Call("PUT", "/v1/notes/{note}/collect", "buyer", {}, status=204),
    gone("/v1/notes/{note}/collect", "inviter"),
    get("/v1/notes/{note}/comments", "anonymous", "parent={comment}"),
    post("/v1/notes/{note}/comments", "buyer", {"text": "好", "parent": "{comment}"}, status=201),
    gone("/v1/comments/{comment}", "inviter"),
    get("/v1/me/notes", "author", "status=draft"),
    get("/v1/me/collects", "inviter"),
    get("/v1/me/embeddable-products", "author", "q=裤&origin=others"),
    get("/v1/goods-note-applications", "author"),
    post("/v1/goods-note-applications", "known", status=201),
    get("/v1/feeds/discover", "anonymous", "goods=1&media=image"),
    get("/v1/feeds/follow", "inviter"),
    get("/v1/feeds/nearby", "anonymous", "city=310000&media=all"),
    get("/v1/search", "anonymous", "q=公开&type=notes&media=all"),
    get("/v1/topics", "anonymous", "q=学院&sort=notes"),
    get("/v1/topics/{topic}/notes", "anonymous"),
    get("/v1/products/{product}/notes", "anonymous"),
]
PROMOTING = [
    Call("GET", "/l/{link}", "anonymous", status=302),
    post("/v1/tuike/enrol", "stranger", {"invite_code": "{invite_code}"}, status=201),
    get("/v1/me/tuike", "promoter"),
    get("/v1/products/{product}/commission-offer", "anonymous"),
    Call("PUT", "/v1/products/{product}/commission-offer", "owner", {"rate_bps": 1_000}),
    gone("/v1/products/{product}/commission-offer", "owner"),
    get("/v1/shops/{shop}/commission-plans", "owner"),
    post("/v1/shops/{shop}/commission-plans", "owner", _PLAN, status=201),
    get("/v1/commission-plans/{live_plan}", "owner"),
    post("/v1/commission-plans/{live_plan}/versions", "owner", _VERSION, status=201),
    Call("PUT", "/v1/commission-plans/{live_plan}/fund", "owner", {"funded_fen": 90_000}),
    get("/v1/commission-plans/{live_plan}/exposure", "owner", "refund_bps=500"),
    get("/v1/plan-versions/{draft_version}", "owner"),
    Call("PATCH", "/v1/plan-versions/{draft_version}", "owner", _VERSION),
    get("/v1/plan-versions/{draft_version}/lint", "owner"),
    get("/v1/plan-versions/{draft_version}/preview", "owner"),
    post("/v1/plan-versions/{draft_version}/publish", "owner", {"from_now": True}),
    post("/v1/plan-versions/{live_version}/end", "owner"),
    get("/v1/shops/{shop}/what-ifs", "owner"),
    post(
        "/v1/shops/{shop}/what-ifs",
        "owner",
        {"version": "{draft_version}", "first_day": "2026-01-01", "last_day": "2026-01-02"},
        status=201,
    ),
    get("/v1/what-ifs/{what_if}", "owner"),
    get("/v1/what-ifs/{what_if}/promoters.csv", "owner"),
    get("/v1/promotion-links", "promoter"),
    post(
        "/v1/promotion-links",
        "promoter",
        {"target": {"kind": "product", "id": "{product}"}, "channel": "群"},
        status=201,
    ),
    gone("/v1/promotion-links/{link}", "promoter"),
    get("/v1/promotion-links/{link}/qr.png", "promoter"),
    get("/v1/me/earnings", "promoter"),
    get("/v1/me/commissions", "promoter", "status=estimated"),
    get("/v1/commissions/{commission}/explain", "promoter"),
    get("/v1/orders/{paid_order}/attribution", "promoter"),
    get("/v1/shops/{shop}/lock-settings", "owner"),
    Call("PUT", "/v1/shops/{shop}/lock-settings", "owner", _LOCKS),
    get("/v1/me/customer-locks", "promoter"),
    get("/v1/shops/{shop}/coupon-codes", "owner"),
    post(
        "/v1/shops/{shop}/coupon-codes",
        "owner",
        {
            "holder": "promoter",
            "role": "promoter",
            "code": "NEWCODE1",
            "discount_bps": 500,
            "ends_at": "2099-01-01T00:00:00Z",
        },
        status=201,
    ),
    gone("/v1/shops/{shop}/coupon-codes/{coupon}", "owner"),
    get("/v1/me/coupon-codes", "promoter"),
    get(
        "/v1/shops/{shop}/attribution-replay",
        "owner",
        "from={today}&to={today}&referral_days=7&note_days=7&live_days=7&self_purchase=none"
        "&without=lock",
    ),
    get("/v1/orders/{paid_order}/attribution-replay", "owner", "referral_days=7"),
    get("/v1/attribution-disputes", "owner"),
    post(
        "/v1/attribution-disputes",
        "promoter",
        {
            "order_number": "{paid_order}",
            "line": "{paid_line}",
            "claim": "是我的链接",
            "evidence": ["点击记录"],
        },
        status=201,
    ),
    get("/v1/attribution-disputes/{dispute}", "owner"),
    post("/v1/attribution-disputes/{dispute}/withdraw", "owner"),
    get("/v1/charity/summary", "anonymous"),
    get("/v1/me/payee-accounts", "promoter"),
    post(
        "/v1/me/payee-accounts",
        "buyer",
        {"provider": "sandbox", "holder_name": "李小鱼", "number": "62220001"},
        status=201,
    ),
    gone("/v1/me/payee-accounts/{payee}", "promoter"),
    get("/v1/me/payouts", "promoter"),
    post("/v1/me/payouts", "promoter", {"amount_fen": 1_000}, status=201, keyed=True),
    get("/v1/me/payouts/{payout}", "promoter"),
    post("/v1/me/payouts/{payout}/cancel", "promoter", keyed=True),
]
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
CALLS = [
    *ACCOUNTS, *SELLING, *BUYING, *NOTES, *ROOMS, *PROMOTING, *AGENCIES, *TREE, *GIVING, *LISTENING,
    *RAILS, *TAXES,
]  # fmt: skip


def filled(world: World, value: Any) -> Any:
    """A body with its names replaced."""
    if isinstance(value, dict):
        return {key: filled(world, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(world, inner) for inner in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return getattr(world, value[1:-1])
    return value


def request_of(world: World, call: Call) -> dict[str, Any]:
    """What Door.send takes, but for the token: a good request of this call."""
    made: dict[str, Any] = {
        "method": call.method,
        "target": world.fill(call.path) + (f"?{world.fill(call.query)}" if call.query else ""),
        "headers": {"Idempotency-Key": ids.code(16)} if call.keyed else {},
        "body": filled(world, call.body),
    }
    made["headers"] |= call.headers
    if call.path == "/v1/media":
        made["body"] = form({"file": world.picture})
    if call.path.endswith("/imports") and call.method == "POST":
        made["body"] = form({"file": b"{}", "kind": "jsonl", "dry_run": "true"}, filename="a")
    if call.path.endswith("/postback"):
        made |= postback_of(world)
    if call.path.endswith("/notices"):
        made |= notice_of(call.path)
    if call.path.endswith("/callback"):
        ready = sandbox.build_callback(
            checkout_number=world.open_checkout, amount_fen=world.sku_price, at=now()
        )
        made |= {"body": ready.body.encode(), "headers": ready.headers}
    return made


def send(door: Door, world: World, call: Call, who: str = "", **changes: Any) -> Answer:
    """Sends a call as its own role or as another, with parts of the request exchanged."""
    made = request_of(world, call) | changes
    return door.send(token=world.tokens[who or call.who], **made)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
