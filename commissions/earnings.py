"""What a person earns, read from the ledger; never a second sum."""

from typing import Any, NamedTuple

from backend.accounts.models import Account
from backend.core.sql import read
from commissions import ledger
from commissions.models import Journal


class Earnings(NamedTuple):
    """A person's money in fen. `settled_fen` is what has ever become available, less what
    refunds and overrides took back afterwards; `written_off_fen` what was owed and is not asked
    for any more, `bounties_fen` what goals reached have brought."""

    pending_fen: int
    available_fen: int
    in_transit_fen: int
    settled_fen: int
    written_off_fen: int
    bounties_fen: int


class Charity(NamedTuple):
    """Charity's money in fen: expected, and settled."""

    pending_fen: int
    settled_fen: int


_SUMMARY = """
SELECT a.kind, (coalesce(b.balance_fen, 0) + coalesce(
    (SELECT sum(d.amount_fen) FROM commissions_balancedelta d WHERE d.account_id = a.id), 0)
)::bigint AS fen, CASE WHEN a.kind = 'available' THEN coalesce((
    SELECT sum(e.amount_fen) FROM commissions_entry e WHERE e.account_id = a.id
    AND e.journal_id >= %(from)s AND e.journal_id < %(to)s), 0)::bigint + coalesce((
    SELECT sum(e.amount_fen) FROM commissions_entry e WHERE e.account_id = a.id
    AND e.journal_id >= %(anew)s AND e.journal_id < %(anew_to)s), 0)::bigint
    ELSE 0 END AS settled,
CASE WHEN a.kind = 'available' THEN (
    SELECT json_build_array(
        coalesce(sum(e.amount_fen) FILTER (WHERE e.journal_id < %(bounty)s), 0),
        coalesce(sum(e.amount_fen) FILTER (WHERE e.journal_id >= %(bounty)s), 0))
    FROM commissions_entry e WHERE e.account_id = a.id
    AND e.journal_id >= %(write_off)s AND e.journal_id < %(bounty_end)s) END AS given
FROM commissions_ledgeraccount a LEFT JOIN commissions_balance b ON b.account_id = a.id
WHERE a.owner_kind = 'person' AND a.owner_id = %(account)s
"""
# A journal's id begins with its kind: reversals and settlements are one range of the key.
_FROM = int(Journal.Kind.REVERSAL) << ledger.SUBJECT_BITS
_TO = (int(Journal.Kind.SETTLEMENT) + 1) << ledger.SUBJECT_BITS
# What an override moves after settlement is another range, what is given a third.
_KINDS = {
    "from": _FROM,
    "to": _TO,
    "anew": int(Journal.Kind.OVERRIDE) << ledger.SUBJECT_BITS,
    "anew_to": (int(Journal.Kind.OVERRIDE) + 1) << ledger.SUBJECT_BITS,
    "write_off": int(Journal.Kind.WRITE_OFF) << ledger.SUBJECT_BITS,
    "bounty": int(Journal.Kind.BOUNTY) << ledger.SUBJECT_BITS,
    "bounty_end": (int(Journal.Kind.BOUNTY) + 1) << ledger.SUBJECT_BITS,
}


def summary(account: Account) -> Earnings:
    """The account's earnings; one statement."""
    found = read(_SUMMARY, {"account": account.pk, **_KINDS})
    fen = {row["kind"]: row["fen"] for row in found}
    given = [row["given"] for row in found if row["given"]]
    return Earnings(
        fen.get("pending", 0),
        fen.get("available", 0),
        fen.get("in_transit", 0),
        sum(row["settled"] for row in found),
        *(given[0] if given else (0, 0)),
    )


_MINE = """
SELECT s.id AS split_id, c.id, s.role, c.status, c.reason, c.held_reason <> '' AS held,
       o.number AS order_number, l.title, l.product_id, c.base_fen, s.amount_fen,
       s.reversed_fen, s.amount_fen - s.reversed_fen AS net_fen, c.accrued_at, c.matures_at,
       c.version, CASE WHEN s.role IN ('promoter', 'agency') THEN coalesce((
           SELECT sum(t.amount_fen) FROM commissions_commissionsplit t
           WHERE t.commission_id = s.commission_id AND t.role IN ('agency', 'agency2')
             AND t.role <> s.role), 0)::bigint ELSE 0 END AS passed_on_fen
FROM commissions_commissionsplit s
JOIN commissions_commissionorder c ON c.id = s.commission_id
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
WHERE s.payee_id = %(account)s AND s.id < %(before)s
  AND (%(status)s = '' OR c.status = %(status)s)
ORDER BY s.id DESC LIMIT %(size)s
"""


def commissions_of(
    account: Account, *, status: str = "", before: int = 2**63 - 1, size: int = 20
) -> list[dict[str, Any]]:
    """The account's own parts of commission orders, newest first, with split ids below
    `before`; one statement. `amount_fen` is what is kept of the gross part, `passed_on_fen` what
    went on to agencies."""
    found = read(_MINE, {"account": account.pk, "status": status, "before": before, "size": size})
    for row in found:
        row["gross_fen"] = row["amount_fen"] + row["passed_on_fen"]
    return found


def charity() -> Charity:
    """Charity's running total, as the ledger has it (I7, K7)."""
    fen = ledger.balances_of(ledger.Owner.CHARITY, 0)
    return Charity(fen.get("pending", 0), fen.get("available", 0))
