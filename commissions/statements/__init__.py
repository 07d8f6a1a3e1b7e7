"""Statements 结算单: what the ledger says of a payee, or of a shop, in a period (K15, X12).

Everything on a statement is read from the ledger's entries, so what the screen shows, what a file
holds and what the ledger says are the same rows. Each entry stands in one statement, once. A
closed statement is signed and never changes: settings and later events move no byte of it.
"""

from commissions.statements.closing import state_due
from commissions.statements.files import csv_file, html_page, jsonl_file, xlsx_file
from commissions.statements.reading import (
    find,
    keys,
    lines,
    of_person,
    of_shop,
    page_of_lines,
)

__all__ = [
    "csv_file",
    "find",
    "html_page",
    "jsonl_file",
    "keys",
    "lines",
    "of_person",
    "of_shop",
    "page_of_lines",
    "state_due",
    "xlsx_file",
]
