"""What the doors of conversions read and answer."""

from rest_framework import serializers

from backend.rest.fields import Bps, Fen, Id, Pattern, Strict
from commissions.conversions import Verdict
from commissions.models import ConversionGoods, ConversionImport, ConversionSource

_NAME = r"^[!-~]{1,64}$"
_CODE = r"^[A-Za-z0-9_-]{0,40}$"


class ConversionSourceAnswer(serializers.ModelSerializer):
    """A partner that tells conversions of the caller's shop."""

    class Meta:
        model = ConversionSource
        fields = ["id", "name", "shop", "fee_bps", "window_days", "is_active", "created_at"]
        read_only_fields = fields


class ConversionGoodsFields(Strict):
    """PUT …/goods: which SKU a partner's article is; without a rate the product's offer counts."""

    external_sku = Pattern(_NAME, max_length=64)
    sku = Id()
    rate_bps = Bps(required=False, allow_null=True, default=None)


class ConversionGoodsAnswer(serializers.ModelSerializer):
    """An article of a partner as we know it."""

    class Meta:
        model = ConversionGoods
        fields = ["external_sku", "sku", "rate_bps"]
        read_only_fields = fields


class ConversionUpload(Strict):
    """POST …/imports, multipart/form-data. `dry_run`: true gives the verdicts and takes nothing."""

    file = serializers.FileField(max_length=255)
    kind = serializers.ChoiceField(choices=ConversionImport.Kind.choices)
    dry_run = serializers.ChoiceField(choices=["true", "false"], required=False, default="false")


class ConversionImportAnswer(serializers.ModelSerializer):
    """A file and how far it is taken: `position` of `size_bytes`; `counts` by verdict."""

    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = ConversionImport
        fields = [
            "id",
            "source",
            "kind",
            "dry_run",
            "status",
            "size_bytes",
            "checksum",
            "position",
            "row_count",
            "counts",
            "error",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class ConversionFields(Strict):
    """One line of an order made elsewhere; the signature stands over these bytes."""

    order = Pattern(_NAME, max_length=64)
    line = Pattern(_NAME, max_length=64)
    sku = Pattern(_NAME, max_length=64)
    qty = serializers.IntegerField(min_value=1, max_value=10_000, required=False)
    paid_fen = Fen(min_value=1)
    refunded_fen = Fen(required=False)
    paid_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField(required=False)
    code = Pattern(_CODE, max_length=40, required=False)
    click = Pattern(_CODE, max_length=40, required=False)


class PostbackAnswer(serializers.Serializer):
    """What became of it."""

    verdict = serializers.ChoiceField(choices=[str(verdict) for verdict in Verdict])
