"""Sizes are a promise: a function fits on a screen, a file in a head."""

import ast

from tests.house.source import functions, python, text, tree

FUNCTION = 60
MODULE = 400


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{path}:{function.lineno} {function.name} has {length} lines"
        for path in python()
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION
    ]
    assert long == []


def test_no_module_is_longer_than_400_lines() -> None:
    long = [
        f"{path} has {length} lines: make it a package of the same import path"
        for path in [*python(), *python("tests", "manage.py")]
        if (length := len(text(path).splitlines())) > MODULE
    ]
    assert long == []


def test_every_module_and_every_public_name_says_what_it_is_for() -> None:
    """Private functions are described by their name, apps by theirs."""
    silent = [
        f"{path}: {what} has no docstring"
        for path in python()
        if path.name != "apps.py"
        for what in _undescribed(tree(path))
    ]
    assert silent == []


def _undescribed(module: ast.Module) -> list[str]:
    found = [] if ast.get_docstring(module) or not module.body else ["the module"]
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not _names_itself(node.name):
            found += [] if ast.get_docstring(node) else [node.name]
    return found


def _names_itself(name: str) -> bool:
    """Private names, and a command, whose help says what it does."""
    return name.startswith("_") or name == "Command"
