"""The detached process that keeps both servers up while anybody uses them.

It holds ``supervisor.lock`` for its whole life, so there is one per folder. Users hold
``users.lock`` shared; when it can be had exclusively nobody is left, and after a short linger
the supervisor keeps it (so that a newcomer waits), stops the servers and ends.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from datetime import UTC, datetime

from backend.embedded import locks, logs, state
from backend.embedded.errors import EmbeddedError
from backend.embedded.places import Places, places
from backend.embedded.postgres import Postgres
from backend.embedded.servers import Server
from backend.embedded.valkey import Valkey

LINGER_SECONDS = 2.0
POLL_SECONDS = 0.25
_STEADY_SECONDS = 10.0  # a server that ran so long had started well
_LONGEST_PAUSE_SECONDS = 5.0
_STARTS_IN_A_ROW = 3
_STARTS_THAT_MAY_PASS = 12
_ROTATE_EVERY_SECONDS = 30.0


class Keeper:
    """Keeps one server running: starts it, and again, with longer pauses, when it dies."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._deaths = 0
        self._started_at = 0.0
        self._retry_at: float | None = None

    def begin(self) -> bool:
        """Take over the running server, or start one; whether one was running."""
        if self.server.adopt():
            say(f"took over {self.server.name}, process {self.server.pid}")
            return True
        self._start()
        return False

    def is_down(self, now: float) -> bool:
        """Look whether the server runs; when it died, plan its next start.

        :raises EmbeddedError: it dies again and again.
        """
        if self._retry_at is None and not self.server.is_alive():
            self._plan_restart(now)
        return self._retry_at is not None

    def start_when_due(self, now: float) -> None:
        """Start the server again when the planned time has come."""
        if self._retry_at is not None and now >= self._retry_at:
            self._start()

    def serves(self) -> None:
        """It answered: what it dies of from now on is no failed start."""
        self._deaths = 0

    def _start(self) -> None:
        self._retry_at = None
        self._started_at = time.monotonic()
        self.server.start()
        say(f"started {self.server.name}, process {self.server.pid}")

    def _plan_restart(self, now: float) -> None:
        if now - self._started_at > _STEADY_SECONDS:
            self._deaths = 0
        self._deaths += 1
        why = self.server.last_words()
        say(f"{self.server.name} died: {why}")
        # An orphan backend may hold the shared memory for a while, and a kill -9 comes from
        # outside: both pass.
        passes = "shared memory" in why or "killed by signal 9" in why
        if self._deaths >= (_STARTS_THAT_MAY_PASS if passes else _STARTS_IN_A_ROW):
            raise EmbeddedError(
                f"{self.server.name} does not stay up: {why} (see {self.server.log})"
            )
        self._retry_at = now + min(0.1 * 2**self._deaths, _LONGEST_PAUSE_SECONDS)


