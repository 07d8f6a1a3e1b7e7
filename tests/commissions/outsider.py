"""The outsider's checker, as an outsider has it: the file in docs/, loaded by its path."""

import importlib.util
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "check_ledger.py"


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("check_ledger", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


checker = _loaded()


def verdict(*files: Path | str) -> int | str:
    """0 where the checker finds the files in order, else what it says is wrong."""
    found: int | str = checker.main([str(file) for file in files])
    return found
