"""P2: the settlement of P1 beside django-hordak, which posts the same money by two workers as well:
one transaction an order line, as its documentation writes it, and in bulk as far as it goes."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

from django.db import connection

from backend.core.sql import run
from commissions import plans
from tests.bench.ground import people_and_goods, say, settle_down, side_by_side
from tests.bench.p1_settlement import AT, check, prepare, settle
from tests.bench.report import Row

NAME = "bench_hordak"
HOME = Path(__file__).resolve().parents[2]
LINES = {"each": 500, "bulk": 2_000}


def ask(*words: str) -> "subprocess.Popen[str]":
    """A process of the yardstick's."""
    where = connection.settings_dict
    asked = {name: str(where[name]) for name in ("HOST", "PORT", "USER", "PASSWORD")}
    env = os.environ | {f"BENCH_{name}": text for name, text in asked.items()}
    env |= {"BENCH_NAME": NAME, "DJANGO_SETTINGS_MODULE": "tests.bench.hordak_yardstick.settings"}
    command = [sys.executable, "-m", "tests.bench.hordak_yardstick", *words]
    return subprocess.Popen(command, cwd=HOME, env=env, text=True, stdout=subprocess.PIPE)


def heard(asked: "subprocess.Popen[str]") -> str:
    """What a process said, once it is done."""
    said, _ = asked.communicate(timeout=600)
    assert asked.returncode == 0, f"the yardstick failed: {said}"
    return said


def peer(way: str) -> float:
    """Order lines a second by two processes."""
    crew = [ask(way, str(LINES[way])) for _ in range(2)]
    seconds = [float(heard(one)) for one in crew]
    return 2 * LINES[way] / max(seconds)


def main(lines: int, rounds: int = 3) -> list[Row]:
    """Alternate rounds of the library and of the settlement."""
    run(f"DROP DATABASE IF EXISTS {NAME}")
    run(f"CREATE DATABASE {NAME}")
    try:
        heard(ask("prepare"))
        people_and_goods()
        plan = plans.ensure_default(at=AT).pk
        gains = [_take(lines, number, plan) for number in range(rounds)]
    finally:
        run(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
    each, bulk = (median(column) for column in zip(*gains, strict=True))
    return [
        Row(
            "P2",
            f"settle {lines:,} commission orders, two workers",
            "django-hordak, a transaction an order line",
            f"{each:.0f} ×",
            "≥ 50 ×",
            each >= 50,
            f"its bulk_create of {LINES['bulk']:,}: {bulk:.0f} ×",
        )
    ]


def _take(lines: int, number: int, plan: int) -> tuple[float, float]:
    due = prepare(lines, number, plan)
    settle_down()
    each, bulk = peer("each"), peer("bulk")
    wall, _, _ = side_by_side([partial(settle, due)] * 2)
    check(lines, due)
    ours = lines / wall
    say(
        f"  round {number + 1}: hordak {each:,.0f} lines/s one by one, {bulk:,.0f} in bulk;"
        f" ours {ours:,.0f}"
    )
    return ours / each, ours / bulk
