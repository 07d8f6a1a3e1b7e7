"""The ledger 账本: the only module that writes journals, entries and balances.

Double entry in integer fen; positive credits the owner, negative debits. A journal's id is made
of its cause, so posting a cause twice is a no-op by primary key. Balances are derived: the
database adds every entry to `balancedelta`, `fold` moves deltas into `balance`, and a balance is
always balance + deltas.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from backend.core.sql import rows, run, value
from commissions.models import Journal, LedgerAccount

Owner = LedgerAccount.Owner
Kind = LedgerAccount.Kind
JournalKind = Journal.Kind

SUBJECT_BITS = 56


def journal_id(kind: int, subject_id: int) -> int:
    """The id of the one journal that this cause may post."""
    assert 0 < kind < 128, kind
    assert 0 < subject_id < 1 << SUBJECT_BITS, subject_id
    return (kind << SUBJECT_BITS) | subject_id


class AccountKey(NamedTuple):
    """Whose account and of what kind; the platform, charity and providers have owner_id 0."""

    owner_kind: str
    owner_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Posting:
    """A journal to be: its cause and its legs (account, fen). Legs of one account are netted."""

    kind: int
    subject_id: int
    legs: Sequence[tuple[AccountKey, int]]


_OPEN = """
INSERT INTO commissions_ledgeraccount (owner_kind, owner_id, kind)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS wanted(owner_kind, owner_id, kind)
ORDER BY 1, 2, 3
ON CONFLICT (owner_kind, owner_id, kind) DO NOTHING
"""
_FIND = """
SELECT a.id, a.owner_kind, a.owner_id, a.kind FROM commissions_ledgeraccount a
JOIN unnest(%s::text[], %s::bigint[], %s::text[]) AS wanted(owner_kind, owner_id, kind)
  ON (a.owner_kind, a.owner_id, a.kind) = (wanted.owner_kind, wanted.owner_id, wanted.kind)
"""


def accounts(keys: Iterable[AccountKey]) -> dict[AccountKey, int]:
    """The ids of these accounts, opening those that do not exist yet."""
    wanted = sorted(set(keys))
    columns = [
        [key.owner_kind for key in wanted],
        [key.owner_id for key in wanted],
        [key.kind for key in wanted],
    ]
    found = _ids(columns)
    if len(found) < len(wanted):
        run(_OPEN, columns)
        found = _ids(columns)
    return found


def _ids(columns: list[list[object]] | list[list[str]] | list[object]) -> dict[AccountKey, int]:
    return {
        AccountKey(row["owner_kind"], row["owner_id"], row["kind"]): row["id"]
        for row in rows(_FIND, columns)
    }


_POST = """
WITH fresh AS (
    INSERT INTO commissions_journal (id, kind, subject_id, at)
    SELECT id, id >> 56, id & %(mask)s::bigint, %(at)s::timestamptz
    FROM unnest(%(journals)s::bigint[]) AS wanted(id)
    ON CONFLICT (id) DO NOTHING RETURNING id
),
entries AS (
    INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)
    SELECT account_id, journal_id, amount_fen, %(at)s::timestamptz
    FROM unnest(%(leg_account)s::bigint[], %(leg_journal)s::bigint[], %(leg_fen)s::bigint[])
         AS leg(account_id, journal_id, amount_fen)
    JOIN fresh ON fresh.id = leg.journal_id
    ORDER BY account_id, journal_id
)
SELECT count(*) FROM fresh
"""
_MASK = (1 << SUBJECT_BITS) - 1


def post(postings: Sequence[Posting], *, at: datetime) -> int:
    """Posts journals; those whose cause has already posted are left alone. Returns how many were
    new. Must run inside the transaction of the change that causes them. A cause whose legs
    cancel out posts nothing."""
    assert connection.in_atomic_block, "a journal belongs to the transaction of its cause"
    wanted = {journal_id(p.kind, p.subject_id): _netted(p) for p in postings}
    legs = [
        (key, journal, fen) for journal in sorted(wanted) for key, fen in wanted[journal].items()
    ]
    if not legs:
        return 0
    ids = accounts(key for key, _, _ in legs)
    return int(
        value(
            _POST,
            {
                "mask": _MASK,
                "at": at,
                "journals": list(dict.fromkeys(journal for _, journal, _ in legs)),
                "leg_account": [ids[key] for key, _, _ in legs],
                "leg_journal": [journal for _, journal, _ in legs],
                "leg_fen": [fen for _, _, fen in legs],
            },
        )
    )


def _netted(posting: Posting) -> dict[AccountKey, int]:
    """The legs by account, zero legs dropped; they must sum to zero."""
    legs: dict[AccountKey, int] = {}
    for key, amount in posting.legs:
        legs[key] = legs.get(key, 0) + amount
    assert sum(legs.values()) == 0, f"unbalanced journal of {posting.kind}/{posting.subject_id}"
    return {key: amount for key, amount in legs.items() if amount}


_OPEN_SETTLED = """
INSERT INTO commissions_ledgeraccount (owner_kind, owner_id, kind)
SELECT p.payee_kind, coalesce(p.payee_id, 0), k.kind
FROM commissions_settlementposting p CROSS JOIN (VALUES ('pending'), ('available')) k(kind)
WHERE p.run_id = %s AND NOT EXISTS (
    SELECT 1 FROM commissions_ledgeraccount a
    WHERE (a.owner_kind, a.owner_id, a.kind) = (p.payee_kind, coalesce(p.payee_id, 0), k.kind))
