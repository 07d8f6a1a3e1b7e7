"""make demo's launcher: its children end with it, however it ends; it says what is wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.embedded import processes
from backend.launcher.children import Child, Program, end_all
from backend.launcher.console import Failure
from backend.launcher.leftovers import Record, end_leftovers
from tests.faults.embedded_bench import REPOSITORY, environment, is_running, wait

# Says its own number and that of a child in its process group, then waits.
FAMILY = """
import os, sys, time
child = os.fork()
if child:
    print(os.getpid(), child, flush=True)
time.sleep(60)
"""
STUBBORN = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
)


def launcher(var: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backend.launcher"],
        env=environment(var, **more),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def child(tmp_path: Path, code: str, **more: float) -> Child:
    program = Program("sleeper", [sys.executable, "-c", code])
    return Child(program, environment=os.environ, log=tmp_path / "sleeper.log", **more)


def numbers(log: Path, count: int) -> list[int]:
    """The process numbers that a child wrote."""
    wait(lambda: len(log.read_text().split()) >= count, 10)
    return [int(word) for word in log.read_text().split()]


def tend_until_it_speaks(one: Child) -> str:
    lines: list[str] = []

    def speaks() -> bool:
        lines.append(one.tend(time.monotonic()))
        return bool(lines[-1])

    wait(speaks, 15)
    return lines[-1]


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_in_use_is_told_in_one_line_before_anything_is_started(tmp_path: Path, port: int):
    done = launcher(tmp_path / "var", PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    start = f"port {port} is in use; choose another one: PORT="
    assert line.startswith(start)
    assert line.endswith(" make demo")
    other = int(line.removeprefix(start).split()[0])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", other))
    assert not (tmp_path / "var" / "pg18").exists()


@pytest.mark.parametrize("text", ["80x", "0", "65536", "-1", "٨٠"])
def test_a_port_that_is_none_is_told_in_one_line(tmp_path: Path, text: str):
    done = launcher(tmp_path / "var", PORT=text)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"PORT={text} is no port number (1 to 65535)\n"


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path):
    (tmp_path / "file").touch()
    done = launcher(tmp_path / "file" / "var")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"cannot write to {tmp_path}/file/var: Not a directory (set TUI")
    assert len(done.stderr.splitlines()) == 1


LEASHED = """
import os, sys, time
from pathlib import Path
from backend.launcher.children import Program, spawn
program = Program("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
print(spawn(program, environment=os.environ, log=Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a leash is Linux's prctl")
def test_a_child_dies_with_a_killed_parent(tmp_path: Path):
    parent = subprocess.Popen(
        [sys.executable, "-c", LEASHED, str(tmp_path / "log")],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    with parent.stdout:
        number = int(parent.stdout.readline())
    # In the middle of its exec a process has no arguments at all: wait for the sleeper's.
    wait(lambda: processes.command_line(number)[1:2] == ["-c"], 5)
    parent.kill()
    parent.wait()
    wait(lambda: not is_running(number), 5)


def test_a_leash_whose_holder_is_gone_starts_nothing(tmp_path: Path):
    leash = [sys.executable, "-m", "backend.launcher.leash", "15", "1"]
    done = subprocess.run([*leash, "/bin/touch", str(tmp_path / "x")], cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert not (tmp_path / "x").exists()


def test_a_child_that_dies_is_started_again_without_what_it_left(tmp_path: Path):
    one = child(tmp_path, FAMILY, first_pause_seconds=0.1)
    one.start()
    first = numbers(one.log, 2)
    os.kill(first[0], signal.SIGKILL)
    assert tend_until_it_speaks(one) == (
        f"the sleeper died (killed by signal 9); starting it again in 0.1 s, see {one.log}"
    )
    wait(lambda: not any(map(is_running, first)), 5)
    wait(lambda: one.tend(time.monotonic()) == "" and one.group != 0, 5)
    second = numbers(one.log, 4)[2:]
    assert all(map(is_running, second))
    assert end_all([one]) == []
    wait(lambda: not any(map(is_running, second)), 5)


def test_a_child_that_dies_at_once_is_given_up_with_the_end_of_its_log(tmp_path: Path):
    one = child(tmp_path, "import sys; sys.exit('no good')", first_pause_seconds=0.01)
    one.start()
    pauses = [tend_until_it_speaks(one).split("again in ")[1].split()[0] for _ in range(4)]
    assert pauses == ["0.01", "0.02", "0.04", "0.08"]
    with pytest.raises(Failure) as caught:
        tend_until_it_speaks(one)
    assert str(caught.value).splitlines() == [
        f"the sleeper died 5 times in a row (exit code 1); the end of {one.log}:",
        *["    no good"] * 5,
    ]


def test_a_child_that_does_not_end_is_killed(tmp_path: Path):
    one = child(tmp_path, STUBBORN)
    one.start()
    group = one.group
    numbers(one.log, 1)
    assert end_all([one], seconds=0.5) == ["sleeper"]
    assert not is_running(group)


def test_a_log_begins_anew_with_each_run(tmp_path: Path):
    for text in ("first", "second"):
        one = child(tmp_path, f"print({text!r})")
        one.start()
        assert one.wait_for_end(10)
    assert (tmp_path / "sleeper.log").read_text() == "second\n"
    assert (tmp_path / "sleeper.log.1").read_text() == "first\n"


@contextlib.contextmanager
def sleeper(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    one = subprocess.Popen(["sleep", "60"], cwd=folder, start_new_session=True)
    yield one
    one.kill()
    one.wait()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_a_killed_launcher_left_is_ended_and_nothing_else(tmp_path: Path):
    with sleeper(REPOSITORY) as ours, sleeper(tmp_path) as reused, sleeper(REPOSITORY) as alive:
        Record(tmp_path, 8000).write({"web server": ours.pid, "worker": reused.pid})
        running = Record(tmp_path, 8001)
        assert running.take()
        running.write({"web server": alive.pid})
        assert end_leftovers(tmp_path) == ["web server"]
        assert ours.wait(5) == -signal.SIGTERM
        assert (reused.poll(), alive.poll()) == (None, None)
        assert end_leftovers(tmp_path) == []
        assert not Record(tmp_path, 8001).take()
