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

from backend.core.sql import columns, numbers, rows, run, texts, value
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
    found = _ids(wanted)
    if len(found) < len(wanted):
        run(_OPEN, _names(wanted))
        found = _ids(wanted)
    return found


def _ids(keys: Sequence[AccountKey]) -> dict[AccountKey, int]:
    return {
        AccountKey(row["owner_kind"], row["owner_id"], row["kind"]): row["id"]
        for row in rows(_FIND, _names(keys))
    }


def _names(keys: Sequence[AccountKey]) -> list[str]:
    kinds, owners, accounts = columns(keys, 3)
    return [texts(kinds), numbers(owners), texts(accounts)]


class Legs:
    """Legs of many journals, as the columns that POSTED takes: an account is named once however
    many legs it has."""

    __slots__ = ("_legs", "_places")

    def __init__(self) -> None:
        self._places: dict[AccountKey, int] = {}
        self._legs: list[tuple[int, int, int]] = []

    def add(self, journal: int, key: AccountKey, fen: int) -> None:
        """One leg; one of nothing is none."""
        if fen:
            place = self._places.setdefault(key, len(self._places) + 1)
            self._legs.append((journal, place, fen))

    def columns(self) -> dict[str, str]:
        """The parameters of POSTED: a journal whose legs cancel out is none."""
        kinds, owners, accounts = columns(self._places, 3)
        journals, places, fen = columns(self._legs, 3)
        return {
            "owner_kinds": texts(kinds),
            "owner_ids": numbers(owners),
            "account_kinds": texts(accounts),
            "journals": numbers(dict.fromkeys(journals)),
            "leg_journal": numbers(journals),
            "leg_place": numbers(places),
            "leg_fen": numbers(fen),
        }


def posted(after: str = "true") -> str:
    """Posts, as the end of a WITH, in the same statement as what causes it; `fresh` are the
    journals that were new, legs of others are left alone.

    Accounts that do not exist yet are opened, in the order of their keys, once the condition
    `after` is known, so that whatever it asks for is locked first; where another worker has just
    opened one, DO UPDATE waits for it and answers with its id."""
    return f"""
named AS MATERIALIZED (
    SELECT w.*, a.id FROM unnest(
        %(owner_kinds)s::text[], %(owner_ids)s::bigint[], %(account_kinds)s::text[])
        WITH ORDINALITY AS w(owner_kind, owner_id, kind, place)
    LEFT JOIN commissions_ledgeraccount a
      ON (a.owner_kind, a.owner_id, a.kind) = (w.owner_kind, w.owner_id, w.kind)
),
opened AS (
    INSERT INTO commissions_ledgeraccount (owner_kind, owner_id, kind)
    SELECT owner_kind, owner_id, kind FROM named WHERE {after} AND id IS NULL
    ORDER BY owner_kind, owner_id, kind
    ON CONFLICT (owner_kind, owner_id, kind) DO UPDATE SET kind = EXCLUDED.kind
    RETURNING id, owner_kind, owner_id, kind
),
account AS (
    SELECT place, id FROM named WHERE id IS NOT NULL
    UNION ALL
    SELECT n.place, o.id FROM opened o JOIN named n
      ON (n.owner_kind, n.owner_id, n.kind) = (o.owner_kind, o.owner_id, o.kind)
),
fresh AS (
    INSERT INTO commissions_journal (id, kind, subject_id, at)
    SELECT id, id >> {SUBJECT_BITS}, id & {(1 << SUBJECT_BITS) - 1}, %(at)s::timestamptz
    FROM unnest(%(journals)s::bigint[]) AS w(id) ORDER BY id
    ON CONFLICT (id) DO NOTHING RETURNING id
),
entries AS (
    INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)
    SELECT account.id, fresh.id, leg.fen, %(at)s::timestamptz
    FROM unnest(%(leg_journal)s::bigint[], %(leg_place)s::bigint[], %(leg_fen)s::bigint[])
         AS leg(journal_id, place, fen)
    JOIN fresh ON fresh.id = leg.journal_id JOIN account ON account.place = leg.place
    ORDER BY account.id, fresh.id
)
"""


_POST = f"WITH {posted()} SELECT count(*) FROM fresh"


def post(postings: Sequence[Posting], *, at: datetime) -> int:
    """Posts journals, in one statement; those whose cause has already posted are left alone.
    Returns how many were new. Must run inside the transaction of the change that causes them. A
    cause whose legs cancel out posts nothing."""
    assert connection.in_atomic_block, "a journal belongs to the transaction of its cause"
    legs = Legs()
    for posting in postings:
        journal = journal_id(posting.kind, posting.subject_id)
        for key, fen in _netted(posting).items():
            legs.add(journal, key, fen)
    return int(value(_POST, {"at": at, **legs.columns()})) if postings else 0


def _netted(posting: Posting) -> dict[AccountKey, int]:
    """The legs by account; they must sum to zero."""
    legs: dict[AccountKey, int] = {}
    for key, amount in posting.legs:
        legs[key] = legs.get(key, 0) + amount
    assert sum(legs.values()) == 0, f"unbalanced journal of {posting.kind}/{posting.subject_id}"
    return legs


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
    account_id = _ids([key]).get(key)
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
    # One row: there is nothing to put in order.
    run("SELECT 1 FROM commissions_balance WHERE account_id = %s FOR NO KEY UPDATE", [account_id])
    return int(value(_BALANCE, {"id": account_id}))


_FOLD = """
WITH taken AS (
    DELETE FROM commissions_balancedelta WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM commissions_balancedelta ORDER BY account_id LIMIT %s
        FOR UPDATE SKIP LOCKED))
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
