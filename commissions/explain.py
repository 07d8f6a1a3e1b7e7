"""Explain: every fen of a commission traced to line, touch, losers, plan version, tree edge and
rounding step. The trace alone is enough: `recompute` gets the same numbers out of it (X1)."""

import json
from typing import Any

from backend.accounts.models import Account
from backend.core.errors import NotFound
from backend.core.money import BPS
from backend.core.sql import rows
from commissions import plans, pricing, split
from commissions.split import Shares, Taken

_TRACE = """
SELECT c.id, c.step, c.terms, c.status, c.reason, c.held_reason, c.version, c.base_fen,
       c.rate_bps, c.fee_bps, c.budget_fen, c.fee_fen, c.refunded_fen, c.accrued_at,
       c.matures_at, c.settlement_run_id,
       o.number AS order_number, o.placed_at, o.paid_at, o.received_at, l.id AS line_id,
       l.title, l.qty, l.unit_price_fen, l.discount_fen, l.paid_fen, l.offer_id,
       l.refunded_fen AS line_refunded_fen,
       a.id AS attribution_id, a.rule, a.source_kind, a.source_id, a.losers, a.findings,
       a.at AS attributed_at, a.promoter_id, a.inviter_id, a.inviter2_id, a.creator_id,
       t.click_id, t.at AS touched_at, k.code AS link_code, k.target_kind, k.target_id,
       v.id AS version_id, v.number AS version_number, plan.name AS plan_name,
       plan.kind AS plan_kind, plan.shop_id AS plan_shop_id, v.promoter_bps, v.inviter_bps,
       v.inviter2_bps, v.creator_bps, v.charity_bps,
       (SELECT jsonb_agg(jsonb_build_object('role', s.role, 'payee', p.handle,
            'share_bps', s.share_bps, 'amount_fen', s.amount_fen,
            'reversed_fen', s.reversed_fen) ORDER BY s.id)
        FROM commissions_commissionsplit s LEFT JOIN accounts_account p ON p.id = s.payee_id
        WHERE s.commission_id = c.id) AS splits,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'refunded_fen', r.refunded_fen,
            'amount_fen', r.amount_fen, 'from', CASE WHEN r.settled THEN 'available'
            ELSE 'pending' END, 'at', r.at) ORDER BY r.id), '[]'::jsonb)
        FROM commissions_commissionreversal r WHERE r.commission_id = c.id) AS reversals,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'number', w.number,
            'promoter', w.promoter_id, 'inviter', w.inviter_id, 'inviter2', w.inviter2_id,
            'creator', w.creator_id, 'before', w.before, 'from', CASE WHEN w.settled
            THEN 'available' ELSE 'pending' END,
            'reason', w.reason, 'at', w.at) ORDER BY w.number), '[]'::jsonb)
        FROM commissions_attributionoverride w WHERE w.commission_id = c.id) AS overrides,
       (SELECT jsonb_build_object('id', e.id, 'from_at', e.from_at, 'sponsor', e.sponsor_id)
        FROM commissions_sponsoredge e
        WHERE e.promoter_id = stands.promoter_id AND e.from_at <= o.placed_at
          AND e.recorded_at <= o.placed_at
        ORDER BY e.from_at DESC, e.id DESC LIMIT 1) AS edge,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('edge', e.id, 'agency', g.id, 'name', g.name,
            'from_at', e.from_at) ORDER BY e.id = stands.membership_id DESC), '[]'::jsonb)
        FROM commissions_agencyedge e JOIN commissions_agency g ON g.id = e.agency_id
        WHERE e.id IN (stands.membership_id, stands.affiliation_id)) AS agencies
FROM commissions_commissionorder c
JOIN commissions_attribution a ON a.id = c.attribution_id
JOIN commissions_planversion v ON v.id = c.plan_version_id
JOIN commissions_commissionplan plan ON plan.id = v.plan_id
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
JOIN shops_shop shop ON shop.id = c.shop_id
CROSS JOIN LATERAL (
    SELECT promoter_id, membership_id, affiliation_id FROM (
        SELECT number, promoter_id, membership_id, affiliation_id
        FROM commissions_attributionoverride WHERE commission_id = c.id
        UNION ALL SELECT 0, a.promoter_id, a.membership_id, a.affiliation_id) one
    ORDER BY number DESC LIMIT 1) stands
LEFT JOIN commissions_touch t ON t.id = a.touch_id
LEFT JOIN commissions_promotionlink k ON a.source_kind = 'referral' AND k.id = a.source_id
WHERE {which} AND (%(staff)s OR shop.account_id = %(account)s OR EXISTS (
    SELECT 1 FROM commissions_commissionsplit mine
    WHERE mine.commission_id = c.id AND mine.payee_id = %(account)s)
    OR {formerly})
ORDER BY c.id
"""
# Who was paid before it was decided anew is still told why.
_FORMERLY = """EXISTS (SELECT 1 FROM commissions_attributionoverride w
    CROSS JOIN LATERAL jsonb_to_recordset(w.before->'splits') AS s(payee_id bigint)
    WHERE w.commission_id = c.id AND s.payee_id = %(account)s)"""
