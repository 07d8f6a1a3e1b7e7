"""Money is an integer: no float, no true division, no round() where money is computed. Only the
ledger's own module writes the books."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.house.source import calls, imports, name_of, python, strings, tree

MONEY = [Path("backend/core/money.py"), *python("commissions", "shops")]
# File → why a float may stand there. Nothing in these places is an amount.
ALLOWED: dict[str, str] = {
    "commissions/touches.py": "microseconds of a click's time",
    "commissions/rest/short_links.py": "seconds that a sample answer is kept",
}
LEDGER = Path("commissions/ledger.py")
BOOKS = {"Journal", "Entry", "Balance", "BalanceDelta", "LedgerAccount"}
BOOK_TABLES = {
    "commissions_journal",
    "commissions_entry",
    "commissions_balance",
    "commissions_balancedelta",
    "commissions_ledgeraccount",
}
WRITES = {"save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create"}


def _floats(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"{path}:{node.lineno} the float {node.value}"
        elif isinstance(node, ast.Name) and node.id == "float":
            yield f"{path}:{node.lineno} float"
        elif isinstance(node, ast.Call) and name_of(node) in {"round", "FloatField"}:
            yield f"{path}:{node.lineno} {name_of(node)}()"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and _divides(node):
            yield f"{path}:{node.lineno} true division"


def _divides(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether `/` stands between numbers; folder / "name" is a path."""
    if not isinstance(node.op, ast.Div):
        return False
    right = node.right if isinstance(node, ast.BinOp) else node.value
    return not isinstance(right, ast.JoinedStr) and not (
        isinstance(right, ast.Constant) and isinstance(right.value, str)
    )


def test_money_code_knows_no_float() -> None:
    found = [line for path in MONEY if str(path) not in ALLOWED for line in _floats(path)]
    assert found == []


def test_every_allowance_for_floats_is_still_needed() -> None:
    assert [path for path in ALLOWED if not list(_floats(Path(path)))] == []


def test_only_the_ledger_writes_the_books_through_the_orm() -> None:
    """Reading is free. A write begins at a manager: Journal.objects…create(…)."""
    found = [
        f"{path}:{call.lineno} writes {model}"
        for path in python()
        if path != LEDGER
        for call in calls(path)
        if name_of(call) in WRITES
        for model in _roots(call)
        if model in BOOKS
    ]
    assert found == []


def _roots(call: ast.Call) -> set[str]:
    """The names at the beginning of a chain of attributes and calls."""
    node: ast.AST = call
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def test_only_the_ledger_writes_the_books_in_sql() -> None:
    found = [
        f"{path}:{string.lineno} writes {table}"
        for path in python()
        if path != LEDGER
        for string in strings(path)
        for table in BOOK_TABLES
        if _writes(string.value, table)
    ]
    assert found == []


def _writes(statement: object, table: str) -> bool:
    words = str(statement).lower().split()
    targets = {
        after.split("(")[0].strip('";,')
        for before, after in pairwise(words)
        if before in {"into", "update", "from", "only", "truncate", "table"}
    }
    verbs = {"insert", "update", "delete", "truncate", "copy", "merge"}
    if table not in targets or not verbs & set(words):
        return False
    pairs = set(pairwise(words))
    return bool(
        {("into", table), ("update", table), ("truncate", table), ("only", table)} & pairs
        or ("delete" in words and f"delete from {table}" in " ".join(words))
    )


def test_the_rule_about_books_sees_what_it_forbids() -> None:
    assert _writes("UPDATE commissions_balance SET balance_fen = 1", "commissions_balance")
    assert _writes("insert into commissions_entry (account_id) values (1)", "commissions_entry")
    assert _writes("DELETE FROM commissions_journal", "commissions_journal")
    assert not _writes("SELECT sum(amount_fen) FROM commissions_entry", "commissions_entry")
    assert not _writes("INSERT INTO other SELECT 1 FROM commissions_entry", "commissions_entry")


def test_nobody_but_the_ledger_rounds_by_decimal() -> None:
    """Rounding lives in backend/core/money.py; decimals would be a second way to round."""
    found = [
        f"{path}:{line} imports decimal"
        for path in MONEY
        for module, _, line in imports(path)
        if module == "decimal" and str(path) not in ALLOWED
    ]
    assert found == []
