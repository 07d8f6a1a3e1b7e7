"""What the embedded servers cannot do, they say in one line; awkward places work all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import embedded
from backend.embedded import binaries, logs, places
from tests.faults.embedded_bench import REPOSITORY, Bench, bench, environment, mode


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path / "var") as one:
        yield one


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A short folder to stand for XDG_RUNTIME_DIR."""
    folder = tmp_path_factory.mktemp("r")
    yield folder
    shutil.rmtree(folder)


def refusal(here: Bench, **more: str) -> str:
    """The one line with which a command refuses."""
    done = here.command("backend.embedded", "start", **more)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (1, 1), done.stderr
    return lines[0]


def serves(one: Bench, **more: str) -> Path:
    """The folder of the sockets of servers that were seen to work."""
    client = one.client(**more)
    assert (client.sql("SELECT 1"), client.redis().ping()) == (1, True)
    socket = client.answer["redis"].removeprefix("unix://").partition("?")[0]
    return Path(socket).parent


def test_a_long_path_gets_its_sockets_in_a_private_folder_elsewhere(tmp_path: Path, runtime: Path):
    var = tmp_path / ("long-" * 30)[: 150 - len(str(tmp_path))] / "var"
    with bench(var) as one:
        sockets = serves(one, XDG_RUNTIME_DIR=str(runtime))
        assert sockets.parent == runtime
        assert oct(mode(sockets)) == "0o700"
        # Another process with another idea of temporary folders finds them there all the same.
        assert serves(one, XDG_RUNTIME_DIR="", TMPDIR="/tmp") == sockets
    assert list(runtime.iterdir()) == []


def test_a_long_path_without_a_runtime_folder_uses_the_temporary_one(tmp_path: Path, runtime: Path):
    var = tmp_path / ("long-" * 30) / "var"
    nowhere = str(tmp_path / "nowhere")
    with bench(var) as one:
        assert serves(one, XDG_RUNTIME_DIR=nowhere, TMPDIR=str(runtime)).parent == runtime


@pytest.mark.parametrize("name", ["推客 'a' \"b\" %20", "comma,"])
def test_an_awkward_path_works(tmp_path: Path, name: str):
    with bench(tmp_path / name / "var") as one:
        serves(one)


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path):
    (tmp_path / "file").touch()
    here = Bench(tmp_path / "file" / "var")
    assert refusal(here) == (
        f"cannot write to {here.var}: Not a directory (set TUIKE_VAR to a folder you may write to)"
    )


def test_a_read_only_folder_is_told_in_one_line(here: Bench):
    here.var.mkdir(mode=0o500)
    # Root may write everywhere, but not from within a user namespace.
    done = subprocess.run(
        [*binaries.unprivileged_prefix(), sys.executable, "-m", "backend.embedded", "start"],
        env=environment(here.var),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith(f"cannot write to {here.var}: Permission denied (set TUIKE_")


def test_a_folder_that_is_not_ours_is_told_in_one_line(here: Bench, tmp_path: Path):
    here.var.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (here.var / "run").symlink_to(tmp_path / "elsewhere")
    assert refusal(here).startswith(f"{here.var / 'run'} is not a folder of this user (set TUIKE_")


@pytest.mark.parametrize("folder", ["pg17", "pg18"])
def test_a_cluster_of_another_major_is_told_in_one_line(here: Bench, folder: str):
    (here.var / folder).mkdir(parents=True)
    (here.var / folder / "PG_VERSION").write_text("17\n")
    assert refusal(here) == (
        f"{here.var / folder} is a PostgreSQL 17 cluster and this release brings PostgreSQL 18:"
        " dump it with the release that made it, or remove it (make clean)"
    )
    assert embedded.status(here.var).stage == "stopped"


def test_a_wrong_setting_is_told_in_one_line(here: Bench):
    assert refusal(here, TUIKE_PG_OPTS="--single") == (
        'TUIKE_PG_OPTS holds only "-c name=value" settings'
    )
    line = refusal(here, TUIKE_PG_OPTS="-c shared_buffers=plenty")
    assert line.startswith("PostgreSQL does not stay up: ")
    assert 'invalid value for parameter "shared_buffers"' in line
    assert f"(see {here.var / 'log' / 'postgres.log'})" in line
    assert embedded.status(here.var).valkey_pid == 0


def test_a_damaged_append_only_file_is_told_in_one_line(here: Bench):
    here.client().redis().set("kept", "42")
    embedded.stop(here.var)
    (manifest,) = here.var.glob("valkey/appendonlydir/*.manifest")
    manifest.write_text("nonsense\n")
    assert refusal(here).startswith("Valkey does not stay up: ")


def test_ensure_raises_what_the_command_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUIKE_VAR", str(tmp_path / "file" / "var"))
    with pytest.raises(embedded.EmbeddedError, match=r"^cannot write to \S+: Not a directory"):
        embedded.ensure()
    assert "DATABASE_URL" not in os.environ


def test_a_log_that_outgrew_its_limit_is_set_aside(tmp_path: Path):
    log = tmp_path / "some.log"
    assert not logs.rotate(log, limit_bytes=10)
    with log.open("ab", buffering=0) as writer:
        for number in range(5):
            writer.write(b"%d" % number * 11)
            assert logs.rotate(log, limit_bytes=10)
            assert not logs.rotate(log, limit_bytes=10)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "some.log", "some.log.1", "some.log.2", "some.log.3",
    ]  # fmt: skip
    assert (tmp_path / "some.log.1").read_text() == "4" * 11
    assert (tmp_path / "some.log.3").read_text() == "2" * 11


def test_a_running_server_writes_on_in_its_rotated_log(here: Bench):
    client = here.client()
    client.sql("SELECT 1")
    log = places.places(here.var).log / "postgres.log"
    logs.rotate(log, limit_bytes=1)
    assert log.stat().st_size == 0
    client.sql("DO $$ BEGIN RAISE LOG 'still here'; END $$")
    assert "still here" in log.read_text()
    assert not log.read_bytes().startswith(b"\0")
