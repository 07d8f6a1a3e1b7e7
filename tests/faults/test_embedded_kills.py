"""The embedded servers when processes are killed: nothing leaks, nothing locks them out."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backend import embedded
from backend.embedded import processes
from tests import ground
from tests.faults.embedded_bench import Bench, bench, is_running, kill, wait


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Bench]:
    """Nothing yet."""
    with bench(tmp_path / "var") as one:
        yield one


@pytest.fixture
def here(bare: Bench) -> Bench:
    """With a cluster, so that not every test makes one."""
    ground.give_cluster(bare.var)
    return bare


@pytest.fixture
def stranger() -> Iterator[int]:
    """The number of a living process that has nothing to do with us."""
    process = subprocess.Popen(["sleep", "600"])
    yield process.pid
    process.kill()
    process.wait()


def test_the_next_client_adopts_the_servers_of_a_killed_supervisor(here: Bench):
    first = here.client()
    assert not embedded.is_abandoned(here.var)
    kill(first.answer["supervisor"])
    wait(lambda: embedded.is_abandoned(here.var), 2)
    assert first.sql("SELECT 1") == 1
    second = here.client()
    assert second.servers == first.servers
    assert second.answer["supervisor"] != first.answer["supervisor"]
    # Adopted servers are watched as children are.
    kill(second.answer["postgres"], second.answer["valkey"])
    third = here.client()  # waits until both serve
    assert set(third.servers).isdisjoint(first.servers)
    assert third.answer["supervisor"] == second.answer["supervisor"]
    assert embedded.stop(here.var)
    assert not any(map(is_running, third.servers))


def test_servers_without_supervisor_and_users_can_be_stopped(here: Bench):
    client = here.client()
    kill(client.answer["supervisor"], client.process.pid)
    assert here.command("backend.embedded", "stop").stdout == "stopped\n"
    assert not any(map(is_running, client.servers))


def test_a_reused_process_number_locks_nobody_out(here: Bench, stranger: int):
    first = here.client()
    first.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    kill(first.answer["supervisor"], *first.servers, first.process.pid)
    for path in (here.var / "pg18" / "postmaster.pid", here.var / "run" / ".s.PGSQL.5432.lock"):
        lines = path.read_text().split("\n")
        path.write_text("\n".join([str(stranger), *lines[1:]]))
    (here.var / "run" / "valkey.pid").write_text(f"{stranger}\n")
    assert here.client().sql("SELECT answer FROM kept") == 42
    assert is_running(stranger)


def test_an_empty_pid_file_after_a_power_cut_locks_nobody_out(here: Bench):
    first = here.client()
    kill(first.answer["supervisor"], *first.servers, first.process.pid)
    (here.var / "pg18" / "postmaster.pid").write_text("")
    assert here.client().sql("SELECT 1") == 1


def test_a_server_that_dies_alone_is_started_again(here: Bench):
    client = here.client()
    client.redis().set("kept", "42")
    wait(lambda: b"kept" in aof(here), 5)
    kill(client.answer["valkey"])
    wait(lambda: embedded.status(here.var).valkey_pid != 0, 10)
    kill(client.answer["postgres"])
    wait(lambda: embedded.status(here.var).postgres_pid != 0, 10)
    again = here.client()  # waits until both serve
    assert set(again.servers).isdisjoint(client.servers)
    assert (again.sql("SELECT 1"), again.redis().get("kept")) == (1, "42")
    assert again.answer["supervisor"] == client.answer["supervisor"]


def aof(here: Bench) -> bytes:
    return b"".join(path.read_bytes() for path in here.var.glob("valkey/*/*.incr.aof"))


def test_an_orphan_backend_does_not_keep_postgresql_down(here: Bench):
    client = here.client()
    # Busy backends do not notice that their postmaster died, and hold its shared memory.
    busy = threading.Thread(target=count_for_long, args=(client.answer["database"],))
    busy.start()
    postmaster = client.answer["postgres"]
    cluster = here.var / "pg18"
    wait(lambda: any(map(is_busy, processes.all_in(cluster, "postgres"))), 5)
    kill(postmaster)
    assert wait(lambda: embedded.status(here.var).postgres_pid not in (0, postmaster), 15) < 12
    assert here.client().sql("SELECT 1") == 1
    busy.join(10)
    assert not busy.is_alive()


def count_for_long(url: str) -> None:
    with pytest.raises(psycopg.OperationalError), psycopg.connect(url) as connection:
        connection.execute("SELECT count(*) FROM generate_series(1, 10000000000) AS n")


def is_busy(pid: int) -> bool:
    return "SELECT" in " ".join(processes.command_line(pid))


def test_a_killed_initdb_leaves_no_half_cluster(bare: Bench):
    half = bare.var / "pg18.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert bare.client().sql("SELECT 1") == 1
    assert not half.exists()


def test_starters_killed_at_any_moment_leave_the_next_one_a_working_start(bare: Bench):
    for milliseconds in (40, 120, 200, 280, 360):
        client = bare.client()
        wait((bare.var / "run" / "supervisor.lock").exists, 5)
        with pytest.raises(subprocess.TimeoutExpired):
            client.process.wait(milliseconds / 1000)
        supervisor = embedded.status(bare.var).supervisor_pid
        client.kill()
        if supervisor:
            os.kill(supervisor, 9)
    last = bare.client()
    assert last.sql("SELECT 1") == 1
    postmasters = [
        pid
        for pid in processes.all_in(bare.var / "pg18", "postgres")
        if str(bare.var / "pg18") in processes.command_line(pid)
    ]
    assert postmasters == [last.answer["postgres"]]
    assert processes.all_in(bare.var / "valkey", "valkey-server") == [last.answer["valkey"]]


def test_a_renamed_folder_gets_its_servers_under_its_new_name(here: Bench, tmp_path: Path):
    first = here.client()
    first.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    kill(first.answer["supervisor"])
    here.var.rename(tmp_path / "moved")
    with bench(tmp_path / "moved") as there:
        second = there.client()
        assert second.sql("SELECT answer FROM kept") == 42
        assert not any(map(is_running, first.servers))


def test_a_removed_folder_ends_its_servers(here: Bench):
    client = here.client()
    servers = client.servers
    shutil.rmtree(here.var, ignore_errors=True)  # the servers may still be writing
    wait(lambda: not any(map(is_running, servers)), 10)
    wait(lambda: not is_running(client.answer["supervisor"]), 2)
