"""Preview: whom a draft touches and what it changes, before it is published."""

from typing import Any

from backend.core.sql import rows
from commissions import targeting
from commissions.models import CommissionPlan, PlanVersion
from commissions.plans.applying import PRECEDENCE, STEP
from commissions.plans.linter import IN_SCOPE

SHOWN = 50
_PEOPLE = f"""
WITH d AS MATERIALIZED (SELECT * FROM commissions_planversion WHERE id = %s),
named AS MATERIALIZED (
    SELECT who.promoter_id FROM d CROSS JOIN LATERAL ({targeting.people_now(version="d")}) who)
SELECT count(*) FROM d JOIN commissions_promoter m ON m.status = 'active'
    AND (d.all_promoters OR m.id IN (SELECT promoter_id FROM named))
"""
# What a product pays at the draft's start to somebody whom no plan names, grouped.
_BEFORE = f"""
SELECT coalesce(plan.step, CASE WHEN offer.rate_bps > 0 THEN 'product' ELSE 'platform' END) AS step,
       plan.plan, coalesce(plan.rate_bps, CASE WHEN plan.unit_fen IS NULL THEN
           coalesce(offer.rate_bps, 0) END) AS rate_bps, plan.unit_fen,
       coalesce(offer.rate_bps, 0) AS offer_bps, count(*) AS products, min(p.id) AS example
FROM commissions_planversion d JOIN shops_product p ON p.status = 'on_sale' AND {IN_SCOPE}
LEFT JOIN commissions_commissionoffer offer ON offer.product_id = p.id AND offer.is_active
LEFT JOIN LATERAL (
    SELECT s.step, r.name AS plan, v.rate_bps, v.unit_fen
    FROM commissions_planversion v JOIN commissions_commissionplan r ON r.id = v.plan_id
    CROSS JOIN LATERAL (SELECT {STEP.replace("p.kind", "r.kind")} AS step) s
    WHERE v.published_at IS NOT NULL AND NOT v.is_default AND v.all_promoters
      AND v.plan_id <> d.plan_id AND (v.shop_id = p.shop_id OR v.shop_id IS NULL)
      AND v.starts_at <= d.starts_at AND (v.ends_at IS NULL OR d.starts_at < v.ends_at)
      AND (v.all_products OR EXISTS (SELECT FROM commissions_planproduct n
           WHERE n.version_id = v.id AND n.product_id = p.id))
      AND (s.step = 'campaign' OR coalesce(offer.rate_bps, 0) = 0)
    ORDER BY array_position(%(steps)s::text[], s.step), v.shop_id IS NULL, v.all_products,
        v.starts_at DESC, v.id DESC LIMIT 1) plan ON true
WHERE d.id = %(version)s
GROUP BY 1, 2, 3, 4, 5 ORDER BY products DESC, 1, 3 LIMIT {SHOWN}
"""


def preview(*, version: PlanVersion) -> dict[str, Any]:
    """How many products on sale and active promoters the version covers, and what those products
    pay before and after it to a promoter whom no other plan names: `changes`, the largest groups
    of products first, at most 50."""
    found = rows(_BEFORE, {"version": version.pk, "steps": list(PRECEDENCE)})
    step = step_of(version)
    changes = [_change(version, step, row) for row in found]
    return {
        "step": step,
        "products": sum(row["products"] for row in found),
        "promoters": rows(_PEOPLE, [version.pk])[0]["count"],
        "changes": changes,
    }


def step_of(version: PlanVersion) -> str:
    """The step of the precedence at which a version stands."""
    if version.plan.kind != CommissionPlan.Kind.OPEN:
        return str(version.plan.kind)
    if version.tiers:
        return "tier"
    return "platform" if version.plan.shop_id is None else "shop"


def _change(version: PlanVersion, step: str, row: dict[str, Any]) -> dict[str, Any]:
    before = {name: row[name] for name in ("step", "rate_bps", "unit_fen")}
    wins = PRECEDENCE.index(step) <= PRECEDENCE.index(row["step"])
    after = before
    if wins:
        rate = version.rate_bps if version.rate_bps is not None else row["offer_bps"]
        fixed = version.unit_fen is not None
        after = {"step": step, "rate_bps": None if fixed else rate, "unit_fen": version.unit_fen}
    return {
        "products": row["products"],
        "example": row["example"],
        "before": before,
        "after": after,
        "highest_bonus_bps": max([0, *version.tier_bonuses.values()]) if wins else 0,
    }


def preview_words(version: PlanVersion) -> str:
    """A preview as lines for people."""
    found = preview(version=version)
    said = [
        f"Step {found['step']}: products on sale: {found['products']}, "
        f"active promoters: {found['promoters']}."
    ]
    for change in found["changes"]:
        before, after = (_words(change[name]) for name in ("before", "after"))
        bonus = change["highest_bonus_bps"]
        several = change["products"] > 1
        named = (
            f"products (such as {change['example']})"
            if several
            else f"product ({change['example']})"
        )
        said.append(
            f"{change['products']} {named}: {before} → {after}"
            + (f", with up to {bonus} bps more by tier" if bonus else "")
        )
    return "\n".join(said)


def named_words(version: PlanVersion) -> str:
    """Whom a version names, as lines for people."""
    agencies = version.agencies.select_related("agency__owner").order_by("agency")
    promoters = version.targets.select_related("promoter__account").order_by("promoter")
    said = {
        "promoters": [one.promoter.account.handle for one in promoters],
        "members of agencies": [
            f"{one.agency.name} ({one.agency.owner.handle})" for one in agencies
        ],
        "tiers": version.tiers,
    }
    lines = [f"{who}: {', '.join(names)}" for who, names in said.items() if names]
    return "\n".join(lines) or "everybody"


def _words(terms: dict[str, Any]) -> str:
    if terms["unit_fen"] is not None:
        return f"{terms['unit_fen']} fen a unit ({terms['step']})"
    return f"{terms['rate_bps']} bps ({terms['step']})"
