"""A lock says which rows it takes and how hard."""

import ast
from pathlib import Path

from tests.house.source import calls, has_reason, name_of, python, tree


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
        chain = _chain_of(lock, path)
        if not {"order_by", "get", "earliest", "latest"} & chain and not has_reason(path, lock):
            wrong.append(f"{path}:{lock.lineno} needs order_by(…): {sorted(chain)}")
    assert wrong == []


def _chain_of(lock: ast.Call, path: Path) -> set[str]:
    """The names of all calls chained onto the lock's queryset, before it and after it."""
    parents = {
        id(child): node for node in ast.walk(tree(path)) for child in ast.iter_child_nodes(node)
    }
    node: ast.AST = lock
    names = set()
    while isinstance(parents.get(id(node)), ast.Attribute | ast.Call):
        node = parents[id(node)]
        names |= {node.attr} if isinstance(node, ast.Attribute) else set()
    below: ast.AST = lock
    while isinstance(below, ast.Attribute | ast.Call):
        names |= {below.attr} if isinstance(below, ast.Attribute) else set()
        below = below.func if isinstance(below, ast.Call) else below.value
    return names
