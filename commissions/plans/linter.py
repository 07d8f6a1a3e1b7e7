"""The linter 规则检查: everything that forbids publishing a version, each with its clause."""

from datetime import datetime
from typing import Any

from django.conf import settings

from backend.core.money import BPS, divide_half_even
from backend.core.sql import rows
from commissions import targeting
from commissions.models import Agency, CommissionPlan, PlanFund, PlanVersion
from commissions.plans.refusals import (
    PlanAgencySuspended,
    PlanCapsContradict,
    PlanDefaultEnds,
    PlanEndsBeforeStart,
    PlanNeedsEnd,
    PlanNeedsTargets,
    PlanOverCap,
    PlanOverHundredPercent,
    PlanOverlapsExclusive,
    PlanOverMargin,
    PlanPaysRecruiting,
    PlanRefused,
    PlanStartsInPast,
    PlanTooManyLevels,
    PlanTwoRates,
    PlanWithoutRate,
)
from commissions.plans.versions import shares_of
from commissions.split import Shares

HARD_LEVELS = 3
Kind = CommissionPlan.Kind


def paying_levels() -> int:
    """How many levels are paid: the promoter is the first, the inviter the second. A third, the
    inviter's inviter, needs PAYING_LEVELS and a confirmation of its own; more there is never."""
    levels = min(settings.PAYING_LEVELS, HARD_LEVELS)
    return levels if levels < HARD_LEVELS or settings.THIRD_LEVEL_CONFIRMED else HARD_LEVELS - 1


def lint(*, shares: Shares) -> list[PlanRefused]:
    """Everything that forbids publishing these shares; empty where nothing does."""
    found: list[PlanRefused] = []
    chain = shares.promoter_bps + shares.inviter_bps + shares.inviter2_bps
    if max(chain, shares.creator_bps, shares.charity_bps) > 10_000 or min(shares) < 0:
        found.append(PlanOverHundredPercent(f"Promoter and inviters together take {chain} bps."))
    levels = 3 if shares.inviter2_bps else 2 if shares.inviter_bps else 1
    if levels > paying_levels():
        found.append(PlanTooManyLevels(f"The plan pays {levels} levels. {_article()}"))
    if shares.inviter_bps > shares.promoter_bps or shares.inviter2_bps > shares.inviter_bps:
        found.append(PlanPaysRecruiting())
    return found


def _article() -> str:
    return (
        f"This market pays {paying_levels()}: whoever pays uplines on what their downlines sell is "
        "measured by 《禁止传销条例》 Art. 7 item 3."
    )


def lint_version(*, version: PlanVersion, at: datetime) -> list[PlanRefused]:
    """Everything that forbids publishing this draft at `at`; empty where nothing does."""
    found = [*lint(shares=shares_of(version)), *of_form(version)]
    if version.starts_at < at:
        found.append(PlanStartsInPast())
    if divides_only(version):
        return [*found, PlanDefaultEnds()] if version.ends_at is not None else found
    return [*found, *_of_kind(version), *_of_caps(version), *_of_market(version)]


def of_form(version: PlanVersion) -> list[PlanRefused]:
    """What the database would refuse of a draft already."""
    found: list[PlanRefused] = []
    if version.rate_bps is not None and version.unit_fen is not None:
        found.append(PlanTwoRates())
    if version.ends_at is not None and version.ends_at <= version.starts_at:
        found.append(PlanEndsBeforeStart())
    return found


def divides_only(version: PlanVersion) -> bool:
    """Whether it is a default of the market: the platform's open plan without a rate, which
    divides what products offer."""
    return (
        version.plan.shop_id is None
        and version.plan.kind == Kind.OPEN
        and version.rate_bps is None
        and version.unit_fen is None
        and version.all_products
        and version.all_promoters
        and not version.tier_bonuses
        and not any(_caps(version))
    )


def _of_kind(version: PlanVersion) -> list[PlanRefused]:
    found: list[PlanRefused] = []
    kind, agencies = version.plan.kind, version.agencies.select_related("agency__owner")
    named = version.targets.exists() or bool(agencies)
    if kind in (Kind.TARGETED, Kind.EXCLUSIVE) and version.all_promoters:
        found.append(PlanNeedsTargets(f"A plan of kind {kind} names promoters, agencies or tiers."))
    if kind in (Kind.OPEN, Kind.CAMPAIGN) and named:
        said = f"A plan of kind {kind} names no promoters and no agencies."
        found.append(PlanNeedsTargets(said))
    for one in agencies:
        if one.agency.status != Agency.Status.ACTIVE:
            found.append(PlanAgencySuspended(f"It is the one of {one.agency.owner.handle}."))
    if kind == Kind.CAMPAIGN and version.ends_at is None:
        found.append(PlanNeedsEnd())
    bare = version.rate_bps is None and version.unit_fen is None
    if kind == Kind.OPEN and bare:
        found.append(PlanWithoutRate("An open plan pays where the product offers nothing."))
    if version.unit_fen is not None and version.tier_bonuses:
        found.append(PlanWithoutRate("A bonus is added to a rate, not to a fixed amount."))
    return found


