"""Naming: the products, promoters and agencies that a draft speaks of, by what people call them."""

from collections.abc import Mapping
from typing import Any

from commissions.models import (
    Agency,
    PlanAgency,
    PlanProduct,
    PlanTarget,
    PlanVersion,
    Promoter,
)
from commissions.plans.refusals import PlanTargetUnknown
from shops.models import Product

Fields = Mapping[str, Any]


def mark(version: PlanVersion, fields: Fields) -> None:
    """Says on the version whether it speaks of all products and to everybody, once `fields` are
    written; what they leave out stays."""
    if fields.get("products") is not None:
        version.all_products = not fields["products"]
    named = any(_will_name(version, fields, what) for what in ("promoters", "agencies"))
    version.all_promoters = not named and not version.tiers


def _will_name(version: PlanVersion, fields: Fields, what: str) -> bool:
    given = fields.get(what)
    if given is not None or version.pk is None:
        return bool(given)
    held = version.targets if what == "promoters" else version.agencies
    return bool(held.exists())


def write(version: PlanVersion, fields: Fields) -> None:
    """Names what `fields` name; what they leave out stays.

    :raises PlanTargetUnknown: a product, promoter or agency that there is not, by its field.
    """
    if fields.get("products") is not None:
        _products(version, fields["products"])
    if fields.get("promoters") is not None:
        _promoters(version, fields["promoters"])
    if fields.get("agencies") is not None:
        _agencies(version, fields["agencies"])


def _products(version: PlanVersion, wanted: list[int]) -> None:
    found = Product.objects.filter(pk__in=wanted)
    if version.plan.shop_id is not None:
        found = found.filter(shop=version.plan.shop_id)
    known = set(found.values_list("pk", flat=True))
    _refuse(set(wanted) - known, "products", "Not among the products:")
    version.products.all().delete()
    PlanProduct.objects.bulk_create(
        PlanProduct(version=version, product_id=product_id) for product_id in sorted(known)
    )


def _promoters(version: PlanVersion, wanted: list[str]) -> None:
    found = Promoter.objects.filter(account__handle__in=wanted)
    known = dict(found.values_list("account__handle", "pk"))
    _refuse(set(wanted) - set(known), "promoters", "No promoter is called")
    version.targets.all().delete()
    PlanTarget.objects.bulk_create(
        PlanTarget(version=version, promoter_id=promoter_id)
        for promoter_id in sorted(known.values())
    )


def _agencies(version: PlanVersion, wanted: list[str]) -> None:
    found = Agency.objects.filter(owner__handle__in=wanted)
    known = dict(found.values_list("owner__handle", "pk"))
    _refuse(set(wanted) - set(known), "agencies", "No agency is owned by")
    version.agencies.all().delete()
    PlanAgency.objects.bulk_create(
        PlanAgency(version=version, agency_id=agency_id) for agency_id in sorted(known.values())
    )


def _refuse(unknown: set[Any], field: str, words: str) -> None:
    if unknown:
        said = f"{words} {min(unknown)}."
        raise PlanTargetUnknown(said, fields={field: [said]})
