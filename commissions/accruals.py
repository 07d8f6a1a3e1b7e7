"""Accrual 计提: brings commission orders into agreement with the orders.

State-based: nothing here believes an event. `reconcile_orders` reads the orders as they are,
makes what is missing (attribution, commission order, splits, journal), reverses what refunds
have taken back since, confirms what is received and ends what is refunded whole. So the order
and the number of events never matter, and doing it again does nothing.

Locks, always in this order: new attributions by line id (their unique key), commission orders
by id, then ledger accounts; the lines are read again after the lock on their commissions.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backend.core.models import Event
from backend.core.sql import rows, run
from commissions import attribution, ledger, plans, split, touches
from commissions.attribution import Decision, Line
from commissions.models import CommissionOrder, PlanVersion
from commissions.split import Split, Taken

CHUNK = 500
Status = CommissionOrder.Status


def on_orders(events: Sequence[Event]) -> None:
    """Brings the commissions of these events' orders into agreement with the orders."""
    if events:
        at = max(event.recorded_at for event in events)
        reconcile_orders([event.subject_id for event in events], at=at)


def reconcile_orders(order_ids: Sequence[int], *, at: datetime) -> int:
    """Brings the commissions of these orders into agreement with them, as of now; returns how
    many commission orders were made or changed. Idempotent; chunks of 500 orders commit by
    themselves unless the caller holds a transaction."""
    wanted = sorted(set(order_ids))
    changed = 0
    for start in range(0, len(wanted), CHUNK):
        with transaction.atomic():
            changed += _reconcile(wanted[start : start + CHUNK], at)
    return changed


def _reconcile(order_ids: list[int], at: datetime) -> int:
    """One chunk, in the caller's transaction; how many commission orders were made or changed."""
    run(_PLAN_ONCE if len(order_ids) <= FEW else _PLAN_EACH)
    found = rows(_LOOK, [order_ids])
    missing = [row for row in found if row["commission_id"] is None]
    postings = _accrue(missing, at) if missing else []
    made = len(postings)
    # A line that somebody else accrued meanwhile may know less than this look did.
    if made < len(found) or any(row["refunded_fen"] or row["received_at"] for row in missing):
        reversals, moved = _agree(order_ids, at)
        postings, made = postings + reversals, made + moved
    # One posting for both: ledger accounts are the last thing locked.
    ledger.post(postings, at=at)
    return made


# The cached plan of a statement is made for a handful of rows: right for one order, whose
# planning would cost more than its work; wrong for 200 lines, which it would join by nested loops.
FEW = 10
_PLAN_ONCE = "SET LOCAL plan_cache_mode = force_generic_plan"
_PLAN_EACH = "SET LOCAL plan_cache_mode = force_custom_plan"
_DISAGREES = """
    (l.refunded_fen > c.refunded_fen
     OR (c.status = 'estimated' AND o.received_at IS NOT NULL AND o.aftersale_until IS NOT NULL)
     OR (c.status = 'confirmed' AND c.matures_at IS DISTINCT FROM o.aftersale_until))
"""


