"""The settings of Celery and its broker: every one is there for a fault (docs/reliability.md), is
known to the installed versions by that name, and really arrives where it acts."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.app.defaults import SETTING_KEYS
from django.conf import settings
from kombu import Connection
from kombu.transport.redis import Channel
from kombu.transport.redis import Transport as RedisTransport

from backend import doorbell
from backend.celery import RETRY, Patient, app
from tests.house.source import calls, name_of, python, text

BROKER = app.conf.broker_transport_options
OURS = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "task_time_limit": 240,
    "task_soft_time_limit": 210,
    "worker_soft_shutdown_timeout": 20,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "broker_pool_acquire_timeout": 5,
    "broker_connection_max_retries": None,
    "broker_connection_retry_on_startup": True,
    "task_publish_retry": False,
    "task_ignore_result": True,
    "task_serializer": "json",
    "accept_content": ["json"],
}
TRANSPORT = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 30,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "max_retries": 0,
}


@pytest.fixture
def broker() -> Iterator[Connection]:
    """A patient connection to the suite's own Redis database."""
    number = settings.REDIS_URL.rsplit("db=", 1)[1]
    url = app.conf.broker_url.rsplit("=", 1)[0] + f"={number}"
    with Patient(url, transport_options=BROKER) as connection:
        yield connection


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL)


def test_the_settings_are_as_the_design_says() -> None:
    assert {name: app.conf[name] for name in OURS} == OURS
    assert BROKER == TRANSPORT


def test_every_setting_is_one_that_the_installed_celery_knows() -> None:
    noted_by_celery_itself = {"deprecated_settings"}
    assert set(app.conf.changes) - SETTING_KEYS - noted_by_celery_itself == set()
    known_by_connection = {"max_retries"}  # kombu.Connection._extract_failover_opts
    assert set(BROKER) - set(Channel.from_transport_options) == known_by_connection


def test_every_broker_option_arrives_at_the_channel(broker: Connection) -> None:
    channel = broker.default_channel
    wanted = {name: value for name, value in TRANSPORT.items() if name != "max_retries"}
    assert {name: getattr(channel, name) for name in wanted} == wanted
    assert channel.qos.visibility_timeout == 300
    assert channel.qos.unacked_mutex_expire == 30
    # On a Unix socket there is nothing to keep alive; the rest must reach redis-py.
    assert channel.pool.connection_kwargs["socket_timeout"] == 5
    assert channel.pool.connection_kwargs["health_check_interval"] == 10


def test_a_tcp_connection_keeps_alive_and_gives_up_connecting() -> None:
    """Asked of kombu itself, for a broker that is reached by TCP, without one that is there."""
    wanted = {"socket_keepalive": True, "socket_connect_timeout": 2, "socket_timeout": 5}
    connection = app.connection_for_write("redis://127.0.0.1:1/0")
    channel = Channel.__new__(Channel)
    channel.connection = RedisTransport(connection)
    channel.__dict__.update(TRANSPORT)
    found = channel._connparams()
    assert {name: found[name] for name in wanted} == wanted


def test_no_task_outlives_its_message() -> None:
    """Soft limit, hard limit, visibility; the worker's farewell, the container's."""
    soft, hard = app.conf.task_soft_time_limit, app.conf.task_time_limit
    assert soft < hard < BROKER["visibility_timeout"]
    compose = text(Path("docker-compose.yml"))
    (grace,) = set(re.findall(r"&tuike\n(?:.*\n)*?  stop_grace_period: (\d+)s", compose))
    assert app.conf.worker_soft_shutdown_timeout < int(grace)
    # Expiry is the only delay: nothing is scheduled inside the broker.
    options = {name for entry in app.conf.beat_schedule.values() for name in entry["options"]}
    assert options == {"expires"}


def test_messages_survive_their_broker_and_are_never_evicted() -> None:
    found = _client().config_get("append*")
    assert (found["appendonly"], found["appendfsync"]) == ("yes", "everysec")
    assert _client().config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    compose = text(Path("docker-compose.yml")).split("\n  redis:\n", 1)[1]
    words = re.findall(r"^ +- (.+)$", compose.split("healthcheck", 1)[0], re.M)
    for pair in (["--appendonly", '"yes"'], ["--maxmemory-policy", "noeviction"]):
        assert words[words.index(pair[0]) + 1] == pair[1]


