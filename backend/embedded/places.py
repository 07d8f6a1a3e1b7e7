"""Where the embedded servers live: one folder, its files, and the URLs that lead to its sockets.

Nothing here starts a server; the only thing ever written is the folder itself and, where the
sockets had to move elsewhere, the record that says where they went.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from backend.embedded.errors import EmbeddedError

REPOSITORY = Path(__file__).resolve().parents[2]
PG_MAJOR = 18
PG_PORT = 5432  # only a part of the socket's name: nothing listens on TCP
USER = DATABASE = "tuike"

# sockaddr_un.sun_path holds 108 bytes on Linux, 104 on macOS and the BSDs, a NUL included.
SOCKET_PATH_MAX = 107 if sys.platform.startswith("linux") else 103
_LONGEST_SOCKET_NAME = f".s.PGSQL.{PG_PORT}"


@dataclass(frozen=True, slots=True)
class Urls:
    """How to reach the two servers: what DATABASE_URL and REDIS_URL should say."""

    database_url: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class Places:
    """Every path below one var folder (which need not exist)."""

    var: Path

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def cluster(self) -> Path:
        return self.var / f"pg{PG_MAJOR}"

    @property
    def cluster_in_the_making(self) -> Path:
        return self.var / f"pg{PG_MAJOR}.new"

    @property
    def valkey(self) -> Path:
        return self.var / "valkey"

    @property
    def users_lock(self) -> Path:
        return self.run / "users.lock"

    @property
    def start_lock(self) -> Path:
        return self.run / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def state(self) -> Path:
        return self.run / "supervisor.json"

    @property
    def valkey_pid(self) -> Path:
        return self.run / "valkey.pid"

    @property
    def keep(self) -> Path:
        """While this file is there, the servers stay up without any user."""
        return self.run / "keep"

    @property
    def moved_sockets(self) -> Path:
        """Names the folder of the sockets where ``run`` is no place for them."""
        return self.run / "sockets.path"

    @property
    def sockets(self) -> Path:
        """The folder of both sockets: ``run``, or a private one with a shorter path."""
        if _fits(self.run):
            return self.run
        with contextlib.suppress(OSError, ValueError):
            recorded = Path(self.moved_sockets.read_text(encoding="utf-8"))
            if _is_private_folder(recorded):
                return recorded
        return _shorter_folder(self.var)

    @property
    def pg_socket(self) -> Path:
        return self.sockets / f".s.PGSQL.{PG_PORT}"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def urls(self) -> Urls:
        """The two URLs, spelt for libpq and for redis-py."""
        folder = str(self.sockets)
        return Urls(
            database_url=f"postgresql://{USER}@/{DATABASE}?host={quote(folder, safe='')}",
            redis_url=f"unix://{quote(str(self.valkey_socket))}?db=0",
        )

    def make(self) -> None:
        """Make the folders, private ones with mode 0700; parents that exist are left as they are.

        :raises EmbeddedError: a folder cannot be made or written, or is another user's.
        """
        try:
            self.var.mkdir(parents=True, exist_ok=True)
            for folder in (self.run, self.log, self.valkey):
                _make_private(folder)
            _probe_write(self.run)
            if not _fits(self.run):
                self._make_moved_sockets()
        except OSError as error:
            raise EmbeddedError(
                f"cannot write to {self.var}: {error.strerror or error}"
                " (set TUIKE_VAR to a folder you may write to)"
            ) from None

    def _make_moved_sockets(self) -> None:
        folder = self.sockets
        _make_private(folder)
        temporary = self.moved_sockets.with_suffix(f".{os.getpid()}")
        temporary.write_text(str(folder), encoding="utf-8")
        temporary.replace(self.moved_sockets)


def places(var: Path | str | None = None) -> Places:
    """The places of a var folder: the one given, TUIKE_VAR's, or ``var`` in the repository."""
    chosen = var or os.environ.get("TUIKE_VAR") or REPOSITORY / "var"
    # Resolved, so that every process names the folder alike, whatever way it came by.
    return Places(Path(chosen).expanduser().resolve())


def _fits(folder: Path) -> bool:
    text = os.fsencode(folder / _LONGEST_SOCKET_NAME)
    # libpq reads a comma in ``host`` as a list of hosts.
    return len(text) <= SOCKET_PATH_MAX and b"," not in text


def _shorter_folder(var: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    name = f"tuike-{os.getuid()}-{digest}"
    for parent in _short_parents():
        if _fits(parent / name):
            return parent / name
    raise EmbeddedError(
        f"no folder with a path short enough for a socket beside {var}; set XDG_RUNTIME_DIR or"
        " TMPDIR to a shorter one"
    )


def _short_parents() -> Iterator[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir() and os.access(runtime, os.W_OK):
        yield Path(runtime)
    yield Path(tempfile.gettempdir())
    yield Path("/tmp")  # noqa: S108 - the folder below it is made 0700 and its owner checked


def _is_private_folder(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _make_private(folder: Path) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_private_folder(folder):
        raise EmbeddedError(
            f"{folder} is not a folder of this user"
            " (set TUIKE_VAR to a folder of your own, or give DATABASE_URL and REDIS_URL)"
        )
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)


def _probe_write(folder: Path) -> None:
    probe = folder / f".write.{os.getpid()}"
    probe.touch()
    probe.unlink()
