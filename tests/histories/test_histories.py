"""R1: whatever happens in a market, in whatever order, everybody holds what they must hold, to
the fen: balances, commission states, totals, stock, payouts, the bank's own books."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.histories.living import live
from tests.histories.machine import Market

ROOT = Path(__file__).parents[2]
SAMPLE, SOAK = 25, 10_000


@pytest.mark.django_db
def test_any_history_leaves_everybody_with_what_the_rules_say(ground: None) -> None:
    """A sample of the soak: always the same histories, so it never flakes. A failure is shortened
    and printed as a program; `python -m tests.histories --seed N` lives through others."""
    settled, paid = Market.reached["clawed back"], Market.reached["payout paid"]
    live(examples=SAMPLE, seed=0)
    assert Market.reached["clawed back"] > settled
    assert Market.reached["payout paid"] > paid


# What a soak must have reached: in how many of its histories, at least.
STATES = {
    1_000: ["settled", "clawed back", "reversed", "payout paid", "units put back", "last touch"],
    200: [
        *["balance below zero", "payout failed", "payment late", "payment second"],
        *["payment repeated", "payment amount_mismatch", "refunded before it was accrued"],
        *["held", "a self purchase", "a frozen promoter lost", "an inviter without a share"],
        *["decided anew", "decided anew after settlement", "won by a coupon"],
        *["paid to a creator", "in a bank file", "order closed", "shipped in part"],
        *["several orders in a checkout", "the same notice again", "refund awaiting_return"],
        *["sent ok", "sent fail", "sent timeout_paid", "sent timeout_lost", "sent duplicate"],
        *["sent slow", "sent wrong_amount", "sent died_before", "sent died_after"],
        *["refused refund_open", "refused window_closed", "refused insufficient_balance"],
        *["refused insufficient_stock", "refused own_product", "refused qty_exceeds"],
        *["refused amount_exceeds", "refused nothing_left"],
    ],
    10: [
        *["refund rejected", "refund withdrawn", "refused below zero", "payout rejected"],
        *["refused units_missing", "checkout cancelled"],
    ],
    # Two mistakes at once, or a wait to the last day: seen, but seldom.
    1: ["refused attempts_exceeded", "payout cancelled"],
}
EACH_STEP = 20


@pytest.fixture(scope="module")
def halves() -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes, each with a database of its own, each from a seed of its own."""
    told = [sys.executable, "-m", "tests.histories", "--json", "--examples", str(SOAK // 2)]
    running = [
        subprocess.Popen(
            [*told, "--seed", str(seed)],
            cwd=ROOT,
            env=os.environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for seed in (1, 2)
    ]
    yield running
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.soak
def test_ten_thousand_histories_find_no_difference(
    halves: list[subprocess.Popen[str]],
) -> None:
    ended = [process.communicate() for process in halves]
    for process, (_, errors) in zip(halves, ended, strict=True):
        assert process.returncode == 0, errors[-8_000:]
    steps: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    found = [json.loads(figures) for figures, _ in ended]
    for half in found:
        steps.update(half["steps"])
        reached.update(half["reached"])
    seconds = max(half["seconds"] for half in found)
    used = sum(half["processor_seconds"] for half in found)
    histories = sum(half["histories"] for half in found)
    print(
        f"\n{histories:,} histories, {sum(steps.values()):,} steps, {seconds:.0f} s, {used:.0f} s"
    )
    print("\n".join(f"{times:9,}  {what}" for what, times in sorted(steps.items())))
    print("\n".join(f"{times:9,}  {what}" for what, times in sorted(reached.items())))
    assert histories >= SOAK
    assert {name: times for name, times in steps.items() if times < EACH_STEP} == {}
    assert {
        name: reached[name]
        for least, names in STATES.items()
        for name in names
        if reached[name] < least
    } == {}