class Supervisor:
    """The loop over both servers of one var folder."""

    def __init__(self, spots: Places) -> None:
        self.places = spots
        self.postgres = Postgres(spots)
        self.valkey = Valkey(spots)
        self._keepers = [Keeper(self.postgres), Keeper(self.valkey)]
        self._users = locks.open_lock(spots.users_lock)
        self._state = state.State()
        self._idle_since: float | None = None
        self._rotate_at = 0.0
        self._told_to_stop = False
        self._data_are_gone = False

    def run(self) -> None:
        """Serve until nobody uses the servers or TERM arrives; then stop them.

        What goes wrong is left in the state file for the clients that wait.
        """
        # Whoever started us may have been one to block signals, and that is inherited.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        wake_up = _wake_up_pipe()
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._note(supervisor_pid=os.getpid(), stage=state.STARTING)
        try:
            self._bring_up()
            while not self._should_stop():
                self._tend()
                pause = POLL_SECONDS if self._state.stage == state.READY else 0.02
                if select.select([wake_up], [], [], pause)[0]:
                    os.read(wake_up, 64)
        except EmbeddedError as error:
            say(str(error))
            self._note(error=str(error))
        finally:
            self._shut_down()

    def _on_term(self, *_: object) -> None:
        self._told_to_stop = True

    def _bring_up(self) -> None:
        self._rotate_logs()
        if not self.postgres.has_cluster():
            self._note(stage=state.CREATING)
            say("creating the PostgreSQL cluster")
            self.postgres.create_cluster()
        self._note(stage=state.BRINGING_UP)
        adopted = [keeper.begin() for keeper in self._keepers]
        if not any(adopted):
            self.places.keep.unlink(missing_ok=True)  # it was said of servers that are gone
        self._note_pids()

    def _tend(self) -> None:
        now = time.monotonic()
        down = [keeper for keeper in self._keepers if keeper.is_down(now)]
        if down:
            self._note(stage=state.BRINGING_UP)
            for keeper in down:
                keeper.start_when_due(now)
            self._note_pids()
        if self._state.stage != state.READY and self.postgres.answers() and self.valkey.answers():
            self._note(stage=state.READY)
            for keeper in self._keepers:
                keeper.serves()
            say("ready")
        if now >= self._rotate_at:
            self._rotate_logs()

    def _should_stop(self) -> bool:
        if self._told_to_stop:
            say("told to stop")
            return True
        if not locks.is_same_file(self._users, self.places.users_lock):
            say("the folder was removed")
            self._data_are_gone = True
            return True
        return self._nobody_is_left()

    def _nobody_is_left(self) -> bool:
        if self.places.keep.exists() or not locks.take(self._users, shared=False):
            self._idle_since = None
            return False
        now = time.monotonic()
        if self._idle_since is None:
            self._idle_since = now
        if now - self._idle_since >= LINGER_SECONDS:
            say("nobody is left")
            return True  # with users.lock held: a newcomer waits until this process has ended
        locks.release(self._users)
        return False

    def _shut_down(self) -> None:
        failed = bool(self._state.error)
        self._note(stage=state.FAILED if failed else state.STOPPING)
        self.postgres.ask_to_stop()  # both at a time
        self.valkey.stop(at_once=self._data_are_gone)
        self.postgres.stop(at_once=self._data_are_gone)
        self.places.keep.unlink(missing_ok=True)
        self._note(stage=state.FAILED if failed else state.STOPPED, postgres_pid=0, valkey_pid=0)
        say("stopped")

    def _rotate_logs(self) -> None:
        self._rotate_at = time.monotonic() + _ROTATE_EVERY_SECONDS
        for log in (self.places.log / "supervisor.log", self.postgres.log, self.valkey.log):
            logs.rotate(log)

    def _note_pids(self) -> None:
        self._note(postgres_pid=self.postgres.pid, valkey_pid=self.valkey.pid)

    def _note(self, **changes: object) -> None:
        changed = self._state.but(**changes)
        if changed != self._state and not self._data_are_gone:
            state.write(self.places.state, changed)
        self._state = changed


def _wake_up_pipe() -> int:
    """A descriptor that turns readable when a signal arrives: a dead child, or the end."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


def say(text: str) -> None:
    """Write a line to the log, which is where standard error goes."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    sys.stderr.write(f"{now} [{os.getpid()}] {text}\n")
    sys.stderr.flush()


def main(var: str) -> int:
    """Become the supervisor of a var folder, unless it has one."""
    spots = places(var)
    lock = locks.open_lock(spots.supervisor_lock)
    if not locks.take(lock, shared=False, wait_seconds=2.0):
        return 0
    # The lock is held and the predecessor's word withdrawn before the one who started this is
    # let go on; the child keeps the lock.
    state.write(spots.state, state.State(stage=state.STARTING))
    if os.fork():
        os._exit(0)
    try:
        Supervisor(spots).run()
    except Exception as error:
        say(f"{type(error).__name__}: {error}")
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
