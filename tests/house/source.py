"""The house's own files, read once for all the rules about them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
ROOMS = ("shops", "notes", "commissions")
PRODUCT = ("backend", *ROOMS, "seeds")
_NOT_OURS = {".git", ".venv", "var", "__pycache__", "htmlcov", "node_modules"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[Path, ...]:
    """Every file of the repository, as paths relative to its root: what git tracks or would
    add. Without git (inside an image) everything but what tools leave behind."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(asked, cwd=HOME, capture_output=True, check=True).stdout.decode()
        found = [Path(name) for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        walked = (path.relative_to(HOME) for path in HOME.rglob("*") if path.is_file())
        found = [path for path in walked if not _left_behind(path)]
    return tuple(sorted(path for path in found if (HOME / path).is_file()))


def _left_behind(path: Path) -> bool:
    return any(part in _NOT_OURS or part.endswith("_cache") for part in path.parts)


def python(*folders: str) -> Iterator[Path]:
    """Python files below these folders (default: the product's), without migrations."""
    wanted = folders or PRODUCT
    for path in files():
        if path.suffix == ".py" and path.parts[0] in wanted and "migrations" not in path.parts:
            yield path


@cache
def text(path: Path) -> str:
    """A file's text."""
    return (HOME / path).read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(text(path), filename=str(path))


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def calls(path: Path) -> Iterator[ast.Call]:
    """Every call of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node


def name_of(call: ast.Call) -> str:
    """The last part of what is called: `save` of row.save()."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def imports(path: Path) -> Iterator[tuple[str, str, int]]:
    """What a file imports, wherever in it: (module, name or '', line)."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, "", node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name, node.lineno


def modules_by_name(path: Path) -> dict[str, str]:
    """The local names of a file that stand for modules of the house: publishing →
    notes.publishing."""
    found = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                if is_module(dotted):
                    found[alias.asname or alias.name] = dotted
    return found


def is_module(dotted: str) -> bool:
    """Whether a dotted name is a module or package of the house."""
    path = HOME.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def is_door(path: Path) -> bool:
    """Whether a file is a door: REST, admin, jobs, commands. backend/rest is plumbing, not a
    door."""
    if path.parts[0] == "seeds" or path.parts[:2] == ("backend", "rest"):
        return False
    folders = {"rest", "admin", "management"} & set(path.parts[:-1])
    return bool(folders) or path.name in {"admin.py", "tasks.py"}


def has_reason(path: Path, node: ast.AST, word: str = "#") -> bool:
    """Whether a comment stands in the lines of a node or on the line above it."""
    lines = text(path).splitlines()
    first, last = node.lineno - 2, node.end_lineno  # type: ignore[attr-defined]
    return any(word in line for line in lines[max(first, 0) : last])


def strings(path: Path) -> Iterator[ast.Constant]:
    """Every string of a file that is not a docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree(path))
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in docstrings:
            yield node
