"""What the doors of what-ifs read and answer."""

from typing import Any

from rest_framework import serializers

from backend.core.clock import day_edges
from backend.rest.fields import Day, Id, Strict
from commissions.models import WhatIf


class NewWhatIf(Strict):
    """POST /v1/shops/{id}/what-ifs: a version of the shop's (none: the live plans) over the
    orders of these days of the market's zone, both included."""

    version = Id(required=False, allow_null=True, default=None)
    first_day = Day()
    last_day = Day()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Days become the instants of their edges.

        :raises ValidationError: a day beyond the calendar of this market.
        """
        for name in ("first_day", "last_day"):
            if not 2000 <= attrs[name].year < 3000:
                raise serializers.ValidationError({name: ["A day of the years 2000 to 2999."]})
        return {
            "version_id": attrs["version"],
            "from_at": day_edges(attrs["first_day"])[0],
            "to_at": day_edges(attrs["last_day"])[1],
        }


class WhatIfAnswer(serializers.ModelSerializer):
    """A what-if and how far it is: `seen` of `lines`."""

    version_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = WhatIf
        fields = ["id", "version_id", "from_at", "to_at", "status", "lines", "seen", "asked_at"]
        read_only_fields = fields


class WhatIfPromoter(serializers.Serializer):
    """What one promoter (or author) had, and would have, in fen."""

    handle = serializers.CharField()
    before_fen = serializers.IntegerField()
    after_fen = serializers.IntegerField()
    difference_fen = serializers.IntegerField()


class WhatIfResult(serializers.Serializer):
    """Totals in fen, and at most 1,000 promoters, the largest differences first."""

    lines = serializers.IntegerField()
    changed_lines = serializers.IntegerField()
    differs_from_history = serializers.IntegerField()
    base_fen = serializers.IntegerField()
    before_fen = serializers.IntegerField()
    after_fen = serializers.IntegerField()
    difference_fen = serializers.IntegerField()
    margin_before_fen = serializers.IntegerField()
    margin_after_fen = serializers.IntegerField()
    cut_lines = serializers.DictField(child=serializers.IntegerField())
    winners = serializers.IntegerField()
    losers = serializers.IntegerField()
    promoters = WhatIfPromoter(many=True)


class WhatIfWhole(WhatIfAnswer):
    """A what-if with its result, null until it is done."""

    result = WhatIfResult(allow_null=True)

    class Meta(WhatIfAnswer.Meta):
        fields = [*WhatIfAnswer.Meta.fields, "result"]
        read_only_fields = fields
