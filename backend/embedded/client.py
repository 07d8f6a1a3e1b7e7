"""What a process does that wants the servers: take a lease, and see that they are up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backend.embedded import locks, processes, state, wire
from backend.embedded.errors import EmbeddedError
from backend.embedded.places import REPOSITORY, Places, Urls, places
from backend.embedded.postgres import Postgres, database_exists, set_database_aside
from backend.embedded.servers import Server
from backend.embedded.valkey import Valkey

_READY_SECONDS = 120.0
_STOP_SECONDS = 45.0
_SPAWNS = 3

Progress = Callable[[str], None]

# One descriptor per folder, held until this process ends; forked children share it.
_leases: dict[Path, int] = {}


@dataclass(frozen=True, slots=True)
class Status:
    """What runs for one var folder; a process id of 0 says that it does not run."""

    urls: Urls
    stage: str
    supervisor_pid: int
    postgres_pid: int
    valkey_pid: int
    in_use: bool


def expected_urls(var: Path | None = None) -> Urls:
    """The URLs that the embedded servers of a folder have; starts and writes nothing."""
    return places(var).urls()


def ensure(progress: Progress | None = None) -> Urls:
    """Have PostgreSQL and Valkey up for as long as this process lives, and say where they are.

    DATABASE_URL and REDIS_URL are set in the environment where they are unset. When both name
    other servers than the embedded ones, nothing is started. May be called again at any time.

    :raises EmbeddedError: the servers cannot be had; its text is one line that says why.
    """
    spots = places()
    own = spots.urls()
    database_url = os.environ.get("DATABASE_URL") or own.database_url
    redis_url = os.environ.get("REDIS_URL") or own.redis_url
    # URLs of our own are inherited from a parent that set them: this process needs a lease too.
    if database_url == own.database_url or redis_url == own.redis_url:
        _take_lease(spots)
        _have_servers(spots, progress or _silent)
    os.environ["DATABASE_URL"] = database_url
    os.environ["REDIS_URL"] = redis_url
    return Urls(database_url=database_url, redis_url=redis_url)


def leave(var: Path | None = None) -> None:
    """Give this process's lease back; when it was the last, stop the servers without the linger.

    Forked children share their parent's lease: only the process that took it may call this.

    :raises EmbeddedError: they do not stop.
    """
    spots = places(var)
    lease = _leases.pop(spots.var, None)
    if lease is None:
        return
    try:
        # Held exclusively, the lock keeps newcomers waiting until the servers have stopped. The
        # supervisor tries for it now and then, hence the patience.
        if locks.take(lease, shared=False, wait_seconds=0.2) and not spots.keep.exists():
            stop(var)
    finally:
        os.close(lease)


def is_abandoned(var: Path | None = None) -> bool:
    """Whether the servers lost their supervisor, other than by stop(): ensure() mends it."""
    spots = places(var)
    if locks.is_held(spots.supervisor_lock):
        return False
    return state.read(spots.state).stage not in (state.STOPPED, state.FAILED)


def status(var: Path | None = None) -> Status:
    """What runs for a folder."""
    spots = places(var)
    running = state.read(spots.state)
    supervised = locks.is_held(spots.supervisor_lock)
    return Status(
        urls=spots.urls(),
        stage=running.stage if supervised else state.STOPPED,
        supervisor_pid=running.supervisor_pid if supervised else 0,
        postgres_pid=Postgres(spots).find(),
        valkey_pid=Valkey(spots).find(),
        in_use=_in_use(spots),
    )


def keep(var: Path | None = None) -> None:
    """Let the running servers stay up without users, until stop()."""
    places(var).keep.touch()


def begin_anew(var: Path | None = None) -> None:
    """Put an empty database in place of ours, which stays as ``tuike_aside``.

    :raises EmbeddedError: somebody is connected to it, or the servers are not up.
    """
    set_database_aside(places(var))


def stop(var: Path | None = None) -> bool:
    """Stop both servers, whoever uses them; whether any was running.

    :raises EmbeddedError: they do not stop.
    """
    spots = places(var)
    if not spots.run.is_dir():
        return False
    before = status(var)
    processes_before = (before.supervisor_pid, before.postgres_pid, before.valkey_pid)
    if before.supervisor_pid:
        _end_supervisor(spots)
    _stop_unsupervised(spots)
    return any(processes_before)


def clean(var: Path | None = None) -> bool:
    """Stop both servers and remove their data, logs and locks; whether there was anything.

    :raises EmbeddedError: they do not stop, or the data cannot be removed.
    """
    spots = places(var)
    stop(var)
    folders = (spots.cluster, spots.cluster_in_the_making, spots.valkey, spots.log)
    found = [folder for folder in (*folders, spots.sockets, spots.run) if folder.exists()]
    for folder in dict.fromkeys(found):
        try:
            if folder.is_symlink():
                folder.unlink()
            else:
                shutil.rmtree(folder)
        except OSError as error:
            raise EmbeddedError(f"cannot remove {folder}: {error.strerror or error}") from None
    return bool(found)


def _silent(_: str) -> None:
    pass


def _take_lease(spots: Places) -> None:
    held = _leases.get(spots.var)
    if held is not None:
        if locks.is_same_file(held, spots.users_lock):
            return
        os.close(held)
        del _leases[spots.var]
    while spots.var not in _leases:
        spots.make()
        lease = locks.open_lock(spots.users_lock)
        # Refused only while the last supervisor is stopping.
        if not locks.take(lease, shared=True, wait_seconds=_STOP_SECONDS):
            os.close(lease)
            raise EmbeddedError(
                f"the servers of {spots.var} have been stopping for {_STOP_SECONDS:.0f} s"
                f" (see {spots.log / 'supervisor.log'})"
            )
        if locks.is_same_file(lease, spots.users_lock):
            _leases[spots.var] = lease
        else:  # the folder was cleaned away meanwhile
            os.close(lease)


def _have_servers(spots: Places, progress: Progress) -> None:
    if _is_supervised(spots) and _all_answer(spots):
        return
    starting = locks.open_lock(spots.start_lock)
    try:
        if not locks.take(starting, shared=False, wait_seconds=_READY_SECONDS):
            raise EmbeddedError(f"another process has been starting the servers of {spots.var}")
        _start_and_wait(spots, progress)
    finally:
        os.close(starting)


def _is_supervised(spots: Places) -> bool:
    """Whether the supervisor that called itself ready still is the one that holds the lock."""
    last = state.read(spots.state)
    return (
        last.stage == state.READY
        and locks.is_held(spots.supervisor_lock)
        and processes.was_given(last.supervisor_pid, str(spots.var))
    )


def _start_and_wait(spots: Places, progress: Progress) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    spawns_left = _SPAWNS
    told = ""
    while time.monotonic() < deadline:
        if locks.is_held(spots.supervisor_lock):
            stage = state.read(spots.state).stage
            # Old servers that answer may be about to be stopped: the supervisor's word counts too.
            if stage == state.READY and _all_answer(spots):
                return
            if stage != told and stage in (state.CREATING, state.BRINGING_UP):
                told = stage
                progress(stage)
        else:
            _fail_if_it_failed(spots, tried=spawns_left < _SPAWNS, may_try=spawns_left > 0)
            spawns_left -= 1
            _spawn_supervisor(spots)
        time.sleep(0.02)
    raise EmbeddedError(
        f"the servers of {spots.var} were not ready after {_READY_SECONDS:.0f} s (see {spots.log})"
    )


def _fail_if_it_failed(spots: Places, *, tried: bool, may_try: bool) -> None:
    error = state.read(spots.state).error if tried else ""
    if not error and not may_try:
        error = f"the supervisor of {spots.var} ends at once (see {spots.log / 'supervisor.log'})"
    if error:
        raise EmbeddedError(error)


def _all_answer(spots: Places) -> bool:
    return wire.valkey_answers(spots.valkey_socket) and database_exists(spots)


def _spawn_supervisor(spots: Places) -> None:
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    with (spots.log / "supervisor.log").open("ab") as log:
        # It forks itself off once it holds its lock, so this returns at once and leaves no
        # zombie; its own session keeps a terminal's Ctrl-C from it.
        subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "backend.embedded.supervisor", str(spots.var)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
            check=False,
        )


def _in_use(spots: Places) -> bool:
    try:
        descriptor = os.open(spots.users_lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not locks.take(descriptor, shared=False)
    finally:
        os.close(descriptor)


def _end_supervisor(spots: Places) -> None:
    processes.send(state.read(spots.state).supervisor_pid, signal.SIGTERM)
    if not processes.wait_until(lambda: not locks.is_held(spots.supervisor_lock), _STOP_SECONDS):
        raise EmbeddedError(f"the supervisor of {spots.var} does not stop (see {spots.log})")


def _stop_unsupervised(spots: Places) -> None:
    """Stop servers whose supervisor was killed, in its place."""
    supervising = locks.open_lock(spots.supervisor_lock)
    try:
        if not locks.take(supervising, shared=False, wait_seconds=1.0):
            return  # somebody started them again meanwhile
        servers: tuple[Server, ...] = (Valkey(spots), Postgres(spots))
        for server in servers:
            server.pid = server.find()
            server.stop()
        state.write(spots.state, state.State(stage=state.STOPPED))
    finally:
        os.close(supervising)
