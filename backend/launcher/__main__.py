"""The order of things: servers, database, data, children, and back again."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence

from backend import embedded
from backend.embedded import logs
from backend.embedded.places import Places, places
from backend.launcher import steps
from backend.launcher.children import Child, end_all
from backend.launcher.console import Console, Failure, Stop
from backend.launcher.leftovers import Record, end_leftovers

READY_SECONDS = 90.0
_TEND_SECONDS = 0.5
_ROTATE_EVERY_SECONDS = 30.0


class Demo:
    """One run of the whole service."""

    def __init__(self, console: Console, spots: Places) -> None:
        self._console = console
        self._places = spots
        self._port = 0
        self._streams = 0
        self._record: Record | None = None
        self._children: list[Child] = []
        self._environment: dict[str, str] = {}
        self._rotate_at = 0.0
        self.begun = False

    def run(self) -> None:
        """Bring everything up and keep it up.

        :raises Stop: it was asked to stop.
        :raises Failure: something does not come up or does not stay up.
        """
        self._places.make()
        for name in end_leftovers(self._places.run):
            self._console.say(f"ended the {name} that a killed demo had left running")
        self._port = steps.chosen_port()
        self._streams = steps.stream_port(self._port)
        base_url = f"http://{steps.HOST}:{self._port}"
        self._start_servers()
        self._environment = {"PUBLIC_URL": base_url} | os.environ
        self._prepare_data()
        self._start_children()
        self._wait_until_ready()
        self._console.say(f"ready: {base_url}")
        self._manage("seed", "--print-welcome", "--base-url", base_url, may_fail=True)
        told = f"http://{steps.HOST}:{self._streams}/v1/me/earnings/stream"
        self._console.show(f"\nEarnings as they move (with a promoter's token): {told}")
        self._console.show(f"Ctrl-C stops everything. Logs: {self._places.log}")
        while True:
            self._tend()

    def close(self) -> None:
        """End everything that run() started."""
        if self._children:
            for name in end_all(self._children):
                self._console.say(f"the {name} did not end by itself and was killed")
        if self._record:
            self._record.clear()
        try:
            embedded.leave()
        except embedded.EmbeddedError as error:
            self._console.say(str(error))

    def _start_servers(self) -> None:
        self.begun = True
        self._console.say("PostgreSQL and Valkey")
        embedded.ensure(lambda stage: self._console.say(f"  {stage}"))
        self._console.pause(0)

    def _prepare_data(self) -> None:
        self._migrate()
        if os.environ.get("TUIKE_ENV") == "production":
            # Elsewhere static files are served from the packages themselves.
            self._console.say("collecting static files")
            self._manage("collectstatic", "--noinput", log="collectstatic")
        self._seed_whole()

    def _migrate(self) -> None:
        self._console.say("migrating the database")
        self._manage("migrate", "--noinput", log="migrate")
        self._manage("set_up_roles", log="roles")

    def _seed_whole(self) -> None:
        """Seed; where an earlier launcher's seeding was cut short, once more from the beginning."""
        mark = self._places.run / "seeding"
        was_cut_short = mark.exists()
        mark.touch()
        try:
            self._seed()
        except Failure:
            ours = embedded.expected_urls().database_url == os.environ["DATABASE_URL"]
            if not (was_cut_short and ours):
                raise
            self._console.say("an earlier seeding was cut short: beginning with an empty database")
            embedded.begin_anew()
            self._migrate()
            self._seed()
        mark.unlink()

    def _seed(self) -> None:
        self._console.say("seeding the demo data, unless there are data")
        size = os.environ.get("TUIKE_DEMO_SIZE") or "1"
        self._manage("seed", "--scenario", "demo", "--if-empty", "--size", size)

    def _manage(self, *arguments: str, log: str = "", may_fail: bool = False) -> None:
        path = self._places.log / f"{log}.log" if log else None
        if path:
            logs.rotate(path, limit_bytes=0)
        steps.manage(
            self._console,
            *arguments,
            environment=self._environment,
            log=path,
            may_fail=may_fail,
        )

    def _start_children(self) -> None:
        self._console.say("web server, stream server, worker and beat")
        schedule = self._places.run / f"celerybeat-{self._port}"
        self._record = Record(self._places.run, self._port)
        if not self._record.take():
            raise Failure(f"another demo has taken port {self._port} meanwhile")
        for program in steps.programs(self._port, streams=self._streams, schedule=schedule):
            log = self._places.log / f"{program.name.split()[0]}-{self._port}.log"
            child = Child(program, environment=self._environment, log=log)
            self._children.append(child)
            child.start()
            self._note()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        said = ""
        while time.monotonic() < deadline:
            ready, said = steps.readiness(self._port)
            if ready:
                return
            self._tend(pause=0.1)
        raise Failure(f"not ready after {READY_SECONDS:.0f} s: /readyz says {said}")

    def _tend(self, pause: float = _TEND_SECONDS) -> None:
        self._console.pause(pause)
        now = time.monotonic()
        before = self._groups()
        for child in self._children:
            line = child.tend(now)
            if line:
                self._console.say(line)
        if self._groups() != before:
            self._note()
        if embedded.is_abandoned():
            embedded.ensure()
            self._console.say("the embedded servers had lost their supervisor and have one again")
        if now >= self._rotate_at:
            self._rotate_at = now + _ROTATE_EVERY_SECONDS
            for child in self._children:
                logs.rotate(child.log)

    def _groups(self) -> dict[str, int]:
        return {child.name: child.group for child in self._children if child.group}

    def _note(self) -> None:
        assert self._record
        self._record.write(self._groups())


def main(arguments: Sequence[str] = ()) -> int:
    """Run the demo until it is stopped; 1 when it could not go on."""
    if arguments:
        sys.stderr.write("usage: [PORT=8000] python -m backend.launcher\n")
        return 2
    console = Console()
    demo = Demo(console, places())
    code = 0
    try:
        demo.run()
    except Stop:
        console.show("")
        console.say("stopping")
    except (Failure, embedded.EmbeddedError) as error:
        console.complain(str(error))
        code = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        demo.close()
    if demo.begun:
        console.say("stopped")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
