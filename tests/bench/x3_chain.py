"""X3: what the hash chain costs. Journals of five entries posted by `ledger.post`, and paid orders
accrued by two relays, each with the chain (the trigger that notes what waits, and one sealing job
beside them that ends when everything is sealed) and without it (the trigger off, nobody sealing);
and the whole chain checked beside sealing it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

from django.db import transaction

from backend.core.sql import run, value
from backend.relay import drain
from commissions import chain, ledger, plans
from commissions.ledger import AccountKey, JournalKind, Posting
from tests.bench.ground import (
    PROMOTERS,
    SHOPS,
    paid_orders,
    people_and_goods,
    say,
    settle_down,
    side_by_side,
)
from tests.bench.p3_accrual import EVENTS
from tests.bench.report import Row

AT = datetime(2026, 11, 1, tzinfo=UTC)
LATER = AT + timedelta(days=1)
PACE = 1.0  # seconds between two sealings; the job's is 5
BATCH = 50  # journals a transaction, as the relay's
PROBE = "commissions_journal_seal"


@dataclass(frozen=True)
class Taken:
    """Wall and CPU seconds of one arm."""

    wall: float
    cpu: float


def post(first: int, journals: int) -> int:
    """Journals of five entries, a batch a transaction."""
    done = 0
    for start in range(first, first + journals, BATCH):
        postings = [_posting(n) for n in range(start, start + BATCH)]
        with transaction.atomic():
            done += ledger.post(postings, at=AT)
    return done


def _posting(n: int) -> Posting:
    fen = 1_000 + n % 977
    payable = AccountKey("shop", n % SHOPS, "payable")
    legs = [
        (AccountKey("person", n % PROMOTERS, "pending"), 8 * fen),
        (AccountKey("person", n * 7 % PROMOTERS + PROMOTERS, "pending"), 2 * fen),
        (AccountKey("platform", 0, "pending"), fen),
        (AccountKey("charity", 0, "pending"), 1),
        (payable, -11 * fen - 1),
    ]
    return Posting(JournalKind.BOUNTY, n, legs)


def seal_all(journals: int) -> int:
    """Seals as the job does, five times as often, until the chain is so long."""
    sealed = 0
    while chain.head()[0] < journals:
        time.sleep(PACE)
        sealed += chain.seal()
    return sealed


def with_chain(on: bool) -> None:
    """Whether what is posted waits for its seal."""
    run(f"ALTER TABLE commissions_journal {'ENABLE' if on else 'DISABLE'} TRIGGER {PROBE}")


def arm(jobs: list[partial[int]], *, sealed: bool) -> Taken:
    """The jobs side by side, and a sealing job with them where there is a chain."""
    with_chain(sealed)
    settle_down()
    journals = chain.head()[0] + 0
    crew = [*jobs, partial(_until_done, journals, sum(job.keywords["expect"] for job in jobs))]
    wall, cpu, _ = side_by_side(crew if sealed else jobs)  # type: ignore[arg-type]
    return Taken(wall, cpu)


def _until_done(before: int, journals: int) -> int:
    return seal_all(before + journals)


def posting(first: int, journals: int, *, expect: int) -> int:
    """Posts; asserts that all were new."""
    done = post(first, journals)
    assert done == expect, done
    return done


def relay(*, expect: int) -> int:
    """A relay until nothing is due."""
    return drain(at=LATER, limit=expect * 4)


def posted(number: int, journals: int, *, sealed: bool) -> Taken:
    """An arm of plain postings."""
    first = 1 + journals * (2 * number + sealed)
    return arm([partial(posting, first, journals, expect=journals)], sealed=sealed)


def accrued(number: int, orders: int, *, sealed: bool) -> Taken:
    """An arm of accruals."""
    tag = f"x3r{number}{'s' if sealed else 'b'}x"
    paid_orders(orders, tag, AT)
    run(EVENTS, {"at": AT, "tag": f"{tag}%"})
    half = orders // 2
    jobs = [partial(relay, expect=half), partial(relay, expect=orders - half)]
    return arm(jobs, sealed=sealed)


def main(lines: int, rounds: int = 3) -> list[Row]:
    """Alternate rounds of both arms; then the whole chain is checked."""
    people_and_goods()
    plans.ensure_default(at=AT)
    post(10**9, BATCH)
    run("ANALYZE")
    made: list[Row] = []
    for work, taker in (("post", posted), ("accrue", accrued)):
        ratios = []
        for number in range(rounds):
            arms = {}
            for sealed in (False, True) if number % 2 else (True, False):
                arms[sealed] = taker(number, lines // 2, sealed=sealed)
            bare, with_it = arms[False], arms[True]
            ratios.append((with_it.wall / bare.wall, with_it.cpu / bare.cpu))
            say(
                f"  {work}, round {number + 1}: bare {bare.wall:.2f} s wall {bare.cpu:.2f} s CPU,"
                f" sealed {with_it.wall:.2f} s wall {with_it.cpu:.2f} s CPU"
            )
        made += _rows(work, lines // 2, ratios)
    return [*made, _check()]


def _rows(work: str, journals: int, ratios: list[tuple[float, float]]) -> list[Row]:
    what = {
        "post": f"post {journals:,} journals of five entries, 50 a transaction",
        "accrue": f"accrue {journals:,} paid orders through two relays",
    }[work]
    rows = []
    for place, name in enumerate(("wall", "CPU")):
        ratio = median(one[place] for one in ratios)
        more = "until all is sealed, the sealing job included"
        say(f"  {what}, {name}: {ratio:.2f}")
        rows.append(
            Row("X3", f"{what}, {name}", "without the chain", f"{ratio:.2f} ×", "≤ 1.3 ×",
                ratio <= 1.3, more)
        )  # fmt: skip
    return rows


def _check() -> Row:
    length, _ = chain.head()
    began = time.perf_counter()
    assert chain.first_broken() is None
    took = time.perf_counter() - began
    assert value("SELECT count(*) FROM commissions_sealedjournal") == length
    figure = f"{length / took:,.0f} journals/s"
    work = f"the whole chain of {length:,} journals checked in the database"
    return Row("X3", work, "—", figure, "told", met=True)
