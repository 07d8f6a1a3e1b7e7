"""Doors of payout rules and of tax: what holds for the caller, who they are, their certificates."""

from dataclasses import asdict

from django.http import HttpResponse
from django.template.response import TemplateResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.core.errors import NotFound
from backend.core.money import yuan
from backend.rest.views import View
from commissions import payouts, tax
from commissions.rest import tax_serializers as s
from commissions.rest.short_links import AnyAccept


class PayoutRulesView(View):
    """What holds for the caller's payouts."""

    @extend_schema(tags=["payouts"], parameters=[s.PayoutRuleQuery], responses=s.PayoutRuleAnswer)
    def get(self, request: Request) -> Response:
        """Minimum, fee, windows, what is left today; with `amount_fen` what would arrive of it."""
        given = self.query(request, s.PayoutRuleQuery)
        found = payouts.offered(
            account=caller(request), amount_fen=given.get("amount_fen"), at=now()
        )
        return Response(s.rules_told(found))


class TaxIdentityView(View):
    """Who the caller is to the tax office."""

    @extend_schema(tags=["payouts"], responses={200: s.TaxIdentityAnswer, 404: None})
    def get(self, request: Request) -> Response:
        """The caller's tax identity, masked."""
        self.query(request)
        found = tax.identity_of(caller(request))
        if found is None:
            raise NotFound()
        return Response(s.TaxIdentityAnswer(found).data)

    @extend_schema(
        tags=["payouts"], request=s.TaxIdentityFields, responses={200: s.TaxIdentityAnswer}
    )
    def put(self, request: Request) -> Response:
        """Says who the caller is; the same again changes nothing."""
        said = tax.identify(
            account=caller(request), **self.body(request, s.TaxIdentityFields), at=now()
        )
        return Response(s.TaxIdentityAnswer(said).data)


class TaxCertificatesView(View):
    """The caller's years."""

    @extend_schema(
        operation_id="me_tax_years_retrieve", tags=["payouts"], responses=s.TaxYearsAnswer
    )
    def get(self, request: Request) -> Response:
        """The years of which there is a certificate, the newest first."""
        self.query(request)
        return Response({"years": tax.years_of(account=caller(request))})


class TaxCertificateView(View):
    """A year of the caller."""

    @extend_schema(
        tags=["payouts"], parameters=[s.TaxCertificateQuery], responses=s.TaxCertificateAnswer
    )
    def get(self, request: Request, year: int) -> Response:
        """What was paid and withheld, month by month; `final` once the year is over. Of who was
        paid last, or of the `taxpayer` asked for, where the account was several persons."""
        given = self.query(request, s.TaxCertificateQuery)
        found = tax.certificate(account=caller(request), year=year, at=now(), **given)
        return Response(asdict(found))


class TaxCertificatePageView(AnyAccept, View):
    """The same, to print."""

    @extend_schema(
        tags=["payouts"],
        parameters=[s.TaxCertificateQuery],
        responses={(200, "text/html"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, year: int) -> HttpResponse:
        """The certificate as a page without scripts, for paper."""
        given = self.query(request, s.TaxCertificateQuery)
        found = tax.certificate(account=caller(request), year=year, at=now(), **given)
        months = [
            {**month, "income": yuan(month["income_fen"]), "tax": yuan(month["tax_fen"])}
            for month in found.months
        ]
        return TemplateResponse(
            request._request,
            "commissions/tax_certificate.html",
            {
                "c": found,
                "months": months,
                "income": yuan(found.income_fen),
                "tax": yuan(found.tax_fen),
            },
            content_type="text/html; charset=utf-8",
        )
