"""A: the books' audit over 5 million entries, beside a plain scan of them: it reads every
entry, split, commission order, order and payout. Its ledger rules alone are the narrower claim."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from backend.core.sql import run, value
from commissions import books, chain, ledger, plans, settlement
from commissions.books import ledger_rules
from commissions.books.rule import Rule
from tests.bench.accrued import prepare
from tests.bench.ground import people_and_goods, say, settle_down
from tests.bench.report import Row

AT = DUE = datetime(2026, 11, 1, tzinfo=UTC)

# What the accrual posts for these commission orders, by one statement a round.
ACCOUNTS = """
INSERT INTO commissions_ledgeraccount (owner_kind, owner_id, kind)
SELECT 'person', account_id, 'pending' FROM commissions_promoter
UNION ALL SELECT 'shop', id, 'payable' FROM shops_shop
UNION ALL SELECT owner, 0, 'pending' FROM (VALUES ('platform'), ('charity')) v(owner)
ORDER BY 1, 2, 3
"""
JOURNALS = """
INSERT INTO commissions_journal (id, kind, subject_id, at)
SELECT (1::bigint << 56) | id, 1, id, accrued_at FROM commissions_commissionorder
ORDER BY id
"""
ENTRIES = """
INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)
SELECT a.id, (1::bigint << 56) | p.commission_id, p.fen, %(at)s FROM (
    SELECT c.id AS commission_id, CASE WHEN s.payee_id IS NULL THEN s.role ELSE 'person' END AS own,
           coalesce(s.payee_id, 0) AS own_id, 'pending' AS kind, s.amount_fen AS fen
    FROM commissions_commissionorder c JOIN commissions_commissionsplit s ON s.commission_id = c.id
    WHERE s.role <> 'shop' AND s.amount_fen > 0
    UNION ALL
    SELECT c.id, 'shop', c.shop_id, 'payable', -c.budget_fen - c.fee_fen
    FROM commissions_commissionorder c) p
JOIN commissions_ledgeraccount a ON (a.owner_kind, a.owner_id, a.kind) = (p.own, p.own_id, p.kind)
ORDER BY a.id, p.commission_id
"""
EDGES = """
INSERT INTO commissions_sponsoredge (promoter_id, sponsor_id, from_at, recorded_at, reason)
SELECT id, sponsor_id, joined_at, joined_at, 'joined' FROM commissions_promoter ORDER BY id
"""
BALANCES = """
INSERT INTO commissions_balance (account_id, balance_fen)
SELECT a.id, coalesce(sum(e.amount_fen), 0) FROM commissions_ledgeraccount a
LEFT JOIN commissions_entry e ON e.account_id = a.id GROUP BY a.id ORDER BY a.id
"""
WAITING = """
INSERT INTO commissions_sealwaiting (journal_ids)
SELECT array_agg(id) FROM (
    SELECT id, row_number() OVER (ORDER BY id) / 5000 AS piece FROM commissions_journal) j
GROUP BY piece ORDER BY piece
"""
HISTORY = """
INSERT INTO shops_orderevent (order_id, kind, data, at)
SELECT id, status, '{}', paid_at FROM shops_order ORDER BY id
"""


def main(lines: int, rounds: int = 3) -> list[Row]:
    """`lines` × 10 commission orders of five entries each; a tenth of them settled."""
    began = time.perf_counter()
    accrued(lines * 10)
    say(f"  {lines * 10:,} commission orders in {time.perf_counter() - began:.0f} s")
    settlement.settle_due(at=DUE, limit=max(1, lines // settlement.CHUNK))
    chain.seal()
    ledger.fold()
    settle_down()
    entries = value("SELECT count(*) FROM commissions_entry")
    scans, ledgers, whole = [], [], []
    for _ in range(rounds):
        scans.append(scan())
        ledgers.append(audit(ledger_rules.RULES))
        whole.append(audit(books.RULES))
        say(f"  scan {scans[-1]:.2f} s, ledger {ledgers[-1]:.2f} s, all {whole[-1]:.2f} s")
    base = median(scans)
    return [
        row("the ledger's own rules", median(ledgers) / base, entries),
        row(f"check_books, all {len(books.RULES)} rules", median(whole) / base, entries),
    ]


def accrued(lines: int) -> None:
    """Accrued commission orders, due at DUE, with their journals, entries and balances. Written
    with foreign keys and triggers asleep: what they would have said is what is audited."""
    run("SET session_replication_role = replica")
    people_and_goods()
    run(ACCOUNTS)
    run(EDGES)
    prepare(lines, 0, plans.ensure_default(at=AT).pk)
    run(HISTORY)
    run("ANALYZE")
    run(JOURNALS)
    run(ENTRIES, {"at": AT})
    run(BALANCES)
    run("SET session_replication_role = origin")
    run(WAITING)
    chain.seal()


def scan() -> float:
    """The yardstick: seconds to read every entry once."""
    began = time.perf_counter()
    assert value("SELECT sum(amount_fen) FROM commissions_entry") == 0
    return time.perf_counter() - began


def audit(rules: Sequence[Rule]) -> float:
    """Seconds to evaluate these rules; a finding fails the run."""
    began = time.perf_counter()
    found = books.check(at=DUE, rules=rules, progress=say)
    assert not found, found
    return time.perf_counter() - began


def row(work: str, ratio: float, entries: int) -> Row:
    """A claim about the audit."""
    return Row(
        "A",
        f"{work}, {entries:,} entries",
        "a plain scan of the entries",
        f"{ratio:.1f} ×",
        "≤ 3 ×",
        ratio <= 3,
    )
