"""A lock says which rows it takes and how hard."""

import ast
from pathlib import Path

from tests.house.source import calls, functions, has_reason, name_of, python

# One row, or rows in an order.
ORDERS = {"order_by", "get", "first", "earliest", "latest", "exists"}


def _locks() -> list[tuple[Path, ast.Call]]:
    return [
        (path, call)
        for path in python()
        for call in calls(path)
        if name_of(call) == "select_for_update"
    ]


def test_every_lock_names_its_tables_and_spares_foreign_keys() -> None:
    """of=: a joined row is not locked by accident. no_key=: rows that only point here may still
    be inserted. Another choice is explained in a comment."""
    wrong = []
    for path, call in _locks():
        given = {keyword.arg for keyword in call.keywords}
        if not {"of", "no_key"} <= given and not has_reason(path, call):
            wrong.append(f"{path}:{call.lineno} needs of=(…) and no_key=True, or a comment why")
    assert wrong == []


def test_every_lock_of_many_rows_has_an_order() -> None:
    """Two who lock the same rows in two orders wait for each other for ever."""
    wrong = []
    for path, lock in _locks():
        if not ORDERS & _said_around(lock, path) and not has_reason(path, lock):
            wrong.append(f"{path}:{lock.lineno} needs order_by(…)")
    assert wrong == []


def _said_around(lock: ast.Call, path: Path) -> set[str]:
    """The attributes named in the function that takes the lock."""
    around = [
        function
        for function in functions(path)
        if function.lineno <= lock.lineno <= (function.end_lineno or 0)
    ]
    return {
        node.attr
        for function in around[-1:]
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
    }