# ---------------------------------------------------------------- a broker that comes and goes
class _Enough(Exception):
    """Ends a wait that would go on for ever."""


def test_a_lost_broker_is_looked_for_at_a_steady_pace() -> None:
    """kombu's own pace is 2, 4, 6 … 30 seconds: a worker came back 12 seconds after its broker."""
    paces: list[float] = []

    def count(_error: Exception, interval: float) -> None:
        paces.append(interval)
        if len(paces) == 3:
            raise _Enough

    nowhere = app.connection_for_read("redis://127.0.0.1:1/0")
    assert isinstance(nowhere, Patient)
    with pytest.raises(_Enough):
        nowhere.ensure_connection(count, None)
    assert paces == [RETRY] * 3


def test_a_publisher_without_a_broker_fails_at_its_first_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It took 6 seconds a message, during which the beat sent nothing."""
    tries = []
    real = Channel.__init__

    def counted(*arguments: Any, **more: Any) -> None:
        tries.append(1)
        real(*arguments, **more)

    monkeypatch.setattr(Channel, "__init__", counted)
    nowhere = app.connection_for_write("redis://127.0.0.1:1/0")
    with pytest.raises(Exception, match="refused"):
        app.send_task("backend.drain_events", connection=nowhere)
    assert len(tries) == 1


@pytest.mark.parametrize(("kind", "error"), [(Patient, ""), (Connection, "AttributeError")])
def test_a_task_that_ends_after_its_connection_can_still_be_acknowledged(
    broker: Connection, kind: type[Connection], error: str
) -> None:
    """With kombu's own class this is the AttributeError that ended a worker at 9 of 20 kills of
    the broker; the second row shows that it still would."""
    lost = kind(broker.as_uri(include_password=True), transport_options=BROKER)
    name = f"test-{kind.__name__}"
    with closing(lost.SimpleQueue(name)) as queue:
        queue.put({})
        message = queue.get(timeout=5)
    # As celery.worker.consumer does with a connection that broke under a running task.
    message.channel._disconnect_pools()
    lost._do_close_transport()
    found = ""
    try:
        message.ack()
    except AttributeError as caught:
        found = type(caught).__name__
    message.channel.qos._on_collect.cancel()  # or the end of Python would try once more
    assert found == error
    assert _client().hexists("unacked", message.delivery_tag) is bool(error)
    _client().flushdb()


# ---------------------------------------------------------------- who publishes
def test_nobody_but_the_beat_publishes_through_celerys_pool() -> None:
    """A request must not wait for the broker: its thread rings the bell on a connection of its
    own (docs/decisions/0013)."""
    publishing = {"delay", "apply_async", "send_task", "delay_on_commit", "signature", "si"}
    found = {
        f"{path}: {name_of(call)}"
        for path in python("backend", "shops", "notes", "commissions", "seeds")
        for call in calls(path)
        if name_of(call) in publishing
    }
    assert found == {"backend/doorbell.py: send_task"}


def test_ringing_costs_a_request_nothing_while_the_broker_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The publisher waits, the ringers do not, and their rings become one."""
    begun, go_on, published = threading.Event(), threading.Event(), []

    def hang(_connection: Any) -> None:
        begun.set()
        assert go_on.wait(10)
        published.append(1)

    monkeypatch.setattr(doorbell, "_connect", object)
    monkeypatch.setattr(doorbell, "_publish", hang)
    bell = doorbell.Bell()
    bell.ring()
    assert begun.wait(10)
    for _ in range(1_000):
        bell.ring()
    assert published == []
    go_on.set()
    deadline = time.monotonic() + 10
    while len(published) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert published == [1, 1]


def test_a_bell_rings_again_when_its_broker_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try has a connection of its own: nothing of a broken one is kept."""
    connections: list[object] = []
    rung = threading.Event()

    def connect() -> object:
        connections.append(object())
        if len(connections) < 3:
            raise OSError("the broker is away")
        return connections[-1]

    monkeypatch.setattr(doorbell, "PAUSE", 0.01)
    monkeypatch.setattr(doorbell, "_connect", connect)
    monkeypatch.setattr(doorbell, "_publish", lambda _connection: rung.set())
    bell = doorbell.Bell()
    deadline = time.monotonic() + 10
    while not rung.is_set() and time.monotonic() < deadline:
        bell.ring()
        time.sleep(0.02)
    assert rung.is_set()
    assert len(connections) == 3
