"""What the benchmarks found: one row a claim, as ratios against yardsticks of the same run, printed
and written between the marks of docs/benchmarks.md with the machine and the date."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Row:
    """One claim: `work` measured against the yardstick `against` gave `figure`; `reach` is what
    was promised, `met` whether it held. `more` says what a reader needs to judge it."""

    id: str
    work: str
    against: str
    figure: str
    reach: str
    met: bool
    more: str = ""


def machine() -> str:
    """What the figures were measured on, without naming it."""
    cpu = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def markdown(rows: Sequence[Row], seconds: float, servers: str) -> str:
    """The figures as a table of Markdown."""
    missed = [row.id for row in rows if not row.met]
    head = [
        f"{datetime.now(UTC):%Y-%m-%d}; {machine()}; {servers}; {seconds / 60:.0f} minutes in all.",
        f"{len(rows) - len(missed)} of {len(rows)} rows reached"
        + (f"; missed: {', '.join(dict.fromkeys(missed))}." if missed else "."),
        "",
        "| # | work | measured against | result | reach | |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [_line(row) for row in rows])


def _line(row: Row) -> str:
    work = f"{row.work} ({row.more})" if row.more else row.work
    verdict = "reached" if row.met else "**missed**"
    return f"| {row.id} | {work} | {row.against} | {row.figure} | {row.reach} | {verdict} |"


def write(figures: str, page: Path = PAGE) -> None:
    """Puts the figures between the page's marks."""
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}")
