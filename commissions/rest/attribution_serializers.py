"""What the doors of locks, coupon codes, replays and disputes read and answer."""

from typing import Any

from rest_framework import serializers

from backend.rest.fields import Bps, Day, Id, Integer, Listed, QueryInteger, Strict, Text
from commissions import disputes, locks, replay
from commissions.models import AttributionDispute, CouponCode, LockSetting


class _Days(Integer):
    """A number of days, 0 (off) to 365."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=locks.MAX_DAYS, required=False, **kwargs)


class LockSettingFields(Strict):
    """PUT /v1/shops/{id}/lock-settings: what is left out is off."""

    mode = serializers.ChoiceField(LockSetting.Mode.choices)
    click_product_days = _Days()
    click_content_days = _Days()
    click_live_days = _Days()
    order_product_days = _Days()
    order_content_days = _Days()
    order_live_days = _Days()
    protect_days = _Days()


class LockSettingAnswer(serializers.Serializer):
    """The lock setting in force for a shop; `own` is false for the platform's."""

    mode = serializers.CharField()
    click_product_days = serializers.IntegerField()
    click_content_days = serializers.IntegerField()
    click_live_days = serializers.IntegerField()
    order_product_days = serializers.IntegerField()
    order_content_days = serializers.IntegerField()
    order_live_days = serializers.IntegerField()
    protect_days = serializers.IntegerField()
    own = serializers.BooleanField()
    since = serializers.DateTimeField(allow_null=True)


class CustomerLockAnswer(serializers.Serializer):
    """A customer that the caller has bound: by what last, and whether they hold them now."""

    id = serializers.IntegerField(help_text="of the newest change that binds them")
    shop = serializers.IntegerField()
    shop_name = serializers.CharField()
    buyer = serializers.CharField(help_text="masked handle")
    source = serializers.CharField()  # type: ignore[assignment]
    cause = serializers.CharField()
    at = serializers.DateTimeField()
    holds = serializers.BooleanField()
    from_at = serializers.DateTimeField(allow_null=True)
    until_at = serializers.DateTimeField(allow_null=True)


class CouponFields(Strict):
    """POST /v1/shops/{id}/coupon-codes: without a code, a random one is made."""

    holder = Text(max_length=30, help_text="handle")
    role = serializers.ChoiceField(["promoter", "creator"], required=False)
    code = Text(max_length=16, required=False, allow_blank=True)
    discount_bps = Bps(required=False)
    ends_at = serializers.DateTimeField(required=False)


class CouponAnswer(serializers.ModelSerializer):
    """A coupon code of a shop."""

    shop_name = serializers.CharField(source="shop.name")
    holder = serializers.SerializerMethodField(help_text="handle")
    role = serializers.SerializerMethodField()

    class Meta:
        model = CouponCode
        fields = [
            "id", "code", "shop", "shop_name", "holder", "role", "discount_bps", "starts_at",
            "ends_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_holder(self, code: CouponCode) -> str:
        """Whom the sale is owed to."""
        if code.promoter is not None:
            return str(code.promoter.account.handle)
        return str(code.creator.handle) if code.creator else ""

    def get_role(self, code: CouponCode) -> str:
        """As what they are paid."""
        return "promoter" if code.promoter_id else "creator"


_SELF = ["none", "discount", "commission"]


class ReplayRules(Strict):
    """Query of a replay: other windows, another policy, rules left out."""

    referral_days = QueryInteger(min_value=1, max_value=365, required=False)
    note_days = QueryInteger(min_value=1, max_value=365, required=False)
    live_days = QueryInteger(min_value=1, max_value=365, required=False)
    self_purchase = serializers.ChoiceField(_SELF, required=False)
    without = serializers.CharField(
        max_length=60, required=False, help_text="coupon,named,last_touch,lock"
    )
    cursor = serializers.CharField(
        max_length=400, required=False, help_text="`next` of the page before"
    )

    def validate_without(self, text: str) -> list[str]:
        """The names."""
        names = text.split(",")
        if not set(names) <= replay.RANKS.keys():
            raise serializers.ValidationError("Some of: coupon, named, last_touch, lock.")
        return names


class ShopReplayQuery(ReplayRules):
    """Query of GET /v1/shops/{id}/attribution-replay; without days the last thirty."""

    to = Day(required=False, help_text="last day, included")

    def get_fields(self) -> dict[str, Any]:
        """Adds `from`, a word of Python's."""
        first = Day(required=False, help_text="first day, by the business zone")
        return {**super().get_fields(), "from": first}


class ReplayAnswer(serializers.Serializer):
    """A page of a replay: lines looked at, those that somebody else would have won, and the fen
    that would have moved, of this page alone."""

    lines = serializers.IntegerField()
    moved_fen = serializers.IntegerField()
    results = serializers.ListField(child=serializers.DictField())
    next = serializers.CharField(allow_null=True)


class DisputeFields(Strict):
    """POST /v1/attribution-disputes."""

    order_number = Text(max_length=32)
    line = Id(help_text="id of the order's line")
    claim = Text(max_length=disputes.MAX_CLAIM)
    evidence = Listed(child=Text(max_length=200), max_length=disputes.MAX_EVIDENCE, required=False)


class DisputeAnswer(serializers.ModelSerializer):
    """A dispute about a line's attribution."""

    order_number = serializers.CharField(source="commission.order_line.order.number")
    line = serializers.IntegerField(source="commission.order_line_id")
    commission_id = serializers.IntegerField()
    opened_by = serializers.CharField(source="opened_by.handle")
    evidence = serializers.ListField(child=serializers.CharField())
    reason = serializers.SerializerMethodField()

    class Meta:
        model = AttributionDispute
        fields = [
            "id", "order_number", "line", "commission_id", "opened_by", "side", "claim",
            "evidence", "status", "reason", "opened_at", "decided_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_reason(self, dispute: AttributionDispute) -> str:
        """What was decided, in words; nothing while it is not."""
        return "" if dispute.status in AttributionDispute.UNDER_WAY else dispute.reason
