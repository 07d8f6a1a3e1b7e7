"""X11, R3 and R10 in small, on the product's own processes: what dies comes back in time, and a
storm of ten kills loses nothing and doubles nothing. The long one is test_soak_kills.py.

The tests share one service and follow each other; the storm comes last.
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from backend import embedded
from tests.faults.soak import Plan, Soak, running
from tests.faults.storm import (
    API_BACK,
    TASK_AGAIN,
    broker,
    broker_answers,
    database_answers,
    kill_tree,
    nobody_restarts,
)
from tests.service import Service

# One period of the relay's sweep, and time for a worker on a busy machine to do it.
ONE_SWEEP = 15.0
STORM = Plan(
    kills={
        "worker": 2,
        "PostgreSQL": 3,
        "broker": 2,
        "broker, AOF removed": 1,
        "web": 1,
        "beat": 1,
    },
    waves=1,
    lines=500,
    clients=3,
    flush_every=5,
    pause=(0.2, 0.8),
    clock_every=8.0,
    limit=150.0,
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("kills")
    with pytest.MonkeyPatch.context() as patch, running(folder, patch) as one:
        yield one


@pytest.fixture(scope="module")
def soak(service: Service) -> Soak:
    """The world of the storm, which the tests before it use as well."""
    return Soak(service, STORM, seed=20251122, say=lambda line: None)


class Shopper:
    """One buyer who places and pays one order; every call must be answered well at once."""

    def __init__(self, service: Service, soak: Soak) -> None:
        self.service, self.soak = service, soak

    def pay(self) -> int:
        """The order's id."""
        buyer, sku = self.soak.world["buyers"][1], self.soak.world["skus"][0]
        body = {
            "lines": [{"sku": sku["id"], "qty": 1}],
            "address": buyer["address"],
            "expected_total_fen": sku["price_fen"],
        }
        token = buyer["token"]
        number = self._ok("/v1/checkouts", body, token)["number"]
        callback = self._ok(f"/v1/checkouts/{number}/pay", {}, token)["sandbox_callback"]
        raw, headers = callback["body"].encode(), callback["headers"]
        self.service.ok("POST", "/v1/payments/sandbox/callback", raw, headers=headers)
        self.soak.buyers.told[number] = token
        query = "SELECT o.id FROM shops_order o JOIN shops_checkout k ON k.id = o.checkout_id"
        return int(self.service.sql(f"{query} WHERE k.number = %s", number)[0][0])

    def _ok(self, path: str, body: object, token: str) -> Any:
        return self.service.ok("POST", path, body, token=token, key=str(uuid.uuid4()))

    def accrued(self, order: int) -> bool:
        """Whether the order has its commission."""
        query = "SELECT 1 FROM commissions_commissionorder c JOIN shops_orderline l"
        return bool(
            self.service.sql(f"{query} ON l.id = c.order_line_id WHERE l.order_id = %s", order)
        )


@pytest.fixture
def shopper(service: Service, soak: Soak) -> Shopper:
    return Shopper(service, soak)


def _spawn_again(service: Service, *names: str) -> None:
    for name in names:
        service.spawn(name.rstrip("2"), label=name)


def test_the_api_answers_within_five_seconds_of_postgresql(service: Service, soak: Soak) -> None:
    """R10. A killed postmaster leaves every connection of the web server broken."""
    token = soak.world["buyers"][0]["token"]
    for path in ("/v1/me", "/v1/orders?role=buyer", "/readyz"):
        assert service.call("GET", path, token=token).status == 200
    kill_tree(embedded.status(service.var).postgres_pid)
    away = service.call("GET", "/v1/me", token=token)
    assert away.status in (0, 503), away
    service.wait(lambda: database_answers(service), "PostgreSQL", 60)
    back = time.monotonic()
    for path in ("/v1/me", "/v1/orders?role=buyer", "/readyz"):
        service.wait(lambda path=path: service.call("GET", path, token=token).status == 200, path)
    assert time.monotonic() - back <= API_BACK


