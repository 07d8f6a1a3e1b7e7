"""Drafting, publishing and ending plans, and their funds. `owner` is the account of the shop
whose plan it is, None for staff, who also draft the platform's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound, Refusal, WrongState
from backend.core.sql import run
from commissions.models import (
    CommissionPlan,
    PlanFund,
    PlanVersion,
    Promoter,
)
from commissions.plans import linter, naming
from commissions.plans.refusals import (
    FundBelowUse,
    PlanBeforeLater,
)
from commissions.plans.versions import default_version, lock, shares_of
from commissions.split import Shares
from shops.models import Shop

# What a draft may say; `products` are ids, `promoters` handles, `agencies` their owners' handles;
# None or none of them: all.
NUMBERS = ("rate_bps", "unit_fen", "promoter_bps", "inviter_bps", "inviter2_bps", "creator_bps",
           "charity_bps", "tiers", "tier_bonuses", "cap_order_fen", "cap_day_fen", "cap_month_fen",
           "starts_at", "ends_at")  # fmt: skip
MOST = 200  # products, promoters, or agencies, that one version names
Fields = Mapping[str, Any]


def draft(*, name: str, shares: Shares, starts_at: datetime, at: datetime) -> PlanVersion:
    """A new unpublished version of the platform's open plan `name`, which is made where it does
    not exist: shares alone, to divide what products offer.

    :raises PlanRefused: the first thing that `lint` finds.
    """
    for problem in linter.lint(shares=shares):
        raise problem
    with transaction.atomic():
        lock()
        open_ones = CommissionPlan.objects.filter(
            name=name, shop__isnull=True, kind=CommissionPlan.Kind.OPEN
        )
        plan = open_ones.order_by("id").first()
        plan = plan or CommissionPlan.objects.create(name=name, created_at=at)
        return PlanVersion.objects.create(
            plan=plan, number=_next_number(plan), starts_at=starts_at, **shares._asdict()
        )


def create(
    *,
    owner: Account | None,
    shop_id: int | None,
    name: str,
    kind: str,
    fields: Fields,
    at: datetime,
) -> PlanVersion:
    """A new plan of a shop, or (staff, no shop) of the platform, with its first draft.

    :raises NotFound: no such shop of the owner's.
    :raises PlanRefused: what the database would refuse of its numbers, or an unknown target.
    """
    with transaction.atomic():
        lock()
        if shop_id is None and owner is not None:
            raise NotFound()
        if shop_id is not None:
            mine = Shop.objects.filter(pk=shop_id)
            if not (mine.filter(account=owner) if owner else mine).exists():
                raise NotFound()
        plan = CommissionPlan.objects.create(shop_id=shop_id, name=name, kind=kind, created_at=at)
        return _new_version(plan, fields, at)


def draft_for(
    *,
    name: str,
    kind: str,
    shop_id: int | None,
    fields: Fields,
    funded_fen: int | None,
    by: Any,
    at: datetime,
) -> PlanVersion:
    """Staff's draft: a further version of the plan of this name, kind and shop (none: the
    platform's), which is made where it does not exist; with `funded_fen` its budget is set.

    :raises NotFound: no such shop.
    :raises PlanRefused: as `create`.
    :raises FundBelowUse: as `set_fund`.
    """
    with transaction.atomic():
        lock()
        known = CommissionPlan.objects.filter(name=name, kind=kind, shop=shop_id)
        plan = known.order_by("id").first()
        if plan is None:
            version = create(
                owner=None, shop_id=shop_id, name=name, kind=kind, fields=fields, at=at
            )
        else:
            version = _new_version(plan, fields, at)
        if funded_fen is not None:
            set_fund(plan_id=version.plan_id, funded_fen=funded_fen, by=by, at=at)
    return version


def would_break(*, at: datetime, **drafted: Any) -> Sequence[Refusal]:
    """What would forbid publishing what `draft_for` would draft of this; nothing is kept of it."""
    try:
        with transaction.atomic():
            version = draft_for(**drafted, by=None, at=at)
            found = linter.lint_version(version=version, at=at)
            transaction.set_rollback(True)
    except Refusal as refusal:
        return [refusal]
    return found


def next_version(
    *, owner: Account | None, plan_id: int, fields: Fields, at: datetime
) -> PlanVersion:
    """A further draft of a plan.

    :raises NotFound: no such plan of the owner's.
    :raises PlanRefused: as `create`.
    """
    with transaction.atomic():
        lock()
        return _new_version(_plan(owner, plan_id), fields, at)


def change(*, owner: Account | None, version_id: int, fields: Fields, at: datetime) -> PlanVersion:
    """Changes what `fields` names of a draft.

    :raises NotFound: no such version of the owner's.
    :raises WrongState: it is published.
    :raises PlanRefused: as `create`.
    """
    with transaction.atomic():
        version = _draft(owner, version_id)
        _write(version, fields)
    return version


def publish(
    *,
    version_id: int,
    by: Any,
    at: datetime,
    owner: Account | None = None,
    from_now: bool = False,
) -> PlanVersion:
    """Publishes a draft from its `starts_at` (or from now) on, for ever unchangeable; the plan's
    version in force until then ends there. A version that only divides, of the platform's, is
    the market's default and ends the default before it.

    :raises NotFound: no such version of the owner's.
    :raises WrongState: it is published already.
    :raises PlanRefused: the first thing that `lint_version` finds, or a start before that of a
        version published already.
    """
    with transaction.atomic():
        lock()
        version = _draft(owner, version_id)
        if from_now:
            version.starts_at = at
            for problem in linter.of_form(version):
                raise problem
            version.save(update_fields=["starts_at"])
        for problem in linter.lint_version(version=version, at=at):
            raise problem
        version.is_default, version.published_at = linter.divides_only(version), at
        _end_the_one_before(version)
        version.save(update_fields=["is_default", "published_at"])
        audit.note(
            actor=by, action="plan.publish", target=version, at=at, **shares_of(version)._asdict()
        )
    return version


def end(
    *, version_id: int, by: Any, at: datetime, owner: Account | None = None, reason: str = ""
) -> PlanVersion:
    """Ends a published version now; one that has not begun never does. Lines already placed keep
    it.

    :raises NotFound: no such version of the owner's.
    :raises WrongState: a draft, ended already, or the market's default, which only another
        default ends.
    """
    with transaction.atomic():
        lock()
        version = _locked(owner, version_id)
        is_over = version.ends_at is not None and version.ends_at <= at
        if version.published_at is None or version.is_default or is_over:
            raise WrongState("Only a published version that goes on can be ended.")
        version.ends_at = max(at, version.starts_at)
        version.save(update_fields=["ends_at"])
        audit.note(actor=by, action="plan.end", target=version, at=at, reason=reason)
    return version


def set_fund(
    *, plan_id: int, funded_fen: int, by: Any, at: datetime, owner: Account | None = None
) -> PlanFund:
    """Sets a plan's budget; lines placed under it take from it until it is used up.

    :raises NotFound: no such plan of the owner's.
    :raises FundBelowUse: lines have taken more than that.
    """
    with transaction.atomic():
        plan = _plan(owner, plan_id)
        PlanFund.objects.get_or_create(plan=plan, defaults={"funded_fen": funded_fen})
        held = PlanFund.objects.select_for_update(no_key=True, of=("self",))
        fund = held.get(plan=plan)
        if funded_fen < fund.taken_fen - fund.returned_fen:
            raise FundBelowUse(used_fen=fund.taken_fen - fund.returned_fen)
        before, fund.funded_fen = fund.funded_fen, funded_fen
        fund.save(update_fields=["funded_fen"])
        audit.note(
            actor=by, action="plan.fund", target=plan, at=at, before=before, after=funded_fen
        )
    return fund


def set_tier(*, promoter_id: int, tier: str, by: Any, reason: str, at: datetime) -> Promoter:
    """Puts a promoter into a tier from now on; lines already placed keep the tier they met.

    :raises NotFound: no such promoter.
    :raises WrongState: the promoter is in that tier.
    """
    with transaction.atomic():
        rows_of = Promoter.objects.select_for_update(no_key=True, of=("self",))
        promoter = rows_of.filter(pk=promoter_id).first()
        if promoter is None:
            raise NotFound()
        if promoter.tier == tier:
            raise WrongState(f"The promoter's tier is {tier} already.")
        before, promoter.tier = promoter.tier, tier
        promoter.save(update_fields=["tier"])
        promoter.tier_changes.create(tier=tier, from_at=at, reason=reason)
        audit.note(
            actor=by, action="promoter.tier", target=promoter, at=at, reason=reason,
            before=before, after=tier,
        )  # fmt: skip
    return promoter


def _plan(owner: Account | None, plan_id: int) -> CommissionPlan:
    found = CommissionPlan.objects.filter(pk=plan_id)
    plan = (found.filter(shop__account=owner) if owner else found).first()
    if plan is None:
        raise NotFound()
    return plan


def _locked(owner: Account | None, version_id: int) -> PlanVersion:
    held = PlanVersion.objects.select_for_update(no_key=True, of=("self",)).select_related("plan")
    found = held.filter(pk=version_id)
    version = (found.filter(plan__shop__account=owner) if owner else found).first()
    if version is None:
        raise NotFound()
    return version


def _draft(owner: Account | None, version_id: int) -> PlanVersion:
    version = _locked(owner, version_id)
    if version.published_at is not None:
        raise WrongState("The version is published already.")
    return version


def _next_number(plan: CommissionPlan) -> int:
    last = PlanVersion.objects.filter(plan=plan).order_by("-number").first()
    return last.number + 1 if last else 1


def _new_version(plan: CommissionPlan, fields: Fields, at: datetime) -> PlanVersion:
    """Charity's share of the platform's fee is the market's, whatever a shop drafts."""
    charity = fields.get("charity_bps") if plan.shop_id is None else None
    version = PlanVersion(plan=plan, shop_id=plan.shop_id, number=_next_number(plan))
    version.charity_bps = default_version(at).charity_bps if charity is None else charity
    numbers = {name: fields[name] for name in fields if name != "charity_bps"}
    _write(version, {"starts_at": at, **numbers})
    return version


