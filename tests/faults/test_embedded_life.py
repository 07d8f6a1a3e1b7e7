"""The embedded servers on their ordinary days: start, share, stay, end, and come back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backend import embedded
from tests import ground
from tests.faults.embedded_bench import Bench, bench, environment, is_running, mode, wait


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


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Servers that nobody stops, for the tests that only look."""
    with bench(tmp_path_factory.mktemp("calm") / "var") as one:
        assert one.client().answer
        yield one


def test_a_cold_start_gives_an_empty_database_in_private_folders(bare: Bench, tmp_path: Path):
    tmp_path.chmod(0o755)
    client = bare.client()
    assert client.sql("SELECT current_database() || ' ' || current_user") == "tuike tuike"
    assert client.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    assert client.sql("SHOW server_encoding") == "UTF8"
    assert client.sql("SELECT lower('ÄÉ')") == "äé"
    assert client.sql("SHOW listen_addresses") == ""
    assert client.sql("SHOW fsync") == "on"
    assert client.sql("SHOW shared_buffers") == "256MB"
    assert client.sql("SHOW max_connections") == "100"
    settings = client.redis().config_get("*")
    assert {
        name: settings[name]
        for name in ("appendonly", "appendfsync", "maxmemory-policy", "port", "save")
    } == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "save": "",
    }
    modes = [oct(mode(bare.var / name)) for name in ("run", "log", "pg18", "valkey")]
    assert modes == ["0o700"] * 4
    assert oct(mode(tmp_path)) == "0o755"
    assert client.leave().splitlines() == [
        "creating the PostgreSQL cluster",
        "starting PostgreSQL and Valkey",
    ]


def test_a_second_process_shares_the_servers_of_the_first(calm: Bench):
    first = calm.clients[0]
    first.sql("CREATE TABLE shared AS SELECT 42 AS answer")
    second = calm.client()
    assert second.answer == first.answer
    assert second.sql("SELECT answer FROM shared") == 42
    assert second.leave() == ""


def test_six_starters_on_an_empty_folder_get_one_cluster(bare: Bench):
    clients = [bare.client() for _ in range(6)]
    assert len({client.servers for client in clients}) == 1
    assert (bare.var / "log" / "supervisor.log").read_text().count("creating") == 1


def test_data_survive_the_servers(here: Bench):
    first = here.client()
    first.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    first.redis().set("kept", "42")
    assert embedded.stop(here.var)
    second = here.client()
    assert set(second.servers).isdisjoint(first.servers)
    assert (second.sql("SELECT answer FROM kept"), second.redis().get("kept")) == (42, "42")
    assert second.leave().splitlines() == ["starting PostgreSQL and Valkey"]


FORKED = """
import json, os, sys
from backend import embedded
embedded.ensure()
found = embedded.status()
child = os.fork()
if child == 0:
    sys.stdin.read()
    os._exit(0)
print(json.dumps({"postgres": found.postgres_pid, "valkey": found.valkey_pid, "child": child,
                  "supervisor": found.supervisor_pid}), flush=True)
os.kill(os.getpid(), 9)
"""


def test_servers_last_as_long_as_a_user_lives_or_somebody_keeps_them(here: Bench, tmp_path: Path):
    client = here.client(FORKED)
    used = client.servers
    client.process.wait(10)  # killed; its forked child holds on
    with bench(tmp_path / "kept") as there:
        assert there.command("backend.embedded", "start").returncode == 0
        found = embedded.status(there.var)
        kept = (found.supervisor_pid, found.postgres_pid, found.valkey_pid)
        with pytest.raises(AssertionError):  # beyond the linger
            wait(lambda: not all(map(is_running, used + kept)), 2.7)
        os.kill(client.answer["child"], 9)
        assert 1 < wait(lambda: not any(map(is_running, used)), 8) < 6
        wait(lambda: not is_running(client.answer["supervisor"]), 2)
        assert not list((here.var / "run").glob("*.sock"))
        assert all(map(is_running, kept))


INTO_THE_ENVIRONMENT = """
import os, sys
from backend import embedded
print(embedded.ensure().database_url, os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
"""


def test_servers_given_by_the_environment_are_left_to_it(bare: Bench):
    given = {"DATABASE_URL": "postgresql://db.example/x", "REDIS_URL": "redis://cache.example"}
    client = bare.client(INTO_THE_ENVIRONMENT, **given)
    out, _ = client.process.communicate()
    assert out.split() == [given["DATABASE_URL"], given["DATABASE_URL"], given["REDIS_URL"]]
    assert not bare.var.exists()


def test_urls_inherited_from_a_parent_still_take_a_lease(calm: Bench):
    urls = embedded.expected_urls(calm.var)
    given = {"DATABASE_URL": urls.database_url, "REDIS_URL": urls.redis_url}
    client = calm.client(**given)
    assert client.answer == calm.clients[0].answer
    leases = [
        os.readlink(link)
        for link in Path(f"/proc/{client.process.pid}/fd").iterdir()
        if os.readlink(link).endswith("users.lock")
    ]
    assert leases == [str(calm.var / "run" / "users.lock")]


def test_naming_the_urls_starts_and_writes_nothing(bare: Bench):
    urls = embedded.expected_urls(bare.var)
    assert urls.redis_url == f"unix://{bare.var}/run/valkey.sock?db=0"
    assert urls.database_url == "postgresql://tuike@/tuike?host=" + str(bare.var / "run").replace(
        "/", "%2F"
    )
    assert not bare.var.exists()


def test_ensure_comes_back_from_a_stop(here: Bench, monkeypatch: pytest.MonkeyPatch):
    for name in ("DATABASE_URL", "REDIS_URL", "TUIKE_PG_OPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TUIKE_VAR", str(here.var))
    monkeypatch.setenv("TUIKE_PG_OPTS", "-c fsync=off -c work_mem=8MB")
    embedded.ensure()
    first = embedded.status()
    assert first.stage == "ready"
    assert embedded.stop()
    assert (embedded.status().stage, embedded.status().postgres_pid) == ("stopped", 0)
    assert not embedded.is_abandoned()
    assert not embedded.stop()
    embedded.ensure()
    assert embedded.status().postgres_pid not in (0, first.postgres_pid)
    assert here.client().sql("SHOW work_mem") == "8MB"
    assert os.environ["DATABASE_URL"] == embedded.expected_urls().database_url


def test_the_database_is_made_again_when_somebody_dropped_it(calm: Bench):
    urls = embedded.expected_urls(calm.var)
    other = urls.database_url.replace("/tuike?", "/postgres?")
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute("DROP DATABASE tuike")
    assert calm.client().sql("SELECT current_database()") == "tuike"


def test_the_command_line_starts_shows_stops_and_cleans(here: Bench):
    started = here.command("backend.embedded", "start")
    assert (started.returncode, started.stderr) == (0, "")
    found = embedded.status(here.var)
    assert f"postgres    {found.postgres_pid}" in started.stdout
    assert here.command("backend.embedded", "status").returncode == 0
    assert here.command("backend.embedded", "stop").stdout == "stopped\n"
    assert here.command("backend.embedded", "status").returncode == 3
    assert here.command("backend.embedded", "stop").stdout == "nothing was running\n"
    assert (here.var / "pg18" / "PG_VERSION").exists()
    assert here.command("backend.embedded", "clean").stdout == "stopped and removed\n"
    assert list(here.var.iterdir()) == []
    assert environment(here.var)["TUIKE_VAR"] == str(here.var)