# ---------------------------------------------------------------- what is missing
# Lines without a commission order, and (unlocked) those whose commission order disagrees: what
# is found in agreement can only be made to disagree by a later change, with an event of its own.
_LOOK = f"""
SELECT l.id AS line_id, l.paid_fen, l.commission_bps, l.fee_bps, l.refunded_fen,
       o.shop_id, o.buyer_id, o.placed_at, o.received_at, s.account_id AS owner_id,
       c.id AS commission_id
FROM shops_orderline l
JOIN shops_order o ON o.id = l.order_id
JOIN shops_shop s ON s.id = o.shop_id
LEFT JOIN commissions_commissionorder c ON c.order_line_id = l.id
WHERE l.order_id = ANY(%s::bigint[]) AND o.paid_at IS NOT NULL AND l.paid_fen > 0
  AND (c.id IS NULL OR {_DISAGREES})
ORDER BY l.id
"""
_CREATE = """
WITH wanted AS (
    SELECT * FROM unnest(
        %(line_id)s::bigint[], %(rule)s::text[], %(source_kind)s::text[],
        %(source_id)s::bigint[], %(touch_id)s::bigint[], %(promoter_id)s::bigint[],
        %(inviter_id)s::bigint[], %(creator_id)s::bigint[], %(losers)s::text[],
        %(findings)s::text[], %(shop_id)s::bigint[], %(plan_id)s::bigint[],
        %(base_fen)s::bigint[], %(rate_bps)s::int[], %(fee_bps)s::int[],
        %(budget_fen)s::bigint[], %(fee_fen)s::bigint[]
    ) AS w(line_id, rule, source_kind, source_id, touch_id, promoter_id, inviter_id, creator_id,
           losers, findings, shop_id, plan_id, base_fen, rate_bps, fee_bps, budget_fen, fee_fen)
),
attributed AS (
    INSERT INTO commissions_attribution
        (order_line_id, rule, source_kind, source_id, touch_id, promoter_id, inviter_id,
         creator_id, losers, findings, at)
    SELECT line_id, rule, source_kind, source_id, touch_id, promoter_id, inviter_id,
           creator_id, losers::jsonb, findings::jsonb, %(at)s::timestamptz
    FROM wanted ORDER BY line_id
    ON CONFLICT (order_line_id) DO NOTHING RETURNING id, order_line_id
),
made AS (
    INSERT INTO commissions_commissionorder
        (order_line_id, attribution_id, shop_id, plan_version_id, base_fen, rate_bps, fee_bps,
         budget_fen, fee_fen, refunded_fen, status, reason, held_reason, accrued_at, version)
    SELECT line_id, attributed.id, shop_id, plan_id, base_fen, rate_bps, fee_bps,
           budget_fen, fee_fen, 0, 'estimated', '', '', %(at)s::timestamptz, 1
    FROM attributed JOIN wanted ON wanted.line_id = attributed.order_line_id
    ORDER BY line_id RETURNING id, order_line_id
),
parts AS (
    INSERT INTO commissions_commissionsplit
        (commission_id, role, payee_id, share_bps, amount_fen, reversed_fen)
    SELECT made.id, role, payee_id, share_bps, amount_fen, 0
    FROM unnest(%(part_line)s::bigint[], %(part_role)s::text[], %(part_payee)s::bigint[],
                %(part_bps)s::int[], %(part_fen)s::bigint[]) WITH ORDINALITY
         AS p(line_id, role, payee_id, share_bps, amount_fen, place)
    JOIN made ON made.order_line_id = p.line_id ORDER BY p.place
)
SELECT id, order_line_id FROM made
"""


def _accrue(lines: list[dict[str, Any]], at: datetime) -> list[ledger.Posting]:
    """Makes what these lines lack; the journals to be posted for it."""
    # The click that brought the order may still be in the stream, and an attribution is written
    # once: what was clicked before now has to be in its rows.
    touches.store_touches()
    decisions = attribution.decide(
        [Line(r["line_id"], r["buyer_id"], r["owner_id"], r["placed_at"]) for r in lines]
    )
    versions = plans.default_versions({row["placed_at"] for row in lines})
    drafts = [_Draft(row, decisions[row["line_id"]], versions[row["placed_at"]]) for row in lines]
    parts = [part for draft in drafts for part in draft.part_rows()]
    made = rows(
        _CREATE,
        {
            **_columns([draft.row() for draft in drafts]),
            **dict(
                zip(
                    ("part_line", "part_role", "part_payee", "part_bps", "part_fen"),
                    map(list, zip(*parts, strict=True)) if parts else [[]] * 5,
                    strict=True,
                )
            ),
            "at": at,
        },
    )
    by_line = {draft.line["line_id"]: draft for draft in drafts}
    return [by_line[row["order_line_id"]].posting(row["id"]) for row in made]


