"""Sealing 封存: journals take their place in the chain, behind the front."""

from collections.abc import Callable

from django.db import transaction

from backend.core.sql import rows, run, value
from commissions.chain.told import BYTES, ENTRIES, GENESIS

BATCH, MOST = 5_000, 400
# Any number that no other advisory lock of the house has.
_ONE_SEALER = 7_305_206_001

_SEAL = f"""
WITH head AS (
    SELECT coalesce(max(s.n), 0) AS n, coalesce((SELECT link FROM commissions_sealedjournal
        ORDER BY n DESC LIMIT 1), {GENESIS}) AS link
    FROM (SELECT n FROM commissions_sealedjournal ORDER BY n DESC LIMIT 1) s
), line AS (
    SELECT id, sum(cardinality(journal_ids)) OVER (ORDER BY id) - cardinality(journal_ids) AS before
    FROM (SELECT id, journal_ids FROM commissions_sealwaiting ORDER BY id LIMIT %(batch)s::int) q
), taken AS (
    DELETE FROM commissions_sealwaiting w USING line
    WHERE w.id = line.id AND line.before < %(batch)s::int RETURNING w.id, w.journal_ids
), wanted AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY t.id, u.journal_id) AS k, u.journal_id
    FROM taken t CROSS JOIN unnest(t.journal_ids) u(journal_id)
), told AS (
    SELECT w.k, w.journal_id, {BYTES} AS bytes
    FROM wanted w JOIN commissions_journal j ON j.id = w.journal_id LEFT JOIN {ENTRIES}
    UNION ALL SELECT 0, 0, link FROM head
), linked AS (
    SELECT k, journal_id, tuike_chain(bytes) OVER (ORDER BY k) AS link FROM told
)
INSERT INTO commissions_sealedjournal (n, journal_id, link)
SELECT head.n + k, journal_id, linked.link FROM linked, head WHERE k > 0 ORDER BY k
"""


def seal(*, batch: int = BATCH, most: int = MOST) -> int:
    """Gives every journal that waits its place in the chain, `batch` of them a transaction, at most
    `most` times; returns how many. One seals at a time: a second one finds nothing to do.

    A journal waits from the moment its transaction ends until it is sealed, whatever its id and
    however long the transaction took: none is ever passed over (decision 20).
    """
    sealed = 0
    for _ in range(most):
        with transaction.atomic():
            fresh = _seal_some(batch)
        sealed += fresh
        if fresh < batch:
            break
    return sealed


def _seal_some(batch: int) -> int:
    if not value("SELECT pg_try_advisory_xact_lock(%s::bigint)", [_ONE_SEALER]):
        return 0
    by_keys()
    return run(_SEAL, {"batch": batch})


def by_keys() -> None:
    """Joins by the keys, however the tables' statistics stand: a batch is small, the ledger is
    not; nor is a statement of a tenth of a second worth compiling."""
    run("SET LOCAL enable_hashjoin = off")
    run("SET LOCAL enable_mergejoin = off")
    run("SET LOCAL jit = off")


_BROKEN = f"""
SELECT s.n, s.journal_id AS journal, j.id IS NULL AS gone FROM (
    SELECT n, journal_id, link,
           CASE WHEN n = 1 THEN {GENESIS} ELSE lag(link) OVER (ORDER BY n) END AS before,
           coalesce(lag(n) OVER (ORDER BY n), 0) AS neighbour
    FROM commissions_sealedjournal WHERE n BETWEEN %(first)s::bigint - 1 AND %(last)s::bigint
) s LEFT JOIN commissions_journal j ON j.id = s.journal_id LEFT JOIN {ENTRIES}
WHERE s.n >= %(first)s::bigint
  AND (s.neighbour <> s.n - 1 OR s.link IS DISTINCT FROM sha256(s.before || {BYTES}))
ORDER BY s.n LIMIT 1
"""


def head() -> tuple[int, str]:
    """How long the chain is, and its last link in hexadecimal; 64 zeros where it is empty."""
    found = rows(
        "SELECT n, encode(link, 'hex') AS link FROM commissions_sealedjournal"
        " ORDER BY n DESC LIMIT 1"
    )
    return (found[0]["n"], found[0]["link"]) if found else (0, "00" * 32)


def first_broken(
    *, block: int = 20_000, progress: Callable[[str], None] = lambda line: None
) -> dict[str, int] | None:
    """Recomputes the whole chain from the journals and entries as they are now, block by block;
    the first place whose link is not what they say, or None."""
    last, _ = head()
    for first in range(1, last + 1, block):
        until = min(first + block - 1, last)
        with transaction.atomic():
            run("SET LOCAL statement_timeout = '15min'")
            by_keys()
            found = rows(_BROKEN, {"first": first, "last": until})
        if found:
            return found[0]
        progress(f"journals {first:,} to {until:,} of {last:,}: ok")
    return None
