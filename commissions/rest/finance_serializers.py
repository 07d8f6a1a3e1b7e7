"""What the finance doors of the commissions room read and answer."""

from rest_framework import serializers

from backend.rest.fields import Fen, Strict, Text
from commissions import payees
from commissions.models import PayeeAccount, Payout


class PayeeAccountFields(Strict):
    """POST /v1/me/payee-accounts."""

    provider = serializers.ChoiceField(choices=PayeeAccount.Provider.choices)
    holder_name = Text(max_length=40)
    number = Text(max_length=100)


class PayeeAccountAnswer(serializers.ModelSerializer):
    """A payee account, masked: nothing here can be paid to."""

    holder_name_masked = serializers.SerializerMethodField()

    class Meta:
        model = PayeeAccount
        fields = [
            "id",
            "provider",
            "holder_name_masked",
            "number_masked",
            "is_active",
            "created_at",
        ]
        read_only_fields = fields

    def get_holder_name_masked(self, payee: PayeeAccount) -> str:
        """李小鱼 → 李**."""
        return payees.masked_name(payee)


class PayoutFields(Strict):
    """POST /v1/me/payouts."""

    amount_fen = Fen(min_value=1)


class PayoutCancelFields(Strict):
    """A body without fields."""


class PayoutTarget(serializers.ModelSerializer):
    """Where a payout goes."""

    class Meta:
        model = PayeeAccount
        fields = ["provider", "number_masked"]
        read_only_fields = fields


class PayoutAnswer(serializers.ModelSerializer):
    """A payout as its owner sees it."""

    net_fen = serializers.IntegerField(read_only=True)
    held = serializers.SerializerMethodField()
    payee = PayoutTarget(read_only=True)

    class Meta:
        model = Payout
        fields = [
            "number",
            "amount_fen",
            "fee_fen",
            "tax_fen",
            "net_fen",
            "status",
            "held",
            "reason",
            "payee",
            "requested_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_held(self, payout: Payout) -> bool:
        """Whether staff hold it for now; the reason is theirs."""
        return payout.held_at is not None
