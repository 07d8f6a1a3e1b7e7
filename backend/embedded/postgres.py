"""PostgreSQL over one cluster folder."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from backend.embedded import binaries, processes, wire
from backend.embedded.errors import EmbeddedError
from backend.embedded.places import DATABASE, PG_MAJOR, PG_PORT, USER, Places
from backend.embedded.servers import Server, environment, first_number, last_words

_LEFTOVER_SECONDS = 1.0


class Postgres(Server):
    """PostgreSQL, listening on a socket alone."""

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
        pid = first_number(self.folder / "postmaster.pid")
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
            if other.parent != self.places.cluster_in_the_making:
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
                env=environment(),
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
            if path.exists() and _is_taken(first_number(path)):
                path.unlink()

    def started(self) -> None:
        pass  # it writes postmaster.pid itself

    def _leftovers(self) -> list[int]:
        """Backends that survived their postmaster and hold its shared memory."""
        return processes.all_in(self.folder, self.program)


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


def set_database_aside(places: Places) -> None:
    """Give our database another name, replacing one set aside before, and make an empty one.

    :raises EmbeddedError: somebody is connected to it, or PostgreSQL is not up.
    """
    aside = f'"{DATABASE}_aside"'
    try:
        for sql in (
            f"DROP DATABASE IF EXISTS {aside}",
            f'ALTER DATABASE "{DATABASE}" RENAME TO {aside}',
        ):
            wire.run_sql(places.pg_socket, user=USER, database="postgres", sql=sql, timeout=60)
    except (wire.Refused, OSError) as error:
        raise EmbeddedError(f"cannot set the database {DATABASE} aside: {error}") from None
    _create_database(places)


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
