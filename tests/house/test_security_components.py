"""What the service is made of is known, pinned, and no more than it needs (ASVS V15.1, V15.2)."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

from tests.house.source import HOME, calls, imports, name_of, python, text


def _pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text(Path(name)), re.M))


def test_the_bill_of_materials_names_every_pin_with_its_version() -> None:
    answer = subprocess.run(
        [sys.executable, "manage.py", "sbom"], cwd=HOME, capture_output=True, text=True, check=True
    )
    bill = json.loads(answer.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    there = {component["name"]: component["version"] for component in bill["components"]}
    # What is pinned for other systems alone is not installed on this one.
    pinned = _pins("requirements/base.txt")
    assert {name for name in pinned if name in there and there[name] != pinned[name]} == set()
    missing = {name for name in pinned if name not in there}
    assert missing <= {"colorama", "tzdata", "cffi", "backports-tarfile", "async-timeout"}
    refs = [component["purl"] for component in bill["components"]]
    assert len(refs) == len(set(refs))


def test_the_times_for_updates_are_written_down() -> None:
    """V15.1.1, and where one tells us of a weakness."""
    page = text(Path("SECURITY.md"))
    times = page.split("## Components of others", 1)[1].split("## ", 1)[0]
    assert re.findall(r"\| (\d+) days \|", times) == ["3", "14"]
    assert "90 days at most" in times
    for heading in ("## Telling us", "## What gets fixes", "## In scope"):
        assert heading in page


def test_the_image_installs_the_products_pins_and_no_tool_of_developers() -> None:
    recipe = text(Path("Dockerfile"))
    assert "requirements/base.txt" in recipe
    assert "dev.txt" not in recipe
    tools = {"pytest", "mypy", "ruff", "hypothesis", "playwright", "schemathesis"}
    assert tools & set(_pins("requirements/base.txt")) == set()
    assert "COPY tests" not in recipe


# Ways to run what somebody sent, and what stands in for each.
FORBIDDEN_CALLS = {
    "eval": "nothing of a caller's is code",
    "exec": "nothing of a caller's is code",
    "compile": "re.compile is another one, and allowed",
    "__import__": "imports are written down",
    "mark_safe": "templates escape",
    "extra": "querysets take parameters",
    "raw": "backend.core.sql takes parameters",
    "RawSQL": "backend.core.sql takes parameters",
    "render_to_string": "templates are files of ours, rendered by views",
    "from_string": "no template is made of a text",
    "Template": "no template is made of a text",
    "loads": "json alone: see ALLOWED",
}
ALLOWED = {
    ("backend/rest/parsers.py", "loads"): "json.loads with its own limits",
    ("backend/rest/paging.py", "loads"): "json.loads of a short cursor",
    ("commissions/explain.py", "loads"): "json.loads of what our own statement made",
    ("commissions/conversions/reading.py", "loads"): "json.loads of a line of 16 KiB at most",
    ("commissions/whatif/trial.py", "loads"): "json.loads of what our own statement made",
    ("backend/accounts/admin/frame.py", "mark_safe"): "a QR picture drawn by segno of our own text",
}
FORBIDDEN_MODULES = {
    "pickle": "would run what it reads",
    "marshal": "would run what it reads",
    "shelve": "is pickle",
    "yaml": "JSON alone comes in",
    "xml": "no XML comes in",
    "lxml": "no XML comes in",
    "random": "secrets makes what nobody may guess",
    "md5": "a broken digest",
    "telnetlib": "in clear",
    "ftplib": "in clear",
    "smtplib": "no mail is sent",
    "requests": "webhooks alone call outside: docs/operations/hardening.md",
    "httpx": "nobody outside is called",
    "aiohttp": "nobody outside is called",
    "urllib.request": "nobody outside is called",
    "ldap": "there is no directory",
    "zipfile": "nothing is unpacked",
    "tarfile": "nothing is unpacked",
}
# The product answers requests with these rooms; seeds, launcher and embedded servers are tools.
SERVING = ("backend", "shops", "notes", "commissions")
_TOOLS = {"embedded", "launcher"}
# Commands that a person types on the machine itself.
MODULES_ALLOWED = {
    ("shops/management/commands/sandbox_pay.py", "urllib.request"): "plays the provider by hand",
    ("backend/webhooks/outgoing.py", "requests"): "webhooks, under requests-hardened alone",
}


def _serving() -> list[Path]:
    return [
        path
        for path in python(*SERVING)
        if not (path.parts[0] == "backend" and path.parts[1] in _TOOLS)
    ]


def test_nothing_of_a_callers_is_run() -> None:
    found = [
        f"{path}:{call.lineno} {name_of(call)}: {FORBIDDEN_CALLS[name_of(call)]}"
        for path in _serving()
        for call in calls(path)
        if name_of(call) in FORBIDDEN_CALLS
        and ast.unparse(call.func) not in {"re.compile"}
        and (str(path), name_of(call)) not in ALLOWED
    ]
    assert found == []


def test_no_dangerous_module_is_imported() -> None:
    found = [
        f"{path}:{line} imports {module}: {why}"
        for path in _serving()
        for module, name, line in imports(path)
        for forbidden, why in FORBIDDEN_MODULES.items()
        if (
            module == forbidden
            or module.startswith(f"{forbidden}.")
            or f"{module}.{name}" == forbidden
        )
        and (str(path), forbidden) not in MODULES_ALLOWED
    ]
    assert found == []


def test_no_process_is_started_by_the_service() -> None:
    """No shell, no command line: there is nothing to inject into (V1.2.5)."""
    found = [
        f"{path}:{line} imports {module}"
        for path in _serving()
        for module, name, line in imports(path)
        if module in {"subprocess", "pty", "commands"}
    ] + [
        f"{path}:{call.lineno} {ast.unparse(call.func)}"
        for path in _serving()
        for call in calls(path)
        if ast.unparse(call.func) in {"os.system", "os.popen"}
        or ast.unparse(call.func).startswith(("os.exec", "os.spawn"))
    ]
    assert found == []


def test_every_allowance_is_still_needed() -> None:
    used = {(str(path), name_of(call)) for path in _serving() for call in calls(path)}
    assert [entry for entry in ALLOWED if entry not in used] == []
    modules = {
        (str(path), forbidden)
        for path in _serving()
        for module, name, _ in imports(path)
        for forbidden in FORBIDDEN_MODULES
        if module == forbidden or f"{module}.{name}" == forbidden
    }
    assert [entry for entry in MODULES_ALLOWED if entry not in modules] == []


# ---------------------------------------------------------------- SQL
def test_values_travel_as_parameters() -> None:
    """SQL is made of constants of ours: no statement is composed with an f-string, `%` or
    `.format` where a value could stand, except from names that the module itself lists."""
    runners = {"rows", "value", "run", "execute", "executemany", "read"}
    composed = [
        f"{path}:{call.lineno}"
        for path in _serving()
        for call in calls(path)
        if name_of(call) in runners and call.args and _is_composed(call.args[0])
    ]
    known = {entry.rsplit(":", 1)[0] for entry in composed}
    assert known <= set(COMPOSERS), composed
    assert set(COMPOSERS) - known == set(), "no longer needed"


# Files that put names of tables, columns or roles together; no value of a caller's among them.
COMPOSERS = {
    "backend/core/grants.py": "names of roles, checked against [a-z_][a-z0-9_]*; names of tables",
}


def _is_composed(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        # A number of bytes to read is no statement.
        last = node.right
        counted = isinstance(last, ast.Constant) and isinstance(last.value, int)
        return not (counted and isinstance(node.op, ast.Add))
    return isinstance(node, ast.Call) and name_of(node) == "format"


# ---------------------------------------------------------------- templates
def test_no_template_switches_escaping_off() -> None:
    pages = [path for path in HOME.rglob("*.html") if ".venv" not in path.parts]
    ours = [path for path in pages if "templates" in path.parts and "var" not in path.parts]
    assert ours
    wrong = [
        f"{path.relative_to(HOME)}: {word}"
        for path in ours
        for word in ("|safe", "autoescape off", "<script>", "javascript:", " onclick=", " onload=")
        if word in path.read_text()
    ]
    assert wrong == []
