"""Exposure 敞口: what a plan has promised and paid, against its fund (X10)."""

from typing import Any

from backend.core.money import share_fen, yuan
from backend.core.sql import rows
from commissions import split
from commissions.models import CommissionPlan

_SUMS = """
SELECT coalesce(f.funded_fen, 0) AS funded_fen, f.plan_id IS NOT NULL AS is_funded,
       coalesce(f.taken_fen, 0) AS taken_fen,
       coalesce(f.returned_fen, 0) + (SELECT coalesce(sum(r.amount_fen), 0)::bigint
           FROM commissions_planreturn r WHERE r.plan_id = p.id) AS returned_fen,
       s.lines, s.estimated_fen, s.confirmed_fen, s.settled_fen, s.cut_lines
FROM commissions_commissionplan p LEFT JOIN commissions_planfund f ON f.plan_id = p.id
CROSS JOIN LATERAL (
    SELECT count(*) AS lines, count(*) FILTER (WHERE c.terms ->> 'cut_by' <> '') AS cut_lines,
        coalesce(sum(k.fen) FILTER (WHERE c.status = 'estimated'), 0)::bigint AS estimated_fen,
        coalesce(sum(k.fen) FILTER (WHERE c.status = 'confirmed'), 0)::bigint AS confirmed_fen,
        coalesce(sum(k.fen) FILTER (WHERE c.status = 'settled'), 0)::bigint AS settled_fen
    FROM commissions_planversion v
    JOIN commissions_commissionorder c ON c.plan_version_id = v.id AND c.terms IS NOT NULL
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen - reversed_fen), 0) AS fen
        FROM commissions_commissionsplit WHERE commission_id = c.id
          AND role = ANY(%(roles)s::text[])) k
    WHERE v.plan_id = p.id AND NOT v.is_default) s
WHERE p.id = %(plan)s
"""


def exposure(*, plan: CommissionPlan, refund_bps: int = 500) -> dict[str, Any]:
    """What a plan's lines stand for, after reversals, by status, and its fund; and what would be
    left if `refund_bps` of what is frozen (estimated and confirmed) were refunded. In fen."""
    sums = rows(_SUMS, {"plan": plan.pk, "roles": list(split.BUDGET_ROLES)})[0]
    frozen = sums["estimated_fen"] + sums["confirmed_fen"]
    exposed = frozen + sums["settled_fen"]
    fund_fen, is_funded = sums.pop("funded_fen"), sums.pop("is_funded")
    funded = fund_fen if is_funded else None
    back = share_fen(frozen, refund_bps)
    left = None
    if funded is not None:
        left = funded - sums["taken_fen"] + sums["returned_fen"]
    return {
        "plan_id": plan.pk,
        "funded_fen": funded,
        "left_fen": left,
        **sums,
        "exposed_fen": exposed,
        "if_refunded": {
            "refund_bps": refund_bps,
            "back_fen": back,
            "exposed_fen": exposed - back,
            "left_fen": None if left is None else left + back,
        },
    }


def exposure_words(plan: CommissionPlan) -> str:
    """An exposure as lines for people, in yuan."""
    found = exposure(plan=plan)
    names = ("estimated_fen", "confirmed_fen", "settled_fen", "exposed_fen", "funded_fen",
             "left_fen")  # fmt: skip
    amounts = [(name.removesuffix("_fen"), found[name]) for name in names]
    said = [f"{name}: {yuan(fen)}" for name, fen in amounts if fen is not None]
    then = found["if_refunded"]
    said.append(
        f"if {then['refund_bps']} bps of what is frozen were refunded: {yuan(then['exposed_fen'])}"
    )
    return f"{found['lines']} lines, {found['cut_lines']} cut\n" + "\n".join(said)
