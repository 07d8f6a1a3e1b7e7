"""What the doors of commission plans read and answer."""

from typing import Any

from rest_framework import serializers

from backend.core.clock import day_edges
from backend.rest.fields import Bps, Day, Fen, Flag, Id, Instant, Listed, QueryInteger, Strict, Text
from commissions import plans
from commissions.models import CommissionPlan, PlanVersion, Promoter

_TIERS = Promoter.Tier.choices


class TierBonuses(Strict):
    """Basis points added to the rate by a promoter's tier."""

    standard = Bps(required=False)
    silver = Bps(required=False)
    gold = Bps(required=False)


class PlanNumbers(Strict):
    """The numbers of a draft. A period is given as instants, or as days of the market's zone
    (both days included), which are turned into instants here."""

    rate_bps = Bps(required=False, allow_null=True)
    unit_fen = Fen(required=False, allow_null=True, min_value=1)
    promoter_bps = Bps(required=False)
    inviter_bps = Bps(required=False)
    inviter2_bps = Bps(required=False, help_text="where the market pays three levels")
    creator_bps = Bps(required=False)
    products = Listed(child=Id(), required=False, max_length=plans.MOST)
    promoters = Listed(child=Text(max_length=30), required=False, max_length=plans.MOST)
    agencies = Listed(
        child=Text(max_length=30),
        required=False,
        max_length=plans.MOST,
        help_text="their owners' handles: whoever is a member when an order is placed",
    )
    tiers = Listed(child=serializers.ChoiceField(choices=_TIERS), required=False, max_length=3)
    tier_bonuses = TierBonuses(required=False)
    cap_order_fen = Fen(required=False, allow_null=True, min_value=1)
    cap_day_fen = Fen(required=False, allow_null=True, min_value=1)
    cap_month_fen = Fen(required=False, allow_null=True, min_value=1)
    starts_at = Instant(required=False)
    ends_at = Instant(required=False, allow_null=True)
    first_day = Day(required=False)
    last_day = Day(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Days become the instants of their edges: [start of the first, end of the last).

        :raises ValidationError: a day and an instant for the same edge.
        """
        edges = (("first_day", "starts_at", 0), ("last_day", "ends_at", 1))
        for day, instant, edge in edges:
            if day in attrs:
                if instant in attrs:
                    raise serializers.ValidationError({day: [f"Give it or {instant}."]})
                if not 2000 <= attrs[day].year < 3000:
                    raise serializers.ValidationError({day: ["A day of the years 2000 to 2999."]})
                attrs[instant] = day_edges(attrs.pop(day))[edge]
        if "tier_bonuses" in attrs:
            attrs["tier_bonuses"] = {k: v for k, v in attrs["tier_bonuses"].items() if v}
        if "tiers" in attrs:
            attrs["tiers"] = sorted(set(attrs["tiers"]))
        return attrs


class NewPlan(PlanNumbers):
    """POST /v1/shops/{id}/commission-plans: a plan with its first draft."""

    name = Text(max_length=60)
    kind = serializers.ChoiceField(choices=CommissionPlan.Kind.choices)
    promoter_bps = Bps()


class NewPlanVersion(PlanNumbers):
    """POST /v1/commission-plans/{id}/versions."""

    promoter_bps = Bps()


class PlanPublication(Strict):
    """POST /v1/plan-versions/{id}/publish: as drafted, or from now on."""

    from_now = Flag(required=False, default=False)


class PlanFundFields(Strict):
    """PUT /v1/commission-plans/{id}/fund."""

    funded_fen = Fen()


class ExposureQuery(Strict):
    """Query of GET /v1/commission-plans/{id}/exposure."""

    refund_bps = QueryInteger(required=False, default=500, min_value=1, max_value=10_000)


class PlanVersionAnswer(serializers.ModelSerializer):
    """A version of a plan; published ones never change but for an end."""

    plan_id = serializers.IntegerField()
    products = serializers.SerializerMethodField()
    promoters = serializers.SerializerMethodField()
    agencies = serializers.SerializerMethodField()
    tiers = serializers.ListField(child=serializers.CharField())
    tier_bonuses = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        model = PlanVersion
        fields = [
            "id", "plan_id", "number", "rate_bps", "unit_fen", "promoter_bps", "inviter_bps",
            "inviter2_bps", "creator_bps", "charity_bps", "all_products", "products",
            "all_promoters", "promoters", "agencies", "tiers", "tier_bonuses", "cap_order_fen",
            "cap_day_fen", "cap_month_fen", "starts_at", "ends_at", "published_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_products(self, version: PlanVersion) -> list[int]:
        """The ids of the products named; empty where all are meant."""
        return sorted(named.product_id for named in version.products.all())

    def get_promoters(self, version: PlanVersion) -> list[str]:
        """The handles of the promoters named."""
        named = version.targets.all()
        if "targets" not in getattr(version, "_prefetched_objects_cache", {}):
            named = named.select_related("promoter__account")
        return sorted(target.promoter.account.handle for target in named)

    def get_agencies(self, version: PlanVersion) -> list[str]:
        """The handles of the owners of the agencies named."""
        named = version.agencies.all()
        if "agencies" not in getattr(version, "_prefetched_objects_cache", {}):
            named = named.select_related("agency__owner")
        return sorted(one.agency.owner.handle for one in named)


class PlanFundAnswer(serializers.Serializer):
    """A plan's budget."""

    plan_id = serializers.IntegerField()
    funded_fen = serializers.IntegerField()
    taken_fen = serializers.IntegerField()
    returned_fen = serializers.IntegerField()


class PlanAnswer(serializers.ModelSerializer):
    """A plan with its newest versions."""

    fund = serializers.SerializerMethodField()
    versions = PlanVersionAnswer(source="shown", many=True)

    class Meta:
        model = CommissionPlan
        fields = ["id", "name", "kind", "created_at", "fund", "versions"]
        read_only_fields = fields

    def get_fund(self, plan: CommissionPlan) -> int | None:
        """The budget in fen, null without one."""
        fund = getattr(plan, "fund", None)
        return fund.funded_fen if fund else None


class PlanProblem(serializers.Serializer):
    """A rule that a draft breaks: publishing would be refused with this code."""

    code = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField()
    clause = serializers.CharField()


class PlanLintAnswer(serializers.Serializer):
    """What the linter says."""

    problems = PlanProblem(many=True)


class PlanTermsAnswer(serializers.Serializer):
    """What a product pays, and by which step of the precedence."""

    step = serializers.CharField()
    rate_bps = serializers.IntegerField(allow_null=True)
    unit_fen = serializers.IntegerField(allow_null=True)


class PlanChange(serializers.Serializer):
    """A group of products that the draft changes in the same way, one of them as an example."""

    products = serializers.IntegerField()
    example = serializers.IntegerField()
    before = PlanTermsAnswer()
    after = PlanTermsAnswer()
    highest_bonus_bps = serializers.IntegerField()


class PlanPreviewAnswer(serializers.Serializer):
    """Whom a version touches and what it changes."""

    step = serializers.CharField()
    products = serializers.IntegerField()
    promoters = serializers.IntegerField()
    changes = PlanChange(many=True)


class IfRefunded(serializers.Serializer):
    """What a part of the frozen commission, refunded, would leave."""

    refund_bps = serializers.IntegerField()
    back_fen = serializers.IntegerField()
    exposed_fen = serializers.IntegerField()
    left_fen = serializers.IntegerField(allow_null=True)


class ExposureAnswer(serializers.Serializer):
    """What a plan has promised and paid, against its budget, in fen."""

    plan_id = serializers.IntegerField()
    funded_fen = serializers.IntegerField(allow_null=True)
    left_fen = serializers.IntegerField(allow_null=True)
    taken_fen = serializers.IntegerField()
    returned_fen = serializers.IntegerField()
    lines = serializers.IntegerField()
    cut_lines = serializers.IntegerField(help_text="lines that a cap or the margin cut")
    estimated_fen = serializers.IntegerField()
    confirmed_fen = serializers.IntegerField()
    settled_fen = serializers.IntegerField()
    exposed_fen = serializers.IntegerField()
    if_refunded = IfRefunded()
