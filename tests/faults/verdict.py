"""After a storm: is everything there that somebody was told of, each thing once, to the fen?

Counted here anew from the rows, apart from `manage.py check_books`, which is asked as well."""

from collections.abc import Iterable

from tests.faults.live import Buyers, Earners
from tests.service import Service

# What is still to do, by name; all zero means done. What risk rules hold waits for a person.
WAITING = """
SELECT 'events', count(*) FROM core_event WHERE state <> 'delivered'
UNION ALL SELECT 'lines without commission', count(*) FROM shops_orderline l
    JOIN shops_order o ON o.id = l.order_id
    WHERE o.paid_at IS NOT NULL AND l.paid_fen > 0 AND NOT EXISTS (
        SELECT 1 FROM commissions_commissionorder c WHERE c.order_line_id = l.id)
UNION ALL SELECT 'matured commissions', count(*) FROM commissions_commissionorder
    WHERE status = 'confirmed' AND held_reason = '' AND matures_at <= to_timestamp(%(now)s)
UNION ALL SELECT 'refunds', count(*) FROM shops_refund WHERE status <> 'succeeded'
UNION ALL SELECT 'payments to return', count(*) FROM shops_payment WHERE status = 'returning'
UNION ALL SELECT 'payouts', count(*) FROM commissions_payout
    WHERE status NOT IN ('paid', 'failed', 'cancelled', 'rejected')
UNION ALL SELECT 'deltas', count(*) FROM commissions_balancedelta
"""
# Rows of what must not be, by name.
WRONG = {
    "entries do not sum to zero": """
        SELECT sum(amount_fen) FROM commissions_entry HAVING sum(amount_fen) <> 0""",
    "a journal does not sum to zero": """
        SELECT journal_id FROM commissions_entry GROUP BY 1 HAVING sum(amount_fen) <> 0""",
    "a balance is not its entries": """
        SELECT a.id FROM commissions_ledgeraccount a
        LEFT JOIN (SELECT account_id, sum(amount_fen) AS fen FROM commissions_entry GROUP BY 1) e
          ON e.account_id = a.id
        LEFT JOIN (SELECT account_id, sum(amount_fen) AS fen FROM commissions_balancedelta
                   GROUP BY 1) d ON d.account_id = a.id
        LEFT JOIN commissions_balance b ON b.account_id = a.id
        WHERE coalesce(b.balance_fen, 0) + coalesce(d.fen, 0) <> coalesce(e.fen, 0)""",
    "a paid line has not exactly one commission": """
        SELECT l.id FROM shops_orderline l JOIN shops_order o ON o.id = l.order_id
        LEFT JOIN commissions_commissionorder c ON c.order_line_id = l.id
        WHERE o.paid_at IS NOT NULL AND l.paid_fen > 0 GROUP BY 1 HAVING count(c.id) <> 1""",
    "a commission has not exactly one accrual": """
        SELECT c.id FROM commissions_commissionorder c LEFT JOIN commissions_journal j
          ON j.kind = 1 AND j.subject_id = c.id GROUP BY 1 HAVING count(j.id) <> 1""",
    "an accrual of nothing": """
        SELECT j.id FROM commissions_journal j LEFT JOIN commissions_commissionorder c
          ON c.id = j.subject_id WHERE j.kind = 1 AND c.id IS NULL""",
    "an order has two accepted payments, or none": """
        SELECT k.id FROM shops_checkout k LEFT JOIN shops_payment p
          ON p.checkout_id = k.id AND p.status = 'accepted'
        WHERE k.status = 'paid' GROUP BY 1 HAVING count(p.id) <> 1""",
    # What people were promised by settled commissions is what settlements gave them: one missing
    # or double settlement shifts the sum of its payee.
    "a payee was settled more or less than once": """
        SELECT coalesce(w.payee_id, g.payee_id) FROM (
            SELECT s.payee_id, sum(s.amount_fen - s.reversed_fen) AS fen
            FROM commissions_commissionorder c
            JOIN commissions_commissionsplit s ON s.commission_id = c.id
            WHERE c.status = 'settled' AND s.payee_id IS NOT NULL AND s.role <> 'shop'
            GROUP BY 1) w
        FULL JOIN (
            SELECT a.owner_id AS payee_id, sum(e.amount_fen) AS fen FROM commissions_entry e
            JOIN commissions_ledgeraccount a ON a.id = e.account_id
            WHERE a.owner_kind = 'person' AND a.kind = 'available'
              AND e.journal_id >> 56 IN (2, 3) GROUP BY 1) g ON g.payee_id = w.payee_id
        WHERE coalesce(w.fen, 0) <> coalesce(g.fen, 0)""",
    "a settled commission names no run": """
        SELECT id FROM commissions_commissionorder
        WHERE (status = 'settled') <> (settlement_run_id IS NOT NULL)""",
    "a payout was sent twice": """
        SELECT payout_id FROM commissions_payoutattempt WHERE kind = 'send'
        GROUP BY 1 HAVING count(*) > 1""",
    "the channel was asked twice to pay a number": """
        SELECT number FROM commissions_sandboxtransfer WHERE calls <> 1""",
    "the channel paid what we do not call paid, or the reverse": """
        SELECT p.number FROM commissions_payout p
        FULL JOIN commissions_sandboxtransfer t ON t.number = p.number
        WHERE (p.status = 'paid') IS DISTINCT FROM (t.state = 'paid')
          AND (p.status = 'paid' OR t.state = 'paid')
           OR (p.status = 'paid' AND p.amount_fen - p.fee_fen <> t.amount_fen)""",
}


def waiting(service: Service, now: float) -> dict[str, int]:
    """What is not done yet at the demo's time `now`."""
    import psycopg

    with psycopg.connect(service.database_url, autocommit=True) as connection:
        found = connection.execute(WAITING, {"now": now}).fetchall()
    return {name: count for name, count in found if count}


def to_send(service: Service) -> int:
    """Payouts that wait for us and not for a channel."""
    asked = "SELECT count(*) FROM commissions_payout WHERE status IN"
    ((count,),) = service.sql(f"{asked} ('requested', 'prepared', 'approved')")
    return int(count)


def wrong(service: Service) -> dict[str, int]:
    """How many rows break each rule; empty if all is well."""
    found = {name: len(service.sql(statement)) for name, statement in WRONG.items()}
    return {name: count for name, count in found.items() if count}


def untold(service: Service, buyers: Buyers, earners: Earners, waves: Iterable[int]) -> list[str]:
    """Differences between what people were told and what is there: lost, or there unasked."""
    found = []
    paid = [
        number
        for (number,) in service.sql(
            "SELECT k.number FROM shops_order o JOIN shops_checkout k ON k.id = o.checkout_id"
            " WHERE o.paid_at IS NOT NULL AND k.number NOT LIKE 'wave%'"
        )
    ]
    if sorted(paid) != sorted(buyers.told):
        found.append(f"{len(buyers.told)} payments were acknowledged, {len(paid)} orders are paid")
    ((bulk,),) = service.sql("SELECT count(*) FROM shops_order WHERE number LIKE 'wave%'")
    if bulk != sum(waves):
        found.append(f"{sum(waves)} orders were added in bulk, {bulk} are there")
    asked = dict(service.sql("SELECT number, amount_fen FROM commissions_payout"))
    if asked != earners.told:
        found.append(f"{len(earners.told)} payouts were acknowledged, {len(asked)} are there")
    refunds = {number for (number,) in service.sql("SELECT number FROM shops_refund")}
    if refunds != buyers.refunded:
        found.append(f"{len(buyers.refunded)} refunds were acknowledged, {len(refunds)} are there")
    return found
