"""Doors of locks, coupon codes, replays and disputes."""

from datetime import date

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest import paging
from backend.rest.fields import NoFields
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from commissions import coupons, disputes, locks, replay
from commissions.attribution_rules import Rules
from commissions.rest import attribution_serializers as s


class LockSettingsView(View):
    """How a shop's customers are locked."""

    @extend_schema(tags=["customer locks"], responses=s.LockSettingAnswer)
    def get(self, request: Request, shop_id: int) -> Response:
        """The setting in force, for the shop's owner and staff."""
        self.query(request)
        return Response(locks.setting_of(account=caller(request), shop_id=shop_id, at=now()))

    @extend_schema(
        tags=["customer locks"], request=s.LockSettingFields, responses=s.LockSettingAnswer
    )
    def put(self, request: Request, shop_id: int) -> Response:
        """The shop's own setting from now on; what has bound until now keeps its days."""
        fields = self.body(request, s.LockSettingFields)
        found = locks.change_setting(account=caller(request), shop_id=shop_id, at=now(), **fields)
        return Response(found)


class MyCustomersView(View):
    """The customers that the caller has bound."""

    @extend_schema(
        tags=["customer locks"],
        parameters=CURSOR,
        responses=page_of("CustomerLock", s.CustomerLockAnswer),
    )
    def get(self, request: Request) -> Response:
        """The newest change first; who they are is masked."""
        self.query(request, paged=True)
        size = paging.page_size(request)
        given = request.query_params.get("cursor")
        before = paging.decode_cursor(given, [int])[0] if given else 2**63 - 1
        found = locks.customers_of(caller(request), at=now(), before=before, size=size + 1)
        following = paging.encode_cursor(found[size - 1]["id"]) if len(found) > size else None
        return Response(paging.answer(found[:size], following))


class ShopCouponsView(View):
    """The coupon codes of a shop."""

    @extend_schema(
        tags=["coupon codes"], parameters=CURSOR, responses=page_of("ShopCoupon", s.CouponAnswer)
    )
    def get(self, request: Request, shop_id: int) -> Response:
        """Those that the shop has given out, the newest first; for its owner and staff."""
        self.query(request, paged=True)
        given = coupons.of_shop(account=caller(request), shop_id=shop_id)
        found, cursor = paging.keyset(request, given)
        return Response(paging.answer(s.CouponAnswer(found, many=True).data, cursor))

    @extend_schema(tags=["coupon codes"], request=s.CouponFields, responses={201: s.CouponAnswer})
    def post(self, request: Request, shop_id: int) -> Response:
        """Gives a promoter or creator a code of the shop."""
        fields = self.body(request, s.CouponFields)
        made = coupons.give(account=caller(request), shop_id=shop_id, at=now(), **fields)
        return Response(s.CouponAnswer(made).data, status=201)


class ShopCouponView(View):
    """One coupon code of a shop."""

    @extend_schema(tags=["coupon codes"], responses={204: None})
    def delete(self, request: Request, shop_id: int, code: str) -> Response:
        """It counts no longer; orders placed with it stay its holder's."""
        coupons.end(account=caller(request), shop_id=shop_id, code=code, at=now())
        return Response(status=204)


class MyCouponsView(View):
    """The coupon codes that the caller holds."""

    @extend_schema(
        tags=["coupon codes"], parameters=CURSOR, responses=page_of("MyCoupon", s.CouponAnswer)
    )
    def get(self, request: Request) -> Response:
        """The newest first."""
        self.query(request, paged=True)
        found, cursor = paging.keyset(request, coupons.held_by(caller(request)))
        return Response(paging.answer(s.CouponAnswer(found, many=True).data, cursor))


def _replayed(scope: replay.Scope, rules: Rules, given: str) -> Response:
    place = None
    if given:
        ordinal, line_id = paging.decode_cursor(given, [int, int])
        if not 1 <= ordinal <= date.max.toordinal():
            raise paging.BadCursor()
        place = replay.Place(date.fromordinal(ordinal), line_id)
    page = replay.page_of(scope=scope, rules=rules, place=place)
    following = page.following
    cursor = following and paging.encode_cursor(following.day.toordinal(), following.line_id)
    answer = paging.answer(page.differences, cursor)
    return Response({"lines": page.lines, "moved_fen": page.moved_fen, **answer})


class ShopReplayView(View):
    """Attribution, run once more over a shop's lines."""

    @extend_schema(tags=["attribution"], parameters=[s.ShopReplayQuery], responses=s.ReplayAnswer)
    def get(self, request: Request, shop_id: int) -> Response:
        """Who would have won under other rules, 500 lines a page; for the owner and staff."""
        query = self.query(request, s.ShopReplayQuery)
        given = query.pop("cursor", "")
        scope = replay.of_shop(
            account=caller(request),
            shop_id=shop_id,
            first=query.pop("from", None),
            last=query.pop("to", None),
            at=now(),
        )
        return _replayed(scope, replay.rules_of(**query), given)


class OrderReplayView(View):
    """Attribution, run once more over an order's lines."""

    @extend_schema(tags=["attribution"], parameters=[s.ReplayRules], responses=s.ReplayAnswer)
    def get(self, request: Request, number: str) -> Response:
        """Who would have won under other rules; for the shop's owner and staff."""
        query = self.query(request, s.ReplayRules)
        given = query.pop("cursor", "")
        scope = replay.of_order(account=caller(request), number=number)
        return _replayed(scope, replay.rules_of(**query), given)


class DisputesView(View):
    """Disputes about attributions."""

    @extend_schema(
        tags=["attribution"], parameters=CURSOR, responses=page_of("Dispute", s.DisputeAnswer)
    )
    def get(self, request: Request) -> Response:
        """Those that the caller has opened, and those about lines of their shop."""
        self.query(request, paged=True)
        found, cursor = paging.keyset(request, disputes.of(caller(request)))
        return Response(paging.answer(s.DisputeAnswer(found, many=True).data, cursor))

    @extend_schema(
        tags=["attribution"], request=s.DisputeFields, responses={201: s.DisputeAnswer, 404: None}
    )
    def post(self, request: Request) -> Response:
        """Disputes to whom a line is owed: for who was in question, its payees and its shop."""
        fields = self.body(request, s.DisputeFields)
        line_id = fields.pop("line")
        made = disputes.open_dispute(account=caller(request), line_id=line_id, at=now(), **fields)
        return Response(s.DisputeAnswer(made).data, status=201)


class DisputeView(View):
    """One dispute."""

    @extend_schema(tags=["attribution"], responses=s.DisputeAnswer)
    def get(self, request: Request, dispute_id: int) -> Response:
        """For who opened it, the shop's owner and staff."""
        self.query(request)
        found = disputes.one_of(account=caller(request), dispute_id=dispute_id)
        return Response(s.DisputeAnswer(found).data)


class DisputeWithdrawView(View):
    """Taking a dispute back."""

    @extend_schema(tags=["attribution"], request=NoFields, responses={200: s.DisputeAnswer})
    def post(self, request: Request, dispute_id: int) -> Response:
        """For who opened it, while it is not decided."""
        self.body(request, NoFields)
        ended = disputes.withdraw(account=caller(request), dispute_id=dispute_id, at=now())
        return Response(s.DisputeAnswer(ended).data)
