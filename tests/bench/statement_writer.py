"""`python -m tests.bench.statement_writer KIND NUMBER`: a process of its own, as the product's are,
that writes a statement to nowhere and prints its memory in MiB before and at most, and seconds.

Packages that only the benches and linters bring are hidden: others load them where they find them.
"""

import json
import sys
import time
from pathlib import Path

# django-unfold and structlog load these where they are installed; the product does not ask them to.
sys.modules |= {"djmoney": None, "rich": None}  # type: ignore[dict-item]
import django  # noqa: E402

django.setup()
from commissions import statements  # noqa: E402
from commissions.models import Statement  # noqa: E402

FILES = {
    "CSV": statements.csv_file,
    "signed JSONL": statements.jsonl_file,
    "page": statements.html_page,
    "XLSX": statements.xlsx_file,
}


def main(kind: str, number: str) -> None:
    """Writes it once."""
    found = Statement.objects.select_related("period", "signed_by").get(number=number)
    before, began = _peak(), time.perf_counter()
    size = sum(len(part) for part in FILES[kind](found))
    assert size > 5 * found.lines_count  # a spreadsheet is compressed
    seconds = time.perf_counter() - began
    json.dump({"before": before, "most": _peak(), "seconds": seconds}, sys.stdout)


def _peak() -> int:
    """The most that the process held, in MiB; `ru_maxrss` would count what its parent held."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
