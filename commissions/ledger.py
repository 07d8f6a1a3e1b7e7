"""The ledger 账本: the only module that writes journals, entries and balances.

Double entry in integer fen; positive credits the owner, negative debits. A journal's id is made
of its cause, so posting a cause twice is a no-op by primary key. Balances are derived: the
database adds every entry to `balancedelta`, `fold` moves deltas into `balance`, and a balance is
always balance + deltas.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from backend.core.sql import rows, run, value
from commissions.models import Journal, LedgerAccount

Owner = LedgerAccount.Owner
Kind = LedgerAccount.Kind
JournalKind = Journal.Kind

SUBJECT_BITS = 56


def journal_id(kind: int, subject_id: int) -> int:
    """The id of the one journal that this cause may post."""
    assert 0 < kind < 128 and 0 < subject_id < 1 << SUBJECT_BITS
    return (kind << SUBJECT_BITS) | subject_id


@dataclass(frozen=True, slots=True)
class AccountKey:
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
    wanted = sorted(set(keys), key=lambda key: (key.owner_kind, key.owner_id, key.kind))
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


_JOURNALS = """
INSERT INTO commissions_journal (id, kind, subject_id, at)
SELECT id, kind, subject_id, %s FROM
    unnest(%s::bigint[], %s::smallint[], %s::bigint[]) AS wanted(id, kind, subject_id)
ON CONFLICT (id) DO NOTHING RETURNING id
"""
_ENTRIES = """
INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)
SELECT account_id, journal_id, amount_fen, %s FROM
    unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS wanted(account_id, journal_id, amount_fen)
ORDER BY account_id, journal_id
"""


def post(postings: Sequence[Posting], *, at: datetime) -> int:
    """Posts journals; those whose cause has already posted are left alone. Returns how many were
    new. Must run inside the transaction of the change that causes them."""
    assert connection.in_atomic_block, "a journal belongs to the transaction of its cause"
    wanted = {journal_id(p.kind, p.subject_id): _netted(p) for p in postings}
    wanted = {key: legs for key, legs in wanted.items() if legs}
    if not wanted:
        return 0
    ids = accounts(key for legs in wanted.values() for key in legs)
    fresh = _open_journals(wanted, at)
    triples = [
        (ids[key], journal, amount) for journal in fresh for key, amount in wanted[journal].items()
    ]
    if triples:
        run(_ENTRIES, [at, *map(list, zip(*triples, strict=True))])
    return len(fresh)


def _netted(posting: Posting) -> dict[AccountKey, int]:
    """The legs by account, zero legs dropped; they must sum to zero."""
    legs: dict[AccountKey, int] = {}
    for key, amount in posting.legs:
        legs[key] = legs.get(key, 0) + amount
    assert sum(legs.values()) == 0, f"unbalanced journal of {posting.kind}/{posting.subject_id}"
    return {key: amount for key, amount in legs.items() if amount}


def _open_journals(wanted: dict[int, dict[AccountKey, int]], at: datetime) -> list[int]:
    mask = (1 << SUBJECT_BITS) - 1
    keys = sorted(wanted)
    found = rows(
        _JOURNALS, [at, keys, [key >> SUBJECT_BITS for key in keys], [key & mask for key in keys]]
    )
    return [row["id"] for row in found]


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
