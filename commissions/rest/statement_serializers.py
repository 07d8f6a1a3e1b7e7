"""What the doors of statements answer."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commissions.models import Statement, StatementKey

_FEN = {"type": "object", "additionalProperties": {"type": "integer"}}
_SUMS = {"type": "object", "additionalProperties": _FEN}


@extend_schema_field(_FEN)
class FenByAccount(serializers.JSONField):
    """Fen by kind of account."""


@extend_schema_field(_SUMS)
class FenByCause(serializers.JSONField):
    """Fen by cause and kind of account."""


class StatementAnswer(serializers.ModelSerializer):
    """A statement without its lines."""

    owner = serializers.SerializerMethodField()
    period = serializers.CharField(source="period.label")
    zone = serializers.CharField(source="period.zone")
    to = serializers.DateTimeField(source="period.to_at")
    opening = FenByAccount()
    closing = FenByAccount()
    sums = FenByCause()
    key = serializers.CharField(source="signed_by.key_id")

    class Meta:
        model = Statement
        fields = [
            "number",
            "owner",
            "period",
            "zone",
            "to",
            "opening",
            "closing",
            "sums",
            "lines_count",
            "late_count",
            "closed_at",
            "key",
            "digest",
            "signature",
        ]
        read_only_fields = fields

    def get_owner(self, statement: Statement) -> str:
        """person-12 or shop-3, as in the signed file."""
        return f"{statement.owner_kind}-{statement.owner_id}"

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's."""
        first = serializers.DateTimeField(source="period.from_at", read_only=True)
        return {**super().get_fields(), "from": first}


class StatementLineAnswer(serializers.Serializer):
    """One line: an entry of the ledger."""

    n = serializers.IntegerField()
    at = serializers.DateTimeField()
    account = serializers.CharField()
    cause = serializers.CharField()
    journal = serializers.CharField()
    order = serializers.CharField()
    commission = serializers.IntegerField(allow_null=True)
    reference = serializers.CharField()
    reason = serializers.CharField()
    late = serializers.BooleanField()
    amount_fen = serializers.IntegerField()


class StatementKeyAnswer(serializers.ModelSerializer):
    """A public key that has signed statements."""

    class Meta:
        model = StatementKey
        fields = ["key_id", "public_key", "first_used_at"]
        read_only_fields = fields


FILE = OpenApiTypes.BINARY