class _Draft:
    """A commission order to be: the line, its decision, its plan and the split of its money."""

    __slots__ = ("decision", "line", "split", "version")

    def __init__(self, line: dict[str, Any], decision: Decision, version: PlanVersion) -> None:
        self.line, self.decision, self.version = line, decision, version
        self.split: Split = split.split(
            base_fen=line["paid_fen"],
            rate_bps=line["commission_bps"],
            fee_bps=line["fee_bps"],
            shares=plans.shares_of(version),
            roles=tuple(decision.payees),
        )

    def row(self) -> dict[str, Any]:
        """The columns of the attribution and of the commission order. Without a winner the
        rate is 0: a budget is always half-even(base × rate)."""
        decision, line = self.decision, self.line
        return {
            "line_id": line["line_id"],
            "rule": str(decision.rule),
            "source_kind": decision.source_kind,
            "source_id": decision.source_id,
            "touch_id": decision.touch_id,
            "promoter_id": decision.promoter_id,
            "inviter_id": decision.inviter_id,
            "creator_id": decision.creator_id,
            "losers": json.dumps(decision.losers),
            "findings": json.dumps(decision.findings),
            "shop_id": line["shop_id"],
            "plan_id": self.version.pk,
            "base_fen": line["paid_fen"],
            "rate_bps": line["commission_bps"] if decision.payees else 0,
            "fee_bps": line["fee_bps"],
            "budget_fen": self.split.budget_fen,
            "fee_fen": self.split.fee_fen,
        }

    def part_rows(self) -> list[tuple[int, str, int | None, int, int]]:
        """The splits' columns: line, role, payee, share, amount."""
        payees, line_id = self.decision.payees, self.line["line_id"]
        return [
            (line_id, part.role, payees.get(part.role), part.share_bps, part.amount_fen)
            for part in self.split.parts
        ]

    def posting(self, commission_id: int) -> ledger.Posting:
        """The journal: the shop owes what its payees, the platform and charity may expect."""
        payees = self.decision.payees
        amounts = [(part.role, payees.get(part.role), part.amount_fen) for part in self.split.parts]
        return ledger.Posting(
            ledger.JournalKind.ACCRUAL,
            commission_id,
            _legs(self.line["shop_id"], amounts, ledger.Kind.PENDING),
        )


def _legs(
    shop_id: int, amounts: Sequence[tuple[str, int | None, int]], kind: str
) -> list[tuple[ledger.AccountKey, int]]:
    """What the parts (role, payee, fen) mean in the books: the payees' `kind` accounts are
    credited, the shop's payable is debited; what goes back to the shop never leaves it."""
    legs = [(_account(role, payee, kind), fen) for role, payee, fen in amounts if role != "shop"]
    total = sum(fen for _, fen in legs)
    legs.append((ledger.AccountKey(ledger.Owner.SHOP, shop_id, ledger.Kind.PAYABLE), -total))
    return legs


def _account(role: str, payee: int | None, kind: str) -> ledger.AccountKey:
    if role == split.PLATFORM:
        return ledger.AccountKey(ledger.Owner.PLATFORM, 0, kind)
    if role == split.CHARITY:
        return ledger.AccountKey(ledger.Owner.CHARITY, 0, kind)
    assert payee is not None, f"a {role} without an account"
    return ledger.AccountKey(ledger.Owner.PERSON, payee, kind)


# ---------------------------------------------------------------- what disagrees
_LOCK = f"""
SELECT c.id FROM commissions_commissionorder c
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
WHERE l.order_id = ANY(%s::bigint[]) AND {_DISAGREES}
ORDER BY c.id FOR NO KEY UPDATE OF c
"""
_DISAGREEING = f"""
SELECT c.id, c.shop_id, c.status, c.reason, c.base_fen, c.rate_bps, c.fee_bps, c.budget_fen,
       c.fee_fen, c.refunded_fen AS answered_fen, c.matures_at, l.refunded_fen, o.received_at,
       o.aftersale_until, s.ids, s.roles, s.payees, s.amounts, s.reversed
FROM commissions_commissionorder c
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
LEFT JOIN LATERAL (
    SELECT array_agg(id ORDER BY id) AS ids, array_agg(role ORDER BY id) AS roles,
           array_agg(payee_id ORDER BY id) AS payees,
           array_agg(amount_fen ORDER BY id) AS amounts,
           array_agg(reversed_fen ORDER BY id) AS reversed
    FROM commissions_commissionsplit WHERE commission_id = c.id) s ON true
WHERE c.id = ANY(%s::bigint[]) AND {_DISAGREES}
ORDER BY c.id
"""
_REVERSALS = """
INSERT INTO commissions_commissionreversal (commission_id, refunded_fen, amount_fen, settled, at)
SELECT commission_id, refunded_fen, amount_fen, settled, %(at)s::timestamptz
FROM unnest(%(commission_id)s::bigint[], %(refunded_fen)s::bigint[], %(amount_fen)s::bigint[],
            %(settled)s::boolean[]) AS w(commission_id, refunded_fen, amount_fen, settled)
ORDER BY commission_id RETURNING id, commission_id
"""
_SPLITS = """
UPDATE commissions_commissionsplit s SET reversed_fen = w.reversed_fen
FROM unnest(%s::bigint[], %s::bigint[]) AS w(id, reversed_fen)
WHERE s.id = w.id AND s.reversed_fen <> w.reversed_fen
"""
_MOVE = """
UPDATE commissions_commissionorder c SET status = w.status, reason = w.reason,
    refunded_fen = w.refunded_fen, matures_at = w.matures_at, version = c.version + 1
FROM unnest(%(id)s::bigint[], %(status)s::text[], %(reason)s::text[],
            %(refunded_fen)s::bigint[], %(matures_at)s::timestamptz[])
     AS w(id, status, reason, refunded_fen, matures_at)
WHERE c.id = w.id
"""