_BY_ID = _TRACE.format(which="c.id = %(id)s", formerly=_FORMERLY)
_BY_ORDER = _TRACE.format(which="o.number = %(number)s", formerly=_FORMERLY)


def of_commission(*, account: Account, commission_id: int) -> dict[str, Any]:
    """The trace of a commission order, for one of its payees, the shop's owner or staff; one
    statement.

    :raises NotFound: no such commission order, or not the account's to see.
    """
    found = rows(_BY_ID, _reader(account) | {"id": commission_id})
    if not found:
        raise NotFound()
    return _document(found[0])


def for_staff(commission_id: int) -> dict[str, Any]:
    """The trace of a commission order, for the admin, whose pages are staff's already.

    :raises NotFound: no such commission order.
    """
    found = rows(_BY_ID, {"account": 0, "staff": True, "id": commission_id})
    if not found:
        raise NotFound()
    return _document(found[0])


def of_order(*, account: Account, number: str) -> list[dict[str, Any]]:
    """The traces of an order's lines that the account may see, in the order of the lines.

    :raises NotFound: none of them.
    """
    found = rows(_BY_ORDER, _reader(account) | {"number": number[:33]})
    if not found:
        raise NotFound()
    return [_document(row) for row in found]


def attributions(*, account: Account, number: str) -> dict[str, Any]:
    """The attributions of an order's lines that the account may see.

    :raises NotFound: none of them.
    """
    return {
        "order_number": number,
        "lines": [
            {
                "line_id": trace["line"]["line_id"],
                "title": trace["line"]["title"],
                "commission_id": trace["id"],
                "attribution": trace["attribution"],
            }
            for trace in of_order(account=account, number=number)
        ],
    }


def recompute(trace: dict[str, Any]) -> dict[str, Any]:
    """Budget, fee, splits and reversed amounts out of a trace and nothing else."""
    step = trace["rounding"]
    made = split.split(
        base_fen=step["base_fen"],
        rate_bps=step["rate_bps"],
        fee_bps=step["fee_bps"],
        budget_fen=_priced(trace),
        shares=Shares(**{name: trace["plan"][name] for name in Shares._fields}),
        roles=tuple(trace["roles"]),
        passed=[part["share_bps"] for part in trace["splits"] if part["role"] in split.PASSED_ON],
    )
    back = split.reversal(
        base_fen=step["base_fen"],
        refunded_fen=trace["refunded_fen"],
        rate_bps=step["rate_bps"],
        fee_bps=step["fee_bps"],
        budget_fen=made.budget_fen,
        fee_fen=made.fee_fen,
        parts=[Taken(part.role, part.amount_fen, 0) for part in made.parts],
    )
    splits = [
        {
            "role": part.role,
            "share_bps": part.share_bps,
            "amount_fen": part.amount_fen,
            "reversed_fen": reversed_fen,
        }
        for part, reversed_fen in zip(made.parts, back, strict=True)
    ]
    _pass_on(splits)
    return {"budget_fen": made.budget_fen, "fee_fen": made.fee_fen, "splits": splits}


