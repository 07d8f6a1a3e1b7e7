"""docs/reliability.md names the test that proves each row; a name without a test proves nothing."""

import ast
import re
from pathlib import Path

from tests.house.source import HOME, text, tree

PAGE = Path("docs/reliability.md")
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def _exists(path: str, name: str) -> bool:
    if not (HOME / path).is_file():
        return False
    functions = {node.name for node in tree(Path(path)).body if isinstance(node, ast.FunctionDef)}
    return not name or name in functions


def test_every_test_that_the_page_names_exists() -> None:
    named = _NAMED.findall(text(PAGE))
    assert len(named) > 50
    assert [f"{path}::{name}" for path, name in named if not _exists(path, name)] == []


def test_every_fault_of_the_matrix_has_a_row_with_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)$", text(PAGE), re.M)
    assert [number for number, _ in rows] == [str(number) for number in range(1, 28)]
    silent = {number for number, row in rows if not re.search(r"`tests/[\w/]+\.py::test_", row)}
    assert silent == set()


def test_the_page_keeps_no_gap() -> None:
    """Figures that a run has to fill in."""
    assert re.findall(r"\b[A-Z]+(?:_[A-Z]+)*_(?:STORM|CONTROL|ROWS)\b", text(PAGE)) == []
