"""The two servers: how each is started, found again, asked and stopped.

Both run as foreground children of the supervisor and outlive it when it is killed; the next
supervisor finds them by what they run and takes them over.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from backend.embedded import binaries, processes, wire
from backend.embedded.errors import EmbeddedError
from backend.embedded.logs import tail
from backend.embedded.places import DATABASE, PG_MAJOR, PG_PORT, USER, Places

_LEFTOVER_SECONDS = 3.0


class Server(ABC):
    """One server of one var folder."""

    name: str
    program: str
    # What to send, and how long to wait for it to work before the next.
    stop_signals: tuple[tuple[signal.Signals, float], ...]

    def __init__(self, places: Places) -> None:
        self.places = places
        self.pid = 0
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.places.log / f"{self.program.partition('-')[0]}.log"

    @property
    @abstractmethod
    def folder(self) -> Path:
        """The folder that holds its data."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """The argument that a running server must have been given to be taken over."""

    @abstractmethod
    def command(self) -> list[str]:
        """What to execute."""

    @abstractmethod
    def find(self) -> int:
        """The process id of this folder's running server, 0 for none."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves by now."""

    def prepare(self) -> None:
        """Clear away what a killed predecessor left."""

    def started(self) -> None:
        """Note down what find() needs later."""

    def adopt(self) -> bool:
        """Take over this folder's server if one runs; whether one did.

        One that was started under another path (its folder was renamed) is stopped instead.
        """
        self.pid, self._child = self.find(), None
        if self.pid and self.identity not in processes.command_line(self.pid):
            self.stop()
        return bool(self.pid)

    def start(self) -> None:
        """Start it as a child of this process, its output going to its log."""
        self.prepare()
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own command
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
            )
        self.pid = self._child.pid
        self.started()

    def is_alive(self) -> bool:
        """Whether the process runs (it may not serve yet)."""
        if self._child is not None:
            return self._child.poll() is None
        return self.pid != 0 and processes.works_in(self.pid, self.folder, self.program)

    def stop(self) -> None:
        """Stop it, ever less politely, and wait until it has gone."""
        for signal_number, seconds in self.stop_signals:
            if not self.is_alive():
                break
            processes.send(self.pid, signal_number)
            processes.wait_until(lambda: not self.is_alive(), seconds)
        self.pid, self._child = 0, None


class Postgres(Server):
    """PostgreSQL over one cluster folder."""

    name = "PostgreSQL"
    program = "postgres"
    # INT is its fast shutdown, QUIT its immediate one, after which it recovers at the next start.
    stop_signals = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

    @property
    def folder(self) -> Path:
        return self.places.cluster

    @property
    def identity(self) -> str:
        # Quoted, since PostgreSQL reads a list here.
        quoted = str(self.places.sockets).replace('"', '""')
        return f'unix_socket_directories="{quoted}"'

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": str(PG_PORT),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "256MB",
            "max_wal_size": "1GB",
            "logging_collector": "off",
            "log_line_prefix": "%m [%p] ",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        command = [*binaries.unprivileged_prefix(), str(binaries.postgres_program("postgres"))]
        command += ["-D", str(self.folder), "-c", self.identity]
        for setting, value in settings.items():
            command += ["-c", f"{setting}={value}"]
        return command + _options_of_the_user()

    def find(self) -> int:
        pid = _first_number(self.folder / "postmaster.pid")
        return pid if processes.works_in(pid, self.folder, self.program) else 0

    def answers(self) -> bool:
        try:
            wire.run_sql(self.places.pg_socket, user=USER, database="postgres")
        except (wire.Refused, OSError):
            return False
        return True

    def has_cluster(self) -> bool:
        """Whether there is a cluster to start.

        :raises EmbeddedError: there is one, but of another major version.
        """
        with contextlib.suppress(FileNotFoundError):
            found = (self.folder / "PG_VERSION").read_text(encoding="ascii").strip()
            if found != str(PG_MAJOR):
                raise EmbeddedError(_other_major(self.folder, found))
            return True
        for other in sorted(self.places.var.glob("pg[0-9]*/PG_VERSION")):
            found = other.read_text(encoding="ascii").strip()
            raise EmbeddedError(_other_major(other.parent, found))
        return False

    def create_cluster(self) -> None:
        """Make the cluster elsewhere and move it into place when it is whole.

        :raises EmbeddedError: initdb failed; the line says why.
        """
        new = self.places.cluster_in_the_making
        _end_all(new, "initdb", self.program)
        shutil.rmtree(new, ignore_errors=True)
        command = [*binaries.unprivileged_prefix(), str(binaries.postgres_program("initdb"))]
        command += ["-D", str(new), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]
        # Sorting and case follow Unicode alike on every machine, whatever its C library.
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        with self.log.open("ab") as log:
            done = subprocess.run(  # noqa: S603 - our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                check=False,
            )
        if done.returncode != 0:
            raise EmbeddedError(f"initdb failed: {last_words(self.log)} (see {self.log})")
        new.rename(self.folder)

    def prepare(self) -> None:
        if not processes.wait_until(lambda: not self._leftovers(), _LEFTOVER_SECONDS):
            _end_all(self.folder, self.program)
        for path in (self.folder / "postmaster.pid", Path(f"{self.places.pg_socket}.lock")):
            # PostgreSQL itself clears a number that nobody has; one that another process has got
            # since (or an empty file after a power cut) would make it refuse for ever.
            if path.exists() and _is_taken(_first_number(path)):
                path.unlink()

    def _leftovers(self) -> list[int]:
        """Backends that survived their postmaster and hold its shared memory."""
        return processes.all_in(self.folder, self.program)