def _priced(trace: dict[str, Any]) -> int | None:
    """The budget that the plan's terms give; None where the product's offer alone set it."""
    terms, step = trace["pricing"], trace["rounding"]
    if terms is None:
        return None
    return pricing.price(
        base_fen=step["base_fen"],
        qty=terms["qty"],
        fee_bps=step["fee_bps"],
        terms=pricing.Terms(terms["rate_bps"], terms["bonus_bps"], terms["unit_fen"]),
        limits=[
            pricing.Limit(one["name"], one["limit_fen"], one["used_fen"]) for one in terms["limits"]
        ],
        cap_bps=terms.get("cap_bps"),
    ).budget_fen


def _reader(account: Account) -> dict[str, Any]:
    return {"account": account.pk, "staff": account.is_staff}


_LINE = ("order_number", "line_id", "title", "qty", "unit_price_fen", "discount_fen", "paid_fen",
         "offer_id", "placed_at", "paid_at", "received_at")  # fmt: skip
_PLAN = ("version_id", "version_number", "promoter_bps", "inviter_bps", "creator_bps",
         "charity_bps", "inviter2_bps")  # fmt: skip
_TOP = ("id", "status", "reason", "held_reason", "version", "accrued_at", "matures_at",
        "settlement_run_id", "budget_fen", "fee_fen", "refunded_fen", "splits",
        "reversals", "overrides")  # fmt: skip


_CHAIN = ("promoter", "inviter", "inviter2", "creator")
_JSON = ("splits", "reversals", "overrides", "edge", "losers", "findings", "agencies", "terms")
# What stands in the terms for the books, or for the plan's owner alone: not in a trace.
_KEPT_BACK = ("account_id",)


def _document(found: dict[str, Any]) -> dict[str, Any]:
    # Django hands jsonb of a plain statement over as text.
    row = found | {name: json.loads(found[name] or "null") for name in _JSON}
    # What was decided later stands; the attribution stays as it was written.
    stands = row["overrides"][-1] if row["overrides"] else None
    won = {role: stands.get(role) if stands else row[f"{role}_id"] for role in _CHAIN}
    roles = [role for role in _CHAIN if won[role]]
    _pass_on(row["splits"] or [])
    return {
        **{name: row[name] for name in _TOP},
        "line": {name: row[name] for name in _LINE},
        "attribution": _attribution(row),
        "plan": _plan(row),
        "pricing": _pricing(row["terms"]),
        "tree": {
            "promoter": won["promoter"],
            "inviter": won["inviter"],
            "inviter2": won["inviter2"],
            "edge": row["edge"],
            "agencies": row["agencies"],
        },
        "roles": roles,
        "rounding": {
            "base_fen": row["base_fen"],
            "rate_bps": row["rate_bps"],
            "fee_bps": row["fee_bps"],
            "budget_exact": f"{row['base_fen'] * row['rate_bps']}/{BPS}",
            "fee_exact": f"{row['base_fen'] * row['fee_bps']}/{BPS}",
            "rule": "half-even once for budget and fee, then largest remainder",
        },
    }


def _plan(row: dict[str, Any]) -> dict[str, Any]:
    """Which version won, at which step of which precedence, and its shares."""
    return {
        "name": row["plan_name"],
        "kind": row["plan_kind"],
        "owner": "platform" if row["plan_shop_id"] is None else "shop",
        "step": row["step"],
        "precedence": list(plans.PRECEDENCE),
        **{name: row[name] for name in _PLAN},
    }