def _agree(order_ids: list[int], at: datetime) -> tuple[list[ledger.Posting], int]:
    """Reverses what refunds have taken back since and moves what was received or refunded
    whole; the journals to be posted for it, and how many commission orders changed. What is
    decided is read again after the lock."""
    locked = [row["id"] for row in rows(_LOCK, [order_ids])]
    found = rows(_DISAGREEING, [locked]) if locked else []
    if not found:
        return [], 0
    refunded = [row for row in found if row["refunded_fen"] > row["answered_fen"]]
    postings = _reverse(refunded, at) if refunded else []
    run(_MOVE, _columns([_moved(row) for row in found]))
    return postings, len(found)


def _moved(row: dict[str, Any]) -> dict[str, Any]:
    """The state that the order's own state asks for."""
    status, reason, matures_at = row["status"], row["reason"], row["matures_at"]
    if status in (Status.ESTIMATED, Status.CONFIRMED) and row["received_at"]:
        status, matures_at = Status.CONFIRMED, row["aftersale_until"]
    if status != Status.SETTLED and row["refunded_fen"] == row["base_fen"]:
        status, reason = Status.INVALID, CommissionOrder.Reason.REFUNDED
    known = CommissionOrder.TRANSITIONS[row["status"]] | {row["status"]}
    assert status in known, f"{row['status']} cannot become {status}"
    return {
        "id": row["id"],
        "status": str(status),
        "reason": str(reason),
        "refunded_fen": row["refunded_fen"],
        "matures_at": matures_at,
    }


def _reverse(refunded: list[dict[str, Any]], at: datetime) -> list[ledger.Posting]:
    """Writes the reversals; settled money is taken back from `available`, which may go below
    zero: then payouts wait until later earnings have covered it."""
    splits: list[tuple[int, int]] = []
    wanted, legs = [], {}
    for row in refunded:
        targets = _targets(row)
        splits += zip(row["ids"], targets, strict=True)
        deltas = [new - old for new, old in zip(targets, row["reversed"], strict=True)]
        settled = row["status"] == Status.SETTLED
        wanted.append(
            {
                "commission_id": row["id"],
                "refunded_fen": row["refunded_fen"],
                "amount_fen": sum(deltas),
                "settled": settled,
            }
        )
        parts = zip(row["roles"], row["payees"], (-delta for delta in deltas), strict=True)
        kind = ledger.Kind.AVAILABLE if settled else ledger.Kind.PENDING
        legs[row["id"]] = _legs(row["shop_id"], list(parts), kind)
    made = rows(_REVERSALS, {**_columns(wanted), "at": at})
    run(_SPLITS, list(map(list, zip(*splits, strict=True))))
    return [
        ledger.Posting(ledger.JournalKind.REVERSAL, row["id"], legs[row["commission_id"]])
        for row in made
    ]


def _targets(row: dict[str, Any]) -> list[int]:
    parts = zip(row["roles"], row["amounts"], row["reversed"], strict=True)
    return split.reversal(
        base_fen=row["base_fen"],
        refunded_fen=row["refunded_fen"],
        rate_bps=row["rate_bps"],
        fee_bps=row["fee_bps"],
        budget_fen=row["budget_fen"],
        fee_fen=row["fee_fen"],
        parts=[Taken(*part) for part in parts],
    )


def _columns(records: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns, the way unnest() takes them."""
    return {name: [record[name] for record in records] for name in records[0]}