def _write(version: PlanVersion, fields: Fields) -> None:
    is_platforms = version.plan.shop_id is None
    for name in NUMBERS:
        if name in fields and (name != "charity_bps" or is_platforms):
            setattr(version, name, fields[name])
    for problem in [*linter.lint(shares=shares_of(version)), *linter.of_form(version)]:
        raise problem
    naming.mark(version, fields)
    _save(version)
    naming.write(version, fields)


def _save(version: PlanVersion) -> None:
    if version.pk is None:
        version.save(force_insert=True)
    else:
        version.save(update_fields=[*NUMBERS, "all_products", "all_promoters"])


_CUT = """
UPDATE commissions_planversion v SET ends_at = d.starts_at
FROM commissions_planversion d WHERE d.id = %s AND v.id <> d.id
  AND v.published_at IS NOT NULL AND (v.ends_at IS NULL OR v.ends_at > d.starts_at)
  AND CASE WHEN %s THEN v.is_default ELSE v.plan_id = d.plan_id END
"""


def _end_the_one_before(version: PlanVersion) -> None:
    """:raises PlanBeforeLater: one that begins at the same instant or later is published."""
    published = PlanVersion.objects.filter(published_at__isnull=False)
    kind = {"is_default": True} if version.is_default else {"plan": version.plan}
    rivals = published.filter(**kind).exclude(ends_at__lte=version.starts_at)
    if rivals.filter(starts_at__gte=version.starts_at).exists():
        raise PlanBeforeLater()
    run(_CUT, [version.pk, version.is_default])
