"""What the case of the source came to, read back from the product's own rows."""

from dataclasses import dataclass
from typing import Any

from backend.accounts.models import Account
from backend.core.money import yuan
from backend.core.sql import rows
from commissions import books
from seeds.scenarios.stage import Stage

_SUMS = """
SELECT count(DISTINCT l.order_id) AS orders, sum(l.paid_fen)::bigint AS sales_fen,
       sum(c.budget_fen)::bigint AS commission_fen, sum(c.fee_fen)::bigint AS fee_fen,
       coalesce(sum(c.budget_fen) FILTER (WHERE c.status = 'settled'), 0)::bigint AS settled_fen,
       min(o.payable_fen) AS least_fen, max(o.payable_fen) AS most_fen
FROM shops_order o JOIN shops_orderline l ON l.order_id = o.id
JOIN commissions_commissionorder c ON c.order_line_id = l.id
WHERE o.shop_id = %s
"""
_PARTS = """
SELECT s.role, sum(s.amount_fen)::bigint AS fen, count(DISTINCT s.payee_id) AS payees
FROM commissions_commissionsplit s JOIN commissions_commissionorder c ON c.id = s.commission_id
WHERE c.shop_id = %s GROUP BY s.role
"""
# Read from the ledger, not from the splits: the two must agree.
_BALANCES = """
SELECT coalesce(sum(e.amount_fen), 0)::bigint AS fen,
       count(DISTINCT a.owner_id) FILTER (WHERE a.owner_id <> %s) AS paid
FROM commissions_ledgeraccount a JOIN commissions_entry e ON e.account_id = a.id
WHERE a.owner_kind = 'person' AND a.kind = 'available' AND a.owner_id IN (
    SELECT DISTINCT s.payee_id FROM commissions_commissionsplit s
    JOIN commissions_commissionorder c ON c.id = s.commission_id
    WHERE c.shop_id = %s AND s.payee_id IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Result:
    """Sums in fen. `settled_fen` is commission that matured; `balances_fen` what the ledger
    holds available for the payees; `findings` are the books' (none where they are clean)."""

    orders: int
    sales_fen: int
    least_fen: int
    most_fen: int
    commission_fen: int
    settled_fen: int
    balances_fen: int
    fee_fen: int
    parts: dict[str, int]
    sellers: int
    sellers_paid: int
    rules: int
    findings: tuple[str, ...]


def read(stage: Stage, *, shop_id: int, sellers: int, organiser: Account) -> Result:
    """The result, and the books' audit of the whole database."""
    sums: dict[str, Any] = rows(_SUMS, [shop_id])[0]
    parts = {row["role"]: row["fen"] for row in rows(_PARTS, [shop_id])}
    balances = rows(_BALANCES, [organiser.pk, shop_id])[0]
    findings = books.check(at=stage.at)
    return Result(
        **sums,
        parts=parts,
        balances_fen=balances["fen"],
        sellers=sellers,
        sellers_paid=balances["paid"],
        rules=len(books.RULES),
        findings=tuple(f"{finding.code}: {finding.name}" for finding in findings),
    )


def tell(stage: Stage, result: Result) -> None:
    """Prints the result, amounts in yuan."""
    parts = result.parts
    lines: list[tuple[str, str, str]] = [
        ("sales", yuan(result.sales_fen), f"{result.orders:,} orders of "
            f"{yuan(result.least_fen)} to {yuan(result.most_fen)}"),
        ("commission, 30 %", yuan(result.commission_fen), "settled and available"),
        ("  to the promoters", yuan(parts.get("promoter", 0)),
            f"{result.sellers_paid:,} of {result.sellers:,} paid"),
        ("  to their inviter", yuan(parts.get("inviter", 0)), "one organiser, two levels"),
        ("  back to the shop", yuan(parts.get("shop", 0)), ""),
        ("in the payees' ledger accounts", yuan(result.balances_fen), ""),
        ("platform fee, 5 %", yuan(result.fee_fen), ""),
        ("  of it charity", yuan(parts.get("charity", 0)), ""),
    ]  # fmt: skip
    stage.tell("")
    for name, amount, note in lines:
        stage.tell(f"  {name:<34}{amount:>16} yuan   {note}".rstrip())
    verdict = "clean" if not result.findings else "BROKEN: " + "; ".join(result.findings)
    stage.tell(f"  {'the books':<34}{result.rules:>16} rules  {verdict}")
