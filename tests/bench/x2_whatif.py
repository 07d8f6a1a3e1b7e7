"""X2: a draft of a campaign tried on a million past lines, in a process of its own, beside a plain
cursor that reads the same rows of the same tables in one statement and does nothing with them; and
the memory of the process that tries it."""

import resource
import time
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from backend.core.sql import run, value
from commissions import plans, whatif
from commissions.models import WhatIf
from commissions.whatif.trial import PERIOD
from tests.bench.ground import lines_alone, people_and_goods, say, settle_down, side_by_side
from tests.bench.p1_settlement import CONFIRMED
from tests.bench.report import Row

AT = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LARGE, PART = 1_000_000, 250_000
MOST_MIB, MOST_TIMES = 300, 3.0
# The attribution of a line has the line's number, as `CONFIRMED` names it.
ATTRIBUTED = """
INSERT INTO commissions_attribution (id, order_line_id, rule, source_kind, source_id, touch_id,
    promoter_id, inviter_id, losers, findings, at)
SELECT l.id, l.id, 'named', 'referral', k.id, NULL, k.promoter_id, p.sponsor_id, '[]', '[]',
    %(at)s::timestamptz
FROM shops_orderline l JOIN commissions_promotionlink k ON k.code = l.referral_code
JOIN commissions_promoter p ON p.id = k.promoter_id
WHERE l.id > %(after)s ORDER BY l.id
"""
PLAIN = f"""
SELECT c.id, l.order_id, o.placed_at, l.qty, c.base_fen, c.fee_bps, c.rate_bps, c.budget_fen,
    c.step, c.terms::text, l.commission_bps, c.plan_version_id, l.product_id, c.shop_id,
    c.accrued_at, a.promoter_id, a.inviter_id, a.inviter2_id, a.creator_id
{PERIOD}
"""


def fill(lines: int) -> None:
    """So many confirmed commission orders with their attributions."""
    people_and_goods()
    plan = plans.ensure_default(at=AT - 9 * DAY).pk
    for number, first in enumerate(range(0, lines, PART)):
        after = lines_alone(min(PART, lines - first), f"x{number}", AT)
        run("SET session_replication_role = replica")
        run(ATTRIBUTED, {"after": after, "at": AT})
        # Nobody asks a what-if for the parts: they are computed anew.
        run(CONFIRMED[0], {"after": after, "plan": plan, "due": AT + 7 * DAY, "at": AT})
        run("RESET session_replication_role")
    settle_down()


def asked() -> WhatIf:
    """A campaign of 15 % with a cap a month, over all of it."""
    draft = plans.create(
        owner=None,
        shop_id=None,
        name="bench",
        kind="campaign",
        fields={
            "promoter_bps": 8_000,
            "inviter_bps": 2_000,
            "rate_bps": 1_500,
            "cap_month_fen": 2_000_000,
            "starts_at": AT,
            "ends_at": AT + 30 * DAY,
        },
        at=AT,
    )
    return whatif.ask(
        owner=None, by=None, shop_id=None, version_id=draft.pk, from_at=AT - DAY,
        to_at=AT + DAY, at=AT + 2 * DAY,
    )  # fmt: skip


def tried() -> tuple[float, int]:
    """Seconds of the what-if, and this process' peak in MiB."""
    began = time.perf_counter()
    assert whatif.run_queued(at=AT + 2 * DAY) == 1
    took = time.perf_counter() - began
    return took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def plain() -> tuple[float, int]:
    """Seconds of a server-side cursor over the same rows, and how many there were."""
    period = {"from": AT - DAY, "to": AT + DAY, "shop": None}
    began, seen = time.perf_counter(), 0
    with transaction.atomic(), connection.connection.cursor(name="bench") as cursor:
        cursor.itersize = 10_000
        cursor.execute(PLAIN, period)
        for _ in cursor:
            seen += 1
    return time.perf_counter() - began, seen


def main(lines: int, rounds: int) -> list[Row]:
    """One what-if of a million lines, or of ten times `lines` where that is less."""
    count = min(LARGE, lines * 10)
    fill(count)
    yardsticks = []
    for _ in range(rounds):
        _, _, [(seconds, seen)] = side_by_side([plain])
        assert seen == count, seen
        yardsticks.append(seconds)
    took, mib, job = 0.0, 0, asked()
    _, _, [(took, mib)] = side_by_side([tried])
    job.refresh_from_db()
    found = job.result or {}
    assert (job.status, found["lines"], found["differs_from_history"]) == ("done", count, 0), found
    history = value("SELECT sum(budget_fen) FROM commissions_commissionorder")
    assert found["before_fen"] == history != found["after_fen"], found
    times = took / min(yardsticks)
    say(f"{count} lines: {took:.1f} s, plain cursor {min(yardsticks):.1f} s, {mib} MiB")
    return [
        Row(
            id="X2",
            work=f"what-if over {count:,} past lines ({count / took:,.0f} lines/s)",
            against="a plain cursor over the same rows",
            figure=f"{times:.1f} ×",
            reach=f"≤ {MOST_TIMES:g} ×",
            met=times <= MOST_TIMES,
            more=f"{found['changed_lines']:,} lines change, "
            f"{sum(found['cut_lines'].values()):,} cut by a cap",
        ),
        Row(
            id="X2",
            work="memory of the process that tries it",
            against="—",
            figure=f"{mib} MiB",
            reach=f"< {MOST_MIB} MiB",
            met=mib < MOST_MIB,
        ),
    ]
