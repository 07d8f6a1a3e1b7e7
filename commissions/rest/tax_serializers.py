"""What the doors of payout rules and of tax read and answer."""

from rest_framework import serializers

from backend.core.money import MAX_FEN
from backend.rest.fields import QueryInteger, Strict, Text
from commissions.models import PayoutRule, TaxIdentity
from commissions.payout_rules import Window
from commissions.payouts.offered import Offered


class PayoutRuleQuery(Strict):
    """GET /v1/me/payout-rules."""

    amount_fen = QueryInteger(min_value=1, max_value=MAX_FEN, required=False)


class PayoutWindowAnswer(serializers.Serializer):
    """When a thing may be done: empty lists are every day, minutes are of the zone's day."""

    zone = serializers.CharField()
    weekdays = serializers.ListField(child=serializers.IntegerField())
    month_days = serializers.ListField(child=serializers.IntegerField())
    from_minute = serializers.IntegerField()
    to_minute = serializers.IntegerField()
    next_at = serializers.DateTimeField(allow_null=True)


class PayoutFeeAnswer(serializers.Serializer):
    """Of what the fee is made."""

    fixed_fen = serializers.IntegerField()
    bps = serializers.IntegerField()
    least_fen = serializers.IntegerField()
    most_fen = serializers.IntegerField(allow_null=True)


class PayoutLeftAnswer(serializers.Serializer):
    """What is left today; null is without a limit."""

    count = serializers.IntegerField(allow_null=True)
    fen = serializers.IntegerField(allow_null=True)
    market_fen = serializers.IntegerField(allow_null=True)
    until = serializers.DateTimeField()


class PayoutQuoteAnswer(serializers.Serializer):
    """What would arrive."""

    amount_fen = serializers.IntegerField()
    fee_fen = serializers.IntegerField()
    tax_fen = serializers.IntegerField()
    net_fen = serializers.IntegerField()


class PayoutRuleAnswer(serializers.Serializer):
    """The rules that hold for the caller now."""

    minimum_fen = serializers.IntegerField()
    available_fen = serializers.IntegerField()
    fee = PayoutFeeAnswer()
    request_window = PayoutWindowAnswer()
    send_window = PayoutWindowAnswer()
    left_today = PayoutLeftAnswer()
    tax_method = serializers.ChoiceField(choices=PayoutRule.TaxMethod.choices)
    has_tax_identity = serializers.BooleanField()
    quote = PayoutQuoteAnswer(allow_null=True)
    quote_refused = serializers.CharField(allow_blank=True)


def rules_told(found: Offered) -> dict[str, object]:
    """The answer of GET /v1/me/payout-rules."""
    terms, quote = found.terms, found.quote
    return {
        "minimum_fen": terms.least(),
        "available_fen": found.available_fen,
        "fee": {
            "fixed_fen": terms.fee_fen,
            "bps": terms.fee_bps,
            "least_fen": terms.fee_least_fen,
            "most_fen": terms.fee_most_fen,
        },
        "request_window": _window(terms.asking, found.opens_at),
        "send_window": _window(terms.sending, found.sends_at),
        "left_today": {
            "count": found.left.count,
            "fen": found.left.fen,
            "market_fen": found.market_fen,
            "until": found.left.until,
        },
        "tax_method": terms.tax_method,
        "has_tax_identity": found.has_identity,
        "quote_refused": found.refused,
        "quote": quote
        and {
            "amount_fen": quote.amount_fen,
            "fee_fen": quote.fee_fen,
            "tax_fen": quote.tax_fen,
            "net_fen": quote.net_fen,
        },
    }


def _window(window: Window, next_at: object) -> dict[str, object]:
    return {
        "zone": window.zone,
        "weekdays": list(window.weekdays),
        "month_days": list(window.month_days),
        "from_minute": window.begins,
        "to_minute": window.ends,
        "next_at": next_at,
    }


class TaxIdentityFields(Strict):
    """PUT /v1/me/tax-identity."""

    real_name = Text(max_length=40)
    number = Text(max_length=20)


class TaxIdentityAnswer(serializers.ModelSerializer):
    """A tax identity, masked."""

    class Meta:
        model = TaxIdentity
        fields = ["number_masked", "created_at"]
        read_only_fields = fields


class TaxYearsAnswer(serializers.Serializer):
    """The years of which there is a certificate."""

    years = serializers.ListField(child=serializers.IntegerField())


class TaxCertificateQuery(Strict):
    """GET /v1/me/tax-certificates/{year}."""

    taxpayer = QueryInteger(min_value=1, max_value=1_000, required=False)


class TaxMonthAnswer(serializers.Serializer):
    """A month of a certificate."""

    month = serializers.CharField()
    method = serializers.CharField()
    payments = serializers.IntegerField()
    income_fen = serializers.IntegerField()
    tax_fen = serializers.IntegerField()


class TaxCertificateAnswer(serializers.Serializer):
    """What was paid and withheld in a year, of one of the persons that the account was."""

    number = serializers.CharField()
    year = serializers.IntegerField()
    final = serializers.BooleanField()
    taxpayer = serializers.IntegerField()
    taxpayers = serializers.IntegerField()
    payee_name_masked = serializers.CharField()
    payee_number_masked = serializers.CharField()
    income_fen = serializers.IntegerField()
    tax_fen = serializers.IntegerField()
    payments = serializers.IntegerField()
    months = TaxMonthAnswer(many=True)
    sources = serializers.ListField(child=serializers.CharField())
    digest = serializers.CharField()
