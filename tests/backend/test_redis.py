"""Redis for requests: a connection a thread, and nobody waits for one that is away: K17."""

import multiprocessing
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from backend.core import redis
from backend.core.redis import Away, RedisError, Script, call


@pytest.fixture(autouse=True)
def _as_found(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No outage before, a connection of the suite's Redis afterwards."""
    monkeypatch.setattr(redis, "_asked_again_at", 0.0)
    redis.forget_client()
    yield
    redis.forget_client()


def _elsewhere(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", f"unix://{path}?db=0")
    redis.forget_client()


def test_a_script_runs_also_where_the_server_has_forgotten_it() -> None:
    double = Script("return ARGV[1] * 2")
    assert double([], [21]) == 42
    call("SCRIPT", "FLUSH")
    assert double([], [4]) == 8
    assert double([], [5]) == 10


def test_a_connection_that_the_server_ended_is_replaced_unseen() -> None:
    first = call("CLIENT", "ID")
    other = redis.Redis.from_url(settings.REDIS_URL)
    other.client_kill_filter(_id=first)
    assert call("CLIENT", "ID") != first


def test_after_a_failure_nobody_asks_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []
    client = redis.client

    def counted() -> Any:
        asked.append(1)
        return client()

    monkeypatch.setattr(redis, "client", counted)
    _elsewhere(monkeypatch, tmp_path / "nothing.sock")
    with pytest.raises(RedisError):
        call("PING")
    for _ in range(3):
        with pytest.raises(Away):
            call("PING")
    assert len(asked) == 1
    monkeypatch.undo()
    redis.forget_client()
    assert call("PING") in (b"PONG", True)


def test_the_moment_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as away:
        _elsewhere(away, tmp_path / "nothing.sock")
        with pytest.raises(RedisError):
            call("PING")
    redis.forget_client()
    with pytest.raises(Away):
        call("PING")
    monkeypatch.setattr(redis, "_asked_again_at", redis._asked_again_at - redis.PAUSE)
    assert call("PING") in (b"PONG", True)
    assert redis._asked_again_at == 0.0


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        monkeypatch.setattr(redis, "PATIENCE", 0.05)
        _elsewhere(monkeypatch, tmp_path / "s")
        with pytest.raises(redis.TooSlow):
            call("PING")
        with pytest.raises(Away):
            call("PING")


def test_a_command_that_is_refused_is_no_outage() -> None:
    with pytest.raises(RedisError):
        call("NONSENSE")
    assert call("PING") in (b"PONG", True)


def test_each_thread_and_each_fork_has_a_connection_of_its_own() -> None:
    found = [call("CLIENT", "ID")]
    assert call("CLIENT", "ID") == found[0]
    thread = threading.Thread(target=lambda: found.append(call("CLIENT", "ID")))
    thread.start()
    thread.join()
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    child = context.Process(target=lambda: told.put(call("CLIENT", "ID")))
    child.start()
    found.append(told.get(timeout=30))
    child.join()
    assert len(set(found)) == 3
    assert call("CLIENT", "ID") == found[0]