ORDER BY 1, 2, 3
ON CONFLICT (owner_kind, owner_id, kind) DO NOTHING
"""
_SETTLED = """
WITH fresh AS (
    INSERT INTO commissions_journal (id, kind, subject_id, at)
    SELECT (%(kind)s::bigint << 56) | id, %(kind)s::bigint, id, %(at)s::timestamptz
    FROM commissions_settlementposting WHERE run_id = %(run)s ORDER BY id
    ON CONFLICT (id) DO NOTHING RETURNING id, subject_id
)
INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)
SELECT a.id, fresh.id, CASE a.kind WHEN 'available' THEN p.amount_fen ELSE -p.amount_fen END,
       %(at)s::timestamptz
FROM fresh JOIN commissions_settlementposting p ON p.id = fresh.subject_id
JOIN commissions_ledgeraccount a ON a.owner_kind = p.payee_kind
    AND a.owner_id = coalesce(p.payee_id, 0) AND a.kind IN ('pending', 'available')
ORDER BY a.id, fresh.id
"""


def post_settlement(run_id: int, *, at: datetime) -> int:
    """Posts the journals of a settlement run, pending → available, one per settlement posting,
    in two statements however many payees there are; returns the number of entries."""
    assert connection.in_atomic_block, "a journal belongs to the transaction of its cause"
    run(_OPEN_SETTLED, [run_id])
    return run(_SETTLED, {"run": run_id, "kind": int(JournalKind.SETTLEMENT), "at": at})


_BALANCE = """
SELECT coalesce((SELECT balance_fen FROM commissions_balance WHERE account_id = %(id)s), 0)
     + coalesce((SELECT sum(amount_fen) FROM commissions_balancedelta
                 WHERE account_id = %(id)s), 0)
"""


def balance(key: AccountKey) -> int:
    """The balance of an account in fen; 0 where it was never used."""
    account_id = _ids([[key.owner_kind], [key.owner_id], [key.kind]]).get(key)
    return int(value(_BALANCE, {"id": account_id})) if account_id else 0


_BALANCES = """
SELECT a.kind, (coalesce(b.balance_fen, 0) + coalesce(
    (SELECT sum(d.amount_fen) FROM commissions_balancedelta d WHERE d.account_id = a.id), 0)
)::bigint AS fen
FROM commissions_ledgeraccount a LEFT JOIN commissions_balance b ON b.account_id = a.id
WHERE a.owner_kind = %s AND a.owner_id = %s
"""


def balances_of(owner_kind: str, owner_id: int) -> dict[str, int]:
    """All balances of an owner in fen, by kind; one query."""
    return {row["kind"]: row["fen"] for row in rows(_BALANCES, [owner_kind, owner_id])}


def lock(key: AccountKey) -> int:
    """Locks an account until the transaction ends and returns its balance in fen. Two who would
    spend from it meet here: the second sees what the first has taken."""
    account_id = accounts([key])[key]
    run("SELECT 1 FROM commissions_balance WHERE account_id = %s FOR UPDATE", [account_id])
    return int(value(_BALANCE, {"id": account_id}))


_FOLD = """
WITH taken AS (
    DELETE FROM commissions_balancedelta WHERE id IN (
        SELECT id FROM commissions_balancedelta ORDER BY account_id LIMIT %s
        FOR UPDATE SKIP LOCKED)
    RETURNING account_id, amount_fen),
summed AS (
    SELECT account_id, sum(amount_fen)::bigint AS fen FROM taken
    GROUP BY account_id ORDER BY account_id),
held AS (
    SELECT b.account_id FROM commissions_balance b JOIN summed USING (account_id)
    ORDER BY b.account_id FOR UPDATE OF b)
UPDATE commissions_balance b SET balance_fen = b.balance_fen + summed.fen
FROM summed JOIN held USING (account_id) WHERE b.account_id = summed.account_id
"""


def fold(*, batch: int = 50_000) -> int:
    """Moves deltas into the stored balances, batch by batch; returns how many accounts it
    touched. Locks balances in account order, so two folders cannot deadlock."""
    touched = 0
    while True:
        with transaction.atomic():
            moved = run(_FOLD, [batch])
        touched += moved
        if not moved:
            return touched
