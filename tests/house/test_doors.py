"""A door translates: one call in, one answer out. It writes no table, opens no transaction."""

import ast
from pathlib import Path

from tests.house.source import calls, imports, is_door, modules_by_name, name_of, python, text

WRITES = {
    "save",
    "create",
    "update",
    "delete",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "aupdate",
    "acreate",
    "asave",
    "adelete",
    "select_for_update",
    "execute",
    "executemany",
    "atomic",
    "on_commit",
}
# Door → what it may do all the same, and why. Add a line only with a reason.
ALLOWED: dict[tuple[str, str], str] = {}


def doors() -> list[Path]:
    return [path for path in python() if is_door(path)]


def _is_plain(call: ast.Call, path: Path) -> bool:
    """A verb of a noun file (publishing.create), or a dictionary's own update."""
    if not isinstance(call.func, ast.Attribute):
        return True
    receiver = call.func.value
    if isinstance(receiver, ast.Name) and receiver.id in modules_by_name(path):
        return modules_by_name(path)[receiver.id] != "backend.core.sql"
    if isinstance(receiver, ast.Name) and call.func.attr == "update":
        return _holds_a_dictionary(receiver.id, path)
    return False


def _holds_a_dictionary(name: str, path: Path) -> bool:
    """Whether every assignment of this local name is a dict literal, a comprehension or dict()."""
    found = False
    for line in text(path).splitlines():
        stripped = line.strip()
        if stripped.startswith((f"{name} = ", f"{name}: ")) and "=" in stripped:
            value = stripped.split("=", 1)[1].strip()
            found = value.startswith(("{", "dict(")) or found
            if not value.startswith(("{", "dict(")):
                return False
    return found


def test_a_door_writes_no_table_and_opens_no_transaction() -> None:
    written = [
        f"{path}:{call.lineno} .{name_of(call)}(…) belongs into a verb"
        for path in doors()
        for call in calls(path)
        if name_of(call) in WRITES
        and not _is_plain(call, path)
        and (str(path), name_of(call)) not in ALLOWED
    ]
    assert written == []


def test_a_door_runs_no_sql_that_writes() -> None:
    writing = [
        f"{path}:{line} imports {name}"
        for path in doors()
        for module, name, line in imports(path)
        if module == "backend.core.sql" and name == "run"
    ]
    assert writing == []


def test_every_allowance_is_still_needed() -> None:
    used = {(str(path), name_of(call)) for path in doors() for call in calls(path)}
    assert [entry for entry in ALLOWED if entry not in used] == []


def test_the_rule_sees_what_it_forbids(tmp_path: Path) -> None:
    """The rule's own test: a door that writes is caught, a verb call is not."""
    guilty = ast.parse("Product.objects.filter(pk=1).update(status='banned')")
    call = next(node for node in ast.walk(guilty) if isinstance(node, ast.Call))
    door = Path("backend/accounts/rest/views.py")
    assert name_of(call) in WRITES
    assert not _is_plain(call, door)
    innocent = ast.parse("signin.create(handle='x')").body[0]
    assert isinstance(innocent, ast.Expr)
    assert isinstance(innocent.value, ast.Call)
    assert _is_plain(innocent.value, door)
