"""How many lines a second the pure split and its reversal divide, on one core."""

import time

from commissions.split import Shares, Taken, reversal, split
from tests.bench.ground import table
from tests.bench.report import Row

REACH = 100_000

_BOTH = ("promoter", "inviter")
# Shares, who is there, and what a promoter passes on to agencies.
PLANS: dict[str, tuple[Shares, tuple[str, ...], tuple[int, ...]]] = {
    "promoter + inviter": (Shares(8_000, 2_000, 10_000, 100), _BOTH, ()),
    "promoter + inviter + shop": (Shares(7_000, 2_000, 9_000, 100), _BOTH, ()),
    "creator": (Shares(8_000, 2_000, 10_000, 100), ("creator",), ()),
    "promoter + agency + inviter": (Shares(8_000, 2_000, 10_000, 100), _BOTH, (3_000,)),
    "two agencies and two inviters": (
        Shares(7_000, 2_000, 10_000, 100, 1_000),
        (*_BOTH, "inviter2"),
        (3_000, 4_000),
    ),
}


def main(lines: int, rounds: int = 3) -> list[Row]:
    """Lines a second of each plan; the table names the slowest."""
    told, slowest = [], float("inf")
    for name, (shares, roles, passed) in PLANS.items():
        began = time.perf_counter()
        for number in range(lines):
            made = split(
                base_fen=12_900 + number,
                rate_bps=3_000,
                fee_bps=500,
                shares=shares,
                roles=roles,
                passed=passed,
            )
        forward = lines / (time.perf_counter() - began)
        parts = [Taken(part.role, part.amount_fen, 0) for part in made.parts]
        began = time.perf_counter()
        for number in range(lines // 10):
            reversal(
                base_fen=12_900 + lines - 1,
                refunded_fen=number % 12_900,
                rate_bps=3_000,
                fee_bps=500,
                budget_fen=made.budget_fen,
                fee_fen=made.fee_fen,
                parts=parts,
            )
        back = lines // 10 / (time.perf_counter() - began)
        slowest = min(slowest, forward, back)
        told.append([name, f"{forward:,.0f}", f"{back:,.0f}"])
    table(f"split (reach: ≥ {REACH:,} lines/s)", ["roles", "split/s", "reversal/s"], told)
    return [
        Row(
            "split",
            "divide a line, or take it back",
            "one core, pure Python",
            f"{slowest:,.0f}/s",
            f"≥ {REACH:,}/s",
            slowest >= REACH,
            "the slowest of split and reversal in five plans, two with agencies",
        )
    ]
