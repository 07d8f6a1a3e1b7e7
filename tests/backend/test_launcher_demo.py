"""make demo as a whole: real servers, real data, real children, and nothing left of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import embedded
from backend.launcher.steps import readiness
from tests import ground
from tests.faults.embedded_bench import REPOSITORY, environment, is_running, wait

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def processes_of(var: Path) -> list[str]:
    """Every living process that was started for a var folder, whatever it calls itself."""
    wanted = f"TUIKE_VAR={var}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found.append(f"{folder.name} {line}")
    return found


class Demo:
    """A launcher as a terminal runs it: its process group gets the Ctrl-C."""

    def __init__(self, var: Path, port: int) -> None:
        self.output = var.parent / "output"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "backend.launcher"],
                env=environment(var, PORT=str(port), TUIKE_DEMO_SIZE="0.05"),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_for(self, text: str, seconds: float = 180) -> None:
        wait(lambda: text in self.said() or self.process.poll() is not None, seconds)
        assert text in self.said()

    def said(self) -> str:
        return self.output.read_text()

    def forget(self) -> None:
        self.output.write_text("")


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "var"
    yield folder
    for line in processes_of(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(line.split()[0]), signal.SIGKILL)
    embedded.clean(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.soak
def test_a_demo_that_is_stopped_while_it_seeds_begins_with_an_empty_database(var: Path) -> None:
    """From an empty folder, migrations and all."""
    port = free_port()
    # Ctrl-C while it seeds: make passes the signal on as well, so it comes twice.
    none = Demo(var, port)
    none.wait_for("pictures")
    os.killpg(none.process.pid, signal.SIGINT)
    os.killpg(none.process.pid, signal.SIGTERM)
    assert none.process.wait(30) == 0
    assert processes_of(var) == []

    again = Demo(var, port)
    again.wait_for("Ctrl-C stops everything")
    assert "cut short" in again.said()
    assert readiness(port)[0]
    os.killpg(again.process.pid, signal.SIGINT)
    assert again.process.wait(30) == 0, again.said()
    assert processes_of(var) == []


def test_a_demo_survives_what_is_done_to_it_and_leaves_nothing_behind(var: Path) -> None:
    port = free_port()
    ground.give_cluster(var)
    first = Demo(var, port)
    first.wait_for("Ctrl-C stops everything")
    said = first.said()
    for text in (f"ready: http://127.0.0.1:{port}", f":{port}/admin/", "curl -s"):
        assert text in said, said
    assert readiness(port)[0]
    groups = json.loads((var / "run" / f"launcher-{port}.json").read_text())
    assert set(groups) == {"web server", "stream server", "worker", "beat"}

    # A killed launcher takes its children with it, and the next one starts on the same port.
    first.process.kill()
    first.process.wait()
    first.forget()
    second = Demo(var, port)
    second.wait_for("Ctrl-C stops everything")
    assert "orders" not in second.said()  # what was seeded is still there
    assert not any(map(is_running, groups.values()))

    # A child that dies comes back.
    web = json.loads((var / "run" / f"launcher-{port}.json").read_text())["web server"]
    os.kill(web, signal.SIGKILL)
    second.wait_for("the web server died (killed by signal 9); starting it again in 0.5 s")
    wait(lambda: readiness(port)[0], 20)

    begun = time.monotonic()
    os.killpg(second.process.pid, signal.SIGINT)
    assert second.process.wait(30) == 0, second.said()
    assert processes_of(var) == []
    assert time.monotonic() - begun < 25
    assert second.said().rstrip().endswith("stopped")
    assert "was killed" not in second.said()
