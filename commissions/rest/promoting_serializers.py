"""What the doors of promoting and earning read and answer."""

from rest_framework import serializers

from backend.rest.fields import Bps, Id, Strict, Text
from commissions.links import short_url
from commissions.models import CommissionOffer, CommissionOrder, Promoter, PromotionLink


class Enrolment(Strict):
    """POST /v1/tuike/enrol: nothing is asked for but, if one was invited, by whom."""

    invite_code = Text(max_length=12, required=False, allow_blank=True, default="")


class PromoterAnswer(serializers.ModelSerializer):
    """A promoter as they see themselves."""

    inviter = serializers.CharField(
        source="sponsor.account.handle", default=None, allow_null=True, help_text="handle"
    )

    class Meta:
        model = Promoter
        fields = ["id", "invite_code", "status", "inviter", "joined_at"]
        read_only_fields = fields


class OfferFields(Strict):
    """PUT /v1/products/{id}/commission-offer."""

    rate_bps = Bps()


class OfferAnswer(serializers.ModelSerializer):
    """A product's commission offer."""

    class Meta:
        model = CommissionOffer
        fields = ["id", "product_id", "rate_bps", "starts_at"]
        read_only_fields = fields


class LinkTarget(Strict):
    """What a link leads to."""

    kind = serializers.ChoiceField(choices=PromotionLink.Target.choices)
    id = Id()


class LinkFields(Strict):
    """POST /v1/promotion-links."""

    target = LinkTarget()
    channel = Text(max_length=30, required=False, allow_blank=True, default="")


class LinkTargetAnswer(serializers.Serializer):
    """What a link leads to."""

    kind = serializers.CharField(source="target_kind")
    id = serializers.IntegerField(source="target_id")


class LinkAnswer(serializers.ModelSerializer):
    """A promotion link of the caller."""

    target = LinkTargetAnswer(source="*")
    url = serializers.SerializerMethodField()

    class Meta:
        model = PromotionLink
        fields = ["code", "url", "target", "channel", "created_at", "disabled_at"]
        read_only_fields = fields

    def get_url(self, link: PromotionLink) -> str:
        """The short link that people share."""
        return short_url(link)


class EarningsAnswer(serializers.Serializer):
    """A person's money in fen, as the ledger has it."""

    pending_fen = serializers.IntegerField()
    available_fen = serializers.IntegerField()
    in_transit_fen = serializers.IntegerField()
    settled_fen = serializers.IntegerField()
    written_off_fen = serializers.IntegerField()
    bounties_fen = serializers.IntegerField()


class CommissionQuery(Strict):
    """Query of GET /v1/me/commissions."""

    status = serializers.ChoiceField(choices=CommissionOrder.Status.choices, required=False)


class CommissionAnswer(serializers.Serializer):
    """The caller's part of one commission order."""

    id = serializers.IntegerField(help_text="of the commission order")
    role = serializers.CharField()
    status = serializers.CharField()
    reason = serializers.CharField()
    held = serializers.BooleanField()
    order_number = serializers.CharField()
    title = serializers.CharField()
    product_id = serializers.IntegerField()
    base_fen = serializers.IntegerField()
    gross_fen = serializers.IntegerField(help_text="before what is passed on to agencies")
    passed_on_fen = serializers.IntegerField()
    amount_fen = serializers.IntegerField(help_text="kept")
    reversed_fen = serializers.IntegerField()
    net_fen = serializers.IntegerField()
    accrued_at = serializers.DateTimeField()
    matures_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class AttributionAnswer(serializers.Serializer):
    """Who won a line by which rule, and why the others lost."""

    rule = serializers.CharField()
    source_kind = serializers.CharField()
    source_id = serializers.IntegerField(allow_null=True)
    link_code = serializers.CharField(allow_null=True)
    target_kind = serializers.CharField(allow_null=True)
    target_id = serializers.IntegerField(allow_null=True)
    click_id = serializers.CharField(allow_null=True)
    touched_at = serializers.DateTimeField(allow_null=True)
    losers = serializers.ListField(child=serializers.DictField())
    findings = serializers.ListField(child=serializers.CharField())
    at = serializers.DateTimeField()


class LineAttribution(serializers.Serializer):
    """The attribution of one line of an order."""

    line_id = serializers.IntegerField()
    title = serializers.CharField()
    commission_id = serializers.IntegerField()
    attribution = AttributionAnswer()


class OrderAttribution(serializers.Serializer):
    """The attributions of an order's lines."""

    order_number = serializers.CharField()
    lines = LineAttribution(many=True)


class ExplainedPart(serializers.Serializer):
    """One payee's part."""

    role = serializers.CharField()
    payee = serializers.CharField(allow_null=True, help_text="handle")
    share_bps = serializers.IntegerField(
        help_text="of the budget or the fee; an agency's of the part above it"
    )
    gross_fen = serializers.IntegerField(help_text="before what is passed on to agencies")
    passed_on_fen = serializers.IntegerField()
    amount_fen = serializers.IntegerField(help_text="kept")
    reversed_fen = serializers.IntegerField()


class Explanation(serializers.Serializer):
    """Every fen of a commission order traced to where it comes from."""

    id = serializers.IntegerField()
    status = serializers.CharField()
    reason = serializers.CharField()
    held_reason = serializers.CharField()
    version = serializers.IntegerField()
    accrued_at = serializers.DateTimeField()
    matures_at = serializers.DateTimeField(allow_null=True)
    settlement_run_id = serializers.IntegerField(allow_null=True)
    budget_fen = serializers.IntegerField()
    fee_fen = serializers.IntegerField()
    refunded_fen = serializers.IntegerField()
    splits = ExplainedPart(many=True)
    reversals = serializers.ListField(child=serializers.DictField())
    overrides = serializers.ListField(child=serializers.DictField())
    line = serializers.DictField()
    attribution = AttributionAnswer()
    plan = serializers.DictField()
    pricing = serializers.DictField(allow_null=True)
    tree = serializers.DictField()
    roles = serializers.ListField(child=serializers.CharField())
    rounding = serializers.DictField()


class CharityAnswer(serializers.Serializer):
    """Charity's running total in fen."""

    pending_fen = serializers.IntegerField()
    settled_fen = serializers.IntegerField()
