"""A lock says which rows it takes and how hard, in Python and in SQL."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import calls, functions, has_reason, name_of, python, strings

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


# ---------------------------------------------------------------- locks written in SQL
_LOCK = re.compile(r"\bFOR\s+(NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)\b")


def _wrong_locks(statement: str) -> Iterator[str]:
    """What is wrong with the row locks of a statement of ours."""
    before = 0
    for lock in _LOCK.finditer(statement):
        # From the SELECT that this clause ends; of a composed statement a part may begin later.
        select = statement[before : lock.start()].rpartition("SELECT")[2]
        after = statement[lock.end() :].lstrip()
        if "ORDER BY" not in select:
            yield "needs ORDER BY"
        if re.search(r"\bJOIN\b", select) and not after.startswith("OF "):
            yield "joins and does not say OF which table"
        if lock[1] == "UPDATE" and "DELETE FROM" not in statement:
            yield "needs FOR NO KEY UPDATE: nothing is deleted"
        before = lock.end()


def test_locks_in_sql_have_an_order_name_their_tables_and_spare_foreign_keys() -> None:
    """Where a statement locks one row, or something else is meant, a comment says so."""
    wrong = [
        f"{path}:{string.lineno} {problem}, or a comment why"
        for path in python()
        for string in strings(path)
        for problem in _wrong_locks(str(string.value))
        if not has_reason(path, string)
    ]
    assert wrong == []


def test_the_rule_about_sql_sees_what_it_forbids() -> None:
    def found(statement: str) -> list[str]:
        return [problem.split()[0] for problem in _wrong_locks(statement)]

    assert found("SELECT id FROM a ORDER BY id FOR NO KEY UPDATE") == []
    assert found("SELECT id FROM a WHERE b = 1 FOR NO KEY UPDATE") == ["needs"]
    assert found("SELECT a.id FROM a JOIN b ON true ORDER BY 1 FOR NO KEY UPDATE") == ["joins"]
    assert found("SELECT a.id FROM a JOIN b ON true ORDER BY 1 FOR NO KEY UPDATE OF a") == []
    assert found("SELECT id FROM a ORDER BY id FOR UPDATE") == ["needs"]
    both = "WITH x AS (SELECT id FROM a ORDER BY id FOR NO KEY UPDATE) SELECT 1 FROM b FOR SHARE"
    assert found(both) == ["needs"]


# ---------------------------------------------------------------- whole rows
def test_a_save_names_its_columns() -> None:
    """save() of a row that was read before writes every column back, also those that somebody
    else has changed meanwhile. A new row is forced to be an INSERT."""
    wrong = [
        f"{path}:{call.lineno} save() needs update_fields or force_insert, or a comment why"
        for path in python()
        if path.parts[0] != "seeds"
        for call in calls(path)
        if name_of(call) == "save"
        and not call.args
        and not {"update_fields", "force_insert"} & {keyword.arg for keyword in call.keywords}
        and not has_reason(path, call)
    ]
    assert wrong == []
