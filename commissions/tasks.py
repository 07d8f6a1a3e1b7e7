"""Background jobs of the commissions room; each calls one verb."""

from celery import shared_task

from backend.core import heartbeats
from backend.core.clock import now
from commissions import (
    books,
    bounties,
    compliance,
    conversions,
    ledger,
    payouts,
    restating,
    risks,
    settlement,
    statements,
    team,
    touches,
    whatif,
)


@shared_task(name="commissions.store_touches")
def store_touches() -> None:
    """Moves the touch stream into rows."""
    stored = touches.store_touches()
    heartbeats.beat(job="touches", at=now(), note=f"{stored} stored")


@shared_task(name="commissions.settle_due")
def settle_due() -> None:
    """Settles what has matured."""
    last = settlement.settle_due(at=now())
    heartbeats.beat(job="settle", at=now(), note=f"last run {last.pk}" if last else "nothing due")


@shared_task(name="commissions.close_periods")
def close_periods() -> None:
    """Closes the periods that are over, and writes their statements."""
    closed = restating.close_due(at=now())
    stated = statements.state_due(at=now())
    heartbeats.beat(job="periods", at=now(), note=f"{closed} closed, {stated} stated")


@shared_task(name="commissions.fold_balances")
def fold_balances() -> None:
    """Folds balance deltas into balances."""
    touched = ledger.fold()
    heartbeats.beat(job="fold", at=now(), note=f"{touched} accounts")


@shared_task(name="commissions.send_payouts")
def send_payouts() -> None:
    """Sends approved payouts."""
    sent = payouts.send_payouts(at=now())
    heartbeats.beat(job="send", at=now(), note=f"{sent} sent")


@shared_task(name="commissions.reconcile_payouts")
def reconcile_payouts() -> None:
    """Asks the channels what became of payouts whose result is not known."""
    ended = payouts.reconcile_payouts(at=now())
    heartbeats.beat(job="reconcile", at=now(), note=f"{ended} ended")


@shared_task(name="commissions.run_what_ifs")
def run_what_ifs() -> None:
    """Runs the what-ifs that wait."""
    done = whatif.run_queued(at=now())
    heartbeats.beat(job="what-ifs", at=now(), note=f"{done} run")


@shared_task(name="commissions.check_books")
def check_books() -> None:
    """Evaluates every invariant of the books."""
    findings = books.check(at=now())
    heartbeats.beat(
        job="books", at=now(), note=f"{len(findings)} rules broken" if findings else "clean"
    )


@shared_task(name="commissions.take_conversions")
def take_conversions() -> None:
    """Takes what waits of imported files."""
    taken = conversions.run_imports(at=now())
    heartbeats.beat(job="conversions", at=now(), note=f"{taken} rows")


@shared_task(name="commissions.scan_risks")
def scan_risks() -> None:
    """Looks at the newest commission orders for what looks wrong."""
    opened = risks.scan(at=now())
    heartbeats.beat(job="risks", at=now(), note=f"{opened} cases")


@shared_task(name="commissions.scan_all_risks")
def scan_all_risks() -> None:
    """Looks at every commission order that has not settled."""
    opened = risks.scan_all(at=now())
    heartbeats.beat(job="risks-all", at=now(), note=f"{opened} cases")


@shared_task(name="commissions.run_bounties")
def run_bounties() -> None:
    """Promises what is reached and pays what is due."""
    promised = bounties.evaluate(at=now())
    paid = bounties.pay_due(at=now())
    heartbeats.beat(job="bounties", at=now(), note=f"{promised} promised, {paid} paid")


@shared_task(name="commissions.count_promoters")
def count_promoters() -> None:
    """Counts what promoters and agencies sold in the last 30 days."""
    sold = team.count_promoters(at=now())
    heartbeats.beat(job="count", at=now(), note=f"{sold} promoters sold")


@shared_task(name="commissions.report_compliance")
def report_compliance() -> None:
    """Writes the night's findings about the trees of promoters."""
    found = compliance.report(at=now())
    heartbeats.beat(job="compliance", at=now(), note=f"{found} trees to look at")