def test_a_killed_workers_task_is_done_again_within_fifteen_seconds(
    service: Service, soak: Soak, shopper: Shopper
) -> None:
    """R10. Both workers die in the middle of an accrual, which waits for a lock of the test's."""
    with psycopg.connect(service.database_url) as holder:
        holder.execute("LOCK TABLE commissions_commissionorder IN ACCESS EXCLUSIVE MODE")
        order = shopper.pay()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        service.wait(lambda: service.sql(waiting) != [(0,)], "a worker at the lock")
        for name in ("worker", "worker2"):
            service.kill9(name)
        killed = time.monotonic()
        _spawn_again(service, "worker", "worker2")
        # PostgreSQL finds out by itself that these clients are dead, and lets their locks go.
        service.wait(lambda: service.sql(waiting) == [(0,)], "the end of the dead one's statement")
        assert time.monotonic() - killed < TASK_AGAIN
        holder.rollback()
    service.wait(lambda: shopper.accrued(order), "the accrual")
    assert time.monotonic() - killed <= TASK_AGAIN


@pytest.mark.parametrize("seconds", [2.0, pytest.param(30.0, marks=pytest.mark.soak)])
def test_orders_are_taken_without_a_broker_and_delivered_when_it_is_back(
    service: Service, shopper: Shopper, seconds: float
) -> None:
    """Row 3: the broker is away, and has forgotten everything when it comes back."""
    with nobody_restarts(service):
        kill_tree(embedded.status(service.var).valkey_pid)
        gone = time.monotonic()
        orders = [shopper.pay() for _ in range(3)]
        time.sleep(max(0.0, gone + seconds - time.monotonic()))
    service.wait(lambda: broker_answers(service), "the broker")
    broker(service).flushall()
    back = time.monotonic()
    service.wait(lambda: all(shopper.accrued(order) for order in orders), "the accruals")
    assert time.monotonic() - back <= ONE_SWEEP
    assert all(service.processes[name].poll() is None for name in ("worker", "worker2", "beat"))


def test_without_a_beat_nothing_is_swept_and_two_beats_make_up_for_it(
    service: Service, shopper: Shopper
) -> None:
    """Row 5. The event is written by hand, so that no bell rings for it."""
    order = shopper.pay()
    service.wait(lambda: shopper.accrued(order), "the accrual")
    for name in ("beat", "beat2"):
        service.kill9(name)
    broker(service).delete("celery")  # what the dead ones had still sent
    time.sleep(1)
    service.sql(
        "INSERT INTO core_event (kind, subject_id, payload, state, attempts, error, recorded_at,"
        " due_at) VALUES ('order.paid', %s, '{}', 'pending', 0, '', now(), now())",
        order,
    )
    time.sleep(2.5)  # two periods of the relay
    pending = "SELECT count(*) FROM core_event WHERE state = 'pending'"
    assert service.sql(pending) == [(1,)]
    _spawn_again(service, "beat", "beat2")
    begun = time.monotonic()
    service.wait(lambda: service.sql(pending) == [(0,)], "the sweep")
    assert time.monotonic() - begun <= ONE_SWEEP
    journals = "SELECT count(*) FROM commissions_journal WHERE kind = 1"
    assert service.sql(journals) == service.sql("SELECT count(*) FROM shops_orderline")


def test_ten_kills_lose_nothing_and_double_nothing(soak: Soak) -> None:
    """R3 in small: orders, refunds, settlement and payouts under ten kills of every kind."""
    entries = soak.reckon(soak.run())
    assert soak.storm.count == 11  # and the last one
    # Only after all that is it worth knowing that something happened.
    assert entries >= 5 * STORM.lines
    assert len(soak.buyers.told) > 20
    states = dict(
        soak.service.sql("SELECT status, count(*) FROM commissions_commissionorder GROUP BY 1")
    )
    assert states["settled"] >= STORM.lines
    assert soak.earners.told