class Valkey(Server):
    """Valkey with an append-only file, which never evicts: the broker's messages are kept."""

    name = "Valkey"
    program = "valkey-server"
    stop_signals = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))

    @property
    def folder(self) -> Path:
        return self.places.valkey

    @property
    def identity(self) -> str:
        return str(self.places.valkey_socket)

    def command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": self.identity,
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "set-proc-title": "no",
        }
        command = [str(binaries.valkey_program())]
        for setting, value in settings.items():
            command += [f"--{setting}", value]
        return command

    def find(self) -> int:
        pid = _first_number(self.places.valkey_pid)
        if processes.works_in(pid, self.folder, self.program):
            return pid
        # The supervisor may have been killed before it wrote the number down.
        return next(iter(processes.all_in(self.folder, self.program)), 0)

    def started(self) -> None:
        self.places.valkey_pid.write_text(f"{self.pid}\n", encoding="ascii")

    def answers(self) -> bool:
        return wire.valkey_answers(self.places.valkey_socket)


def last_words(log: Path) -> str:
    """The line of a log that most likely says why a server went down."""
    lines = [line.strip() for line in tail(log) if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "rror" in line]
    return (telling or lines or ["it left no word"])[-1]


def database_exists(places: Places) -> bool:
    """Whether PostgreSQL serves and has our database, which is made where it is missing.

    :raises EmbeddedError: PostgreSQL refuses for a reason that waiting does not cure.
    """
    try:
        wire.run_sql(places.pg_socket, user=USER, database=DATABASE)
    except OSError:
        return False
    except wire.Refused as refused:
        if refused.code == wire.NO_SUCH_DATABASE:
            return _create_database(places)
        if refused.code == wire.CANNOT_CONNECT_NOW:
            return False
        if refused.code != wire.TOO_MANY_CONNECTIONS:
            raise EmbeddedError(f"the embedded PostgreSQL refuses: {refused}") from None
    return True


def _create_database(places: Places) -> bool:
    create = f'CREATE DATABASE "{DATABASE}"'
    try:
        wire.run_sql(places.pg_socket, user=USER, database="postgres", sql=create, timeout=60)
    except wire.Refused as refused:
        if refused.code != wire.DUPLICATE_DATABASE:
            raise EmbeddedError(f"cannot create the database {DATABASE}: {refused}") from None
    except OSError:
        return False
    return True


def _other_major(folder: Path, found: str) -> str:
    return (
        f"{folder} is a PostgreSQL {found} cluster and this release brings PostgreSQL {PG_MAJOR}:"
        " dump it with the release that made it, or remove it (make clean)"
    )


def _options_of_the_user() -> list[str]:
    words = shlex.split(os.environ.get("TUIKE_PG_OPTS", ""))
    settings = [word for word in words if word != "-c"]
    if any("=" not in word or word.startswith("-") for word in settings):
        raise EmbeddedError('TUIKE_PG_OPTS holds only "-c name=value" settings')
    return [word for setting in settings for word in ("-c", setting)]


def _environment() -> dict[str, str]:
    """Ours without PostgreSQL's own variables and in the C locale."""
    ours = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PG", "LC_")) and key not in ("LANG", "LANGUAGE")
    }
    return ours | {"LC_ALL": "C"}


def _first_number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii").split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def _is_taken(pid: int) -> bool:
    """Whether some process has this number; also when the number could not be read."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end_all(folder: Path, *program_names: str) -> None:
    for signal_number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in processes.all_in(folder, *program_names):
            processes.send(pid, signal_number)
        if processes.wait_until(
            lambda: not processes.all_in(folder, *program_names), _LEFTOVER_SECONDS
        ):
            return
