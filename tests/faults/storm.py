"""What kills the product's own processes, one at a time, and how long they took to come back."""

import contextlib
import os
import random
import shutil
import signal
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import redis

from backend import embedded
from tests.service import Service

# R10: seconds.
API_BACK = 5.0
TASK_AGAIN = 15.0
TASK_ENDED = "worker killed → a task ended"


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(text) for text in path.read_text().split()] if path.exists() else []


def kill_tree(pid: int) -> None:
    """kill -9 of a server and every process below it, the parent stopped first so that it cannot
    start another child meanwhile."""
    if not pid:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        for child in _children(pid):
            kill_tree(child)
        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def nobody_restarts(service: Service) -> Iterator[None]:
    """The embedded servers' supervisor is held: what dies stays dead until the block ends."""
    supervisor = embedded.status(service.var).supervisor_pid
    os.kill(supervisor, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def database_answers(service: Service) -> bool:
    """Whether PostgreSQL takes a connection."""
    try:
        service.sql("SELECT 1")
    except psycopg.Error:
        return False
    return True


def broker_answers(service: Service) -> bool:
    """Whether Valkey answers."""
    try:
        return bool(broker(service).ping())
    except redis.RedisError:
        return False


def broker(service: Service) -> redis.Redis:
    """A client of the service's Valkey."""
    return redis.Redis.from_url(embedded.expected_urls(service.var).redis_url, socket_timeout=2)


class Storm:
    """Kills by kind. Each waits until its victim is up again (workers and beats excepted, whose
    coming back is watched aside), so that what came back late is known by name."""

    def __init__(self, service: Service, *, seed: int, token: str) -> None:
        self.service, self.token = service, token
        self.dice = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.deaths: Counter[str] = Counter()
        self._watchers: list[threading.Thread] = []
        self._servers_killed = 0
        self._kinds: dict[str, Callable[[], None]] = {
            "worker": self.worker,
            "beat": self.beat,
            "web": self.web,
            "broker": self.broker,
            "broker, AOF removed": self.broker_without_memory,
            "PostgreSQL": self.database,
        }

    def strike(self, kind: str) -> None:
        """One kill."""
        self._kinds[kind]()
        self.kills[kind] += 1

    def worker(self) -> None:
        """A worker, main process and pool children at once; started again at once."""
        self._again("worker")

    def beat(self) -> None:
        """One of the beats."""
        self._again("beat")

    def _again(self, kind: str) -> None:
        names = [name for name in self.service.processes if name.startswith(kind)]
        name = self.dice.choice(sorted(names))
        log = self.service.var / f"{name}.log"
        self.service.kill9(name)
        killed, size = time.monotonic(), log.stat().st_size
        self.service.spawn(kind, label=name)
        if kind == "worker":
            watcher = threading.Thread(target=self._first_task, args=[name, log, size, killed])
            watcher.start()
            self._watchers.append(watcher)

    def _first_task(self, name: str, log: Path, size: int, killed: float) -> None:
        """Notes when the new worker has ended its first task; not one that was killed again, and
        apart where it found a server killed as well."""
        process, servers_killed = self.service.processes.get(name), self._servers_killed
        while process and process.poll() is None and time.monotonic() - killed < 90:
            with log.open("rb") as lines:
                lines.seek(size)
                if b"] succeeded in " in lines.read():
                    alone = servers_killed == self._servers_killed
                    what = TASK_ENDED if alone else f"{TASK_ENDED}, with a server"
                    self.seconds[what].append(time.monotonic() - killed)
                    return
            time.sleep(0.05)

    def web(self) -> None:
        """The web server, workers and all."""
        self.service.kill9("web")
        killed = time.monotonic()
        self.service.spawn("web")
        self._until("web killed → API answers", killed, self._api_answers, 60)

    def broker(self) -> None:
        """Valkey, whose append-only file it reads again."""
        self._broker(lambda: None)

    def broker_without_memory(self) -> None:
        """Valkey, and everything that it knew."""
        folder = self.service.var / "valkey" / "appendonlydir"
        self._broker(lambda: shutil.rmtree(folder))

    def _broker(self, meanwhile: Callable[[], None]) -> None:
        self._servers_killed += 1
        with nobody_restarts(self.service):
            os.kill(embedded.status(self.service.var).valkey_pid, signal.SIGKILL)
            meanwhile()
        killed = time.monotonic()
        self._until("broker killed → it answers", killed, lambda: broker_answers(self.service), 30)

    def flush(self) -> None:
        """FLUSHALL: no kill, and as much forgotten."""
        with contextlib.suppress(redis.RedisError):
            broker(self.service).flushall()
            self.kills["(FLUSHALL)"] += 1

    def database(self) -> None:
        """The postmaster and all its children."""
        self._servers_killed += 1
        kill_tree(embedded.status(self.service.var).postgres_pid)
        killed = time.monotonic()
        back = self._until(
            "PostgreSQL killed → it answers", killed, lambda: database_answers(self.service), 60
        )
        self._until("PostgreSQL back → API answers", back, self._api_answers, 30)

    def _api_answers(self) -> bool:
        return self.service.call("GET", "/v1/me", token=self.token).status == 200

    def _until(
        self, what: str, since: float, condition: Callable[[], bool], seconds: float
    ) -> float:
        self.service.wait(condition, what, seconds)
        now = time.monotonic()
        self.seconds[what].append(now - since)
        return now

    def mind(self) -> None:
        """Starts again what died without having been killed, as Docker would, and counts it."""
        for name, process in list(self.service.processes.items()):
            if process.poll() is not None:
                self.deaths[name] += 1
                self.service.processes.pop(name)
                self.service.spawn(name.rstrip("0123456789"), label=name)

    def settle(self) -> None:
        """Waits for the watchers."""
        for watcher in self._watchers:
            watcher.join(100)

    @property
    def count(self) -> int:
        """How many processes were killed; FLUSHALL kills none."""
        return sum(count for kind, count in self.kills.items() if not kind.startswith("("))

    def table(self) -> list[str]:
        """The report's lines."""
        lines = [f"  {kind:<42}{count:>6}" for kind, count in sorted(self.kills.items())]
        lines += [f"  {'kills in all':<42}{self.count:>6}", ""]
        lines += [f"  {'seconds':<42}{'times':>6}{'median':>9}{'longest':>9}"]
        for what, found in sorted(self.seconds.items()):
            middle = statistics.median(found)
            lines.append(f"  {what:<42}{len(found):>6}{middle:>9.2f}{max(found):>9.2f}")
        lines.append(f"  died without being killed: {dict(self.deaths) or 'none'}")
        return lines