def _pricing(terms: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a plan's terms said of the line; what is left of funds is the owner's own."""
    if terms is None:
        return None
    passed = [
        {name: one[name] for name in one if name != "left_fen"} for one in terms["passed_over"]
    ]
    told = {name: terms[name] for name in terms if name not in _KEPT_BACK}
    return {"named": None} | told | {"passed_over": passed}


def _pass_on(parts: list[dict[str, Any]]) -> None:
    """What each part was before something of it was passed on, and how much that is."""
    passed = 0
    for part in sorted(parts, key=lambda part: _LOWEST_FIRST.get(part["role"], 0)):
        inside = part["role"] in _LOWEST_FIRST
        part["passed_on_fen"] = passed if inside else 0
        part["gross_fen"] = part["amount_fen"] + part["passed_on_fen"]
        passed += part["amount_fen"] if inside else 0


_LOWEST_FIRST = {split.AGENCY2: 1, split.AGENCY: 2, split.PROMOTER: 3}


def _attribution(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "rule": row["rule"],
        "source_kind": row["source_kind"],
        "source_id": row["source_id"],
        "link_code": row["link_code"],
        "target_kind": row["target_kind"],
        "target_id": row["target_id"],
        "click_id": row["click_id"],
        "touched_at": row["touched_at"],
        "losers": row["losers"],
        "findings": row["findings"],
        "at": row["attributed_at"],
    }


def readable(trace: dict[str, Any]) -> str:
    """A trace as lines for people."""
    line, won, step, plan = (trace[name] for name in ("line", "attribution", "rounding", "plan"))
    said = [
        f"Line {line['line_id']} of {line['order_number']}: {line['qty']} × "
        f"{line['unit_price_fen']} − {line['discount_fen']}, paid {line['paid_fen']} fen",
        f"Rule {won['rule']} {won['source_kind']} {won['link_code'] or won['source_id'] or ''}"
        f" · promoter {trace['tree']['promoter']} · inviter {trace['tree']['inviter']}",
        f"Budget {step['base_fen']} × {step['rate_bps']} bps = {step['budget_exact']}"
        f" → {trace['budget_fen']} fen",
        f"Fee {step['base_fen']} × {step['fee_bps']} bps = {step['fee_exact']}"
        f" → {trace['fee_fen']} fen",
        f"Plan {plan['name']} version {plan['version_number']}"
        f" ({plan['step'] or 'nobody to pay'}; {' > '.join(plan['precedence'])}),"
        f" refunded so far {trace['refunded_fen']} fen",
    ]
    said += _priced_in_words(trace["pricing"])
    said += [
        f"  {part['role']} {part['payee'] or ''} {part['share_bps']} bps: "
        f"{_in_words(part)} − {part['reversed_fen']} fen"
        for part in trace["splits"]
    ]
    said += [
        f"  lost: {loser['kind']} {loser['id']} at {loser['at']}: {loser['reason']}"
        for loser in won["losers"]
    ]
    said += [
        f"  override {one['number']} ({one['from']}, {one['at']}): promoter {one['promoter']}"
        f" · inviter {one['inviter']} · creator {one['creator']};"
        f" before {_before(one['before'])}: {one['reason']}"
        for one in trace["overrides"]
    ]
    return "\n".join(said)


def _priced_in_words(terms: dict[str, Any] | None) -> list[str]:
    """What a plan's terms came to, which caps met it, and which plans were passed over."""
    if terms is None:
        return []
    by = f"{terms['unit_fen']} fen × {terms['qty']}"
    if terms["unit_fen"] is None:
        by = f"{terms['rate_bps']} + {terms['bonus_bps']} bps ({terms['tier']})"
    cut = f", cut by {terms['cut_by']}" if terms["cut_by"] else ""
    said = [f"  priced {by} = {terms['wanted_fen']} → {terms['budget_fen']} fen{cut}"]
    said += [f"  named by {words}" for words in named_in_words(terms)]
    said += [
        f"  cap of {one['name']} {one['period']}: {one['limit_fen']} fen,"
        f" {one['used_fen']} used before"
        for one in terms["limits"]
    ]
    said += [
        f"  passed over: {one['plan']} ({one['step']}): {one['reason']}"
        for one in terms["passed_over"]
    ]
    return said


def named_in_words(terms: dict[str, Any]) -> list[str]:
    """How the plan named who earns; nothing where it speaks to everybody."""
    named = terms["named"]
    if not named:
        return []
    if named["by"] != "agency":
        return [str(named["by"])]
    return [f"agency {named['agency_id']}, a member by edge {named['edge_id']}"]


def _in_words(part: dict[str, Any]) -> str:
    if not part["passed_on_fen"]:
        return str(part["amount_fen"])
    return f"{part['gross_fen']}, {part['passed_on_fen']} passed on, {part['amount_fen']} kept"


def _before(before: dict[str, Any]) -> str:
    return ", ".join(f"{part['role']} {part['amount_fen']}" for part in before["splits"])
