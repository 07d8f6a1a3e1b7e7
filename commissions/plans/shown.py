"""Plans as their owners see them."""

from datetime import datetime

from django.db.models import Prefetch, QuerySet

from backend.accounts.models import Account
from backend.core.errors import NotFound
from commissions.models import CommissionPlan, PlanVersion
from commissions.plans.linter import lint_version
from commissions.plans.refusals import PlanRefused
from shops.models import Shop

SHOWN = 5  # versions of a plan, the newest


def of_shop(*, owner: Account, shop_id: int) -> QuerySet[CommissionPlan]:
    """The plans of the owner's shop.

    :raises NotFound: no such shop of the owner's.
    """
    if not Shop.objects.filter(pk=shop_id, account=owner).exists():
        raise NotFound()
    return _with_all(CommissionPlan.objects.filter(shop=shop_id))


def plan_of(*, owner: Account | None, plan_id: int) -> CommissionPlan:
    """A plan of the owner's shop; any for staff (no owner).

    :raises NotFound: no such plan, or not the owner's.
    """
    found = CommissionPlan.objects.filter(pk=plan_id)
    plan = _with_all(found.filter(shop__account=owner) if owner else found).first()
    if plan is None:
        raise NotFound()
    return plan


def _with_all(found: QuerySet[CommissionPlan]) -> QuerySet[CommissionPlan]:
    newest = PlanVersion.objects.prefetch_related(
        "products", "targets__promoter__account", "agencies__agency__owner"
    )
    shown = Prefetch("versions", newest.order_by("-number")[:SHOWN], to_attr="shown")
    return found.select_related("fund").prefetch_related(shown)


def version_of(*, owner: Account | None, version_id: int) -> PlanVersion:
    """A version with what it names; any for staff (no owner).

    :raises NotFound: no such version, or not the owner's.
    """
    found = PlanVersion.objects.filter(pk=version_id).select_related("plan")
    version = (found.filter(plan__shop__account=owner) if owner else found).first()
    if version is None:
        raise NotFound()
    return version


def problems(*, owner: Account | None, version_id: int, at: datetime) -> list[PlanRefused]:
    """What the linter says of a draft now.

    :raises NotFound: no such version, or not the owner's.
    """
    return lint_version(version=version_of(owner=owner, version_id=version_id), at=at)
