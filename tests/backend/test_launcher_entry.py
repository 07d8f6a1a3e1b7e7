"""The doors of the command line: manage.py and make."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from manage import needs_servers
from tests.faults.embedded_bench import REPOSITORY, environment


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", False),
        ("help", False),
        ("migrate --help", False),
        ("--version", False),
        ("check --deploy --fail-level WARNING", False),
        ("check --database default", True),
        ("collectstatic --noinput", False),
        ("spectacular --file schema.yml", False),
        ("makemigrations --check", True),  # compares the history with the database's
        ("migrate", True),
        ("runserver", True),
        ("a_command_of_tomorrow", True),
    ],
)
def test_manage_py_starts_the_servers_for_what_needs_them(line: str, wanted: bool) -> None:
    assert needs_servers(line.split()) is wanted


def test_a_command_that_needs_no_server_starts_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "version"],
        env=environment(tmp_path / "var"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"5\.2\.\d+\n", done.stdout)
    assert not (tmp_path / "var").exists()


def test_manage_py_tells_in_one_line_why_there_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        env=environment(tmp_path / "file" / "var"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith(f"cannot write to {tmp_path}/file/var: Not a directory")


def test_make_alone_lists_what_there_is() -> None:
    done = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert re.findall(r"^  make (\w+)", done.stdout, re.M) == [
        *("help", "setup", "demo", "test", "lint", "bench", "soak", "pins", "clean")
    ]


def test_make_says_in_one_line_that_no_python_will_do(tmp_path: Path) -> None:
    command = ["make", "-s", "-f", str(REPOSITORY / "Makefile"), "-C", str(tmp_path)]
    (tmp_path / "requirements").mkdir()
    for name in ("base", "dev", "bench"):
        (tmp_path / "requirements" / f"{name}.txt").touch()
    done = subprocess.run(
        [*command, "PYTHONS=/bin/false not-there", "setup"],
        # The suite itself may run below a make.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert done.returncode == 2
    assert lines == [
        "needs Python 3.11 or newer with its venv module (tried: /bin/false not-there):"
        " install one, or name it with PYTHON=/path/to/python3"
    ]
    assert not (tmp_path / ".venv").exists()