def _caps(version: PlanVersion) -> list[int | None]:
    return [version.cap_order_fen, version.cap_day_fen, version.cap_month_fen]


def _of_caps(version: PlanVersion) -> list[PlanRefused]:
    fund = PlanFund.objects.filter(plan=version.plan_id).first()
    funded = fund.funded_fen if fund else None
    given = [cap for cap in (*_caps(version), funded) if cap is not None]
    return [] if given == sorted(given) else [PlanCapsContradict()]


# Products that a version d speaks of.
IN_SCOPE = """(d.shop_id IS NULL OR p.shop_id = d.shop_id) AND (d.all_products OR EXISTS (
    SELECT FROM commissions_planproduct n WHERE n.version_id = d.id AND n.product_id = p.id))"""
_MARKET = f"""
SELECT coalesce((SELECT max(o.rate_bps) FROM commissions_commissionoffer o
                 JOIN shops_product p ON p.id = o.product_id
                 WHERE o.is_active AND {IN_SCOPE}), 0) AS offer_bps,
       (SELECT coalesce(min(s.price_fen) FILTER (WHERE s.is_active AND p.status = 'on_sale'),
                        min(s.price_fen))
        FROM shops_sku s JOIN shops_product p ON p.id = s.product_id
        WHERE {IN_SCOPE}) AS price_fen,
       coalesce((SELECT max(h.fee_bps) FROM shops_shop h
                 WHERE d.shop_id IS NULL OR h.id = d.shop_id), 0) AS fee_bps
FROM commissions_planversion d WHERE d.id = %s
"""
# Two exclusive plans meet in a tier or an agency that both name, whoever is in it, and in somebody
# whom both speak to now.
_RIVALS = f"""
SELECT v.id AS version_id, r.name AS plan FROM commissions_planversion d
JOIN commissions_commissionplan k ON k.id = d.plan_id AND k.kind = 'exclusive'
JOIN commissions_planversion v ON v.published_at IS NOT NULL AND v.plan_id <> d.plan_id
JOIN commissions_commissionplan r ON r.id = v.plan_id AND r.kind = 'exclusive'
WHERE d.id = %s AND v.starts_at < coalesce(d.ends_at, 'infinity')
  AND d.starts_at < coalesce(v.ends_at, 'infinity')
  AND (v.ends_at IS NULL OR v.ends_at > v.starts_at)
  AND (v.shop_id = d.shop_id OR v.shop_id IS NULL OR d.shop_id IS NULL)
  AND (v.all_products AND d.all_products OR EXISTS (
        SELECT FROM shops_product p
        WHERE (v.shop_id IS NULL OR p.shop_id = v.shop_id)
          AND (d.shop_id IS NULL OR p.shop_id = d.shop_id)
          AND (v.all_products OR EXISTS (SELECT FROM commissions_planproduct n
               WHERE n.version_id = v.id AND n.product_id = p.id))
          AND (d.all_products OR EXISTS (SELECT FROM commissions_planproduct n
               WHERE n.version_id = d.id AND n.product_id = p.id))))
  AND (v.tiers && d.tiers
    OR EXISTS (SELECT FROM commissions_planagency mine
        JOIN commissions_planagency theirs ON theirs.agency_id = mine.agency_id
        WHERE mine.version_id = d.id AND theirs.version_id = v.id)
    OR EXISTS (({targeting.people_now(version="v")})
        INTERSECT ({targeting.people_now(version="d")})))
ORDER BY v.id LIMIT 1
"""


def _of_market(version: PlanVersion) -> list[PlanRefused]:
    """What depends on offers, prices, fees and other plans as they are now."""
    found: list[PlanRefused] = []
    if version.unit_fen is None or version.rate_bps is None:
        found += _of_prices(version, rows(_MARKET, [version.pk])[0])
    for rival in rows(_RIVALS, [version.pk]):
        found.append(PlanOverlapsExclusive(f"It is {rival['plan']}.", **rival))
    return found


def _of_prices(version: PlanVersion, market: dict[str, Any]) -> list[PlanRefused]:
    fee, cap = market["fee_bps"], settings.COMMISSION_CAP_BPS
    if version.unit_fen is not None:
        price = market["price_fen"]
        if price is None:
            return []
        is_over = version.unit_fen * BPS > price * cap
        is_beyond = version.unit_fen > price - divide_half_even(price * fee, BPS)
        said = f"The cheapest goods cost {price} fen."
    else:
        own = version.rate_bps if version.rate_bps is not None else market["offer_bps"]
        rate = own + max([0, *version.tier_bonuses.values()])
        is_over, is_beyond = rate > cap, rate + fee > BPS
        said = f"It pays up to {rate} bps; the cap is {cap}, the platform fee {fee}."
    kinds = ((is_over, PlanOverCap), (is_beyond, PlanOverMargin))
    return [kind(said) for is_broken, kind in kinds if is_broken]
