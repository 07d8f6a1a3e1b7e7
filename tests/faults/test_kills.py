"""X11, R3 in small: the product's own processes killed -9 while 500 orders are placed and paid.

Worker, broker and PostgreSQL die at ten random moments. Every order that a client was told of
must be there, each once, with its commission; the books must be clean.
"""

import json
import random
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from os import kill
from pathlib import Path

import pytest

from backend import embedded
from tests.service import Answer, Service

ORDERS = 500
KILLS = 10
CLIENTS = 3


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("kills"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(text) for text in path.read_text().split()] if path.exists() else []


def _kill_tree(pid: int) -> None:
    """kill -9 of a server and every process below it, the parent stopped first so that it cannot
    start another child meanwhile."""
    if not pid:
        return
    with suppress(ProcessLookupError):
        kill(pid, signal.SIGSTOP)
        for child in _children(pid):
            _kill_tree(child)
        kill(pid, signal.SIGKILL)


class Clients:
    """Buyers who place and pay orders, and try again under the same key until they are told."""

    def __init__(self, service: Service, world: dict) -> None:
        self.service, self.world = service, world
        self.told: dict[str, str] = {}
        self.retries = 0
        self.failures: list[str] = []
        self._numbers = iter(range(ORDERS))
        self._lock = threading.Lock()

    def run(self) -> None:
        """One client: takes the next order until none is left."""
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            try:
                self._order(number)
            except AssertionError as error:
                self.failures.append(str(error))

    def _order(self, number: int) -> None:
        buyer = self.world["buyers"][number % len(self.world["buyers"])]
        sku = self.world["skus"][number % 2]
        qty = 1 + number % 3
        body = {
            "lines": [{"sku": sku["id"], "qty": qty}],
            "address": buyer["address"],
            "expected_total_fen": sku["price_fen"] * qty,
        }
        if number % 2:
            body["click"] = self.world["click"]
        token = buyer["token"]
        placed = self._until_told("POST", "/v1/checkouts", body, token, str(uuid.uuid4()))
        checkout = placed["number"]
        pay = self._until_told(
            "POST", f"/v1/checkouts/{checkout}/pay", {}, token, str(uuid.uuid4())
        )
        callback = pay["sandbox_callback"]
        self._until_told(
            "POST",
            "/v1/payments/sandbox/callback",
            callback["body"].encode(),
            headers=callback["headers"],
        )
        with self._lock:
            self.told[checkout] = token

    def _until_told(
        self, method: str, path: str, body: object, token: str = "", key: str = "", **more: object
    ) -> dict:
        answer = Answer(0, None, {})
        for _ in range(120):
            answer = self.service.call(method, path, body, token=token, key=key, **more)
            if 200 <= answer.status < 300:
                return answer.body
            # 409 busy: the first try may still hold its locks.
            assert answer.status in (0, 409, 500, 503), f"{path}: {answer.status} {answer.body}"
            self.retries += 1
            time.sleep(0.25)
        raise AssertionError(f"{path} was never answered: {answer.status} {answer.body}")


def test_ten_kills_lose_nothing_and_double_nothing(service: Service) -> None:
    world = json.loads(service.python("-m", "tests.world", "20"))
    redirect = service.call("GET", f"/l/{world['code']}")
    assert redirect.status == 302, redirect
    world["click"] = redirect.headers["Location"].split("click=")[1]
    clients = Clients(service, world)
    threads = [threading.Thread(target=clients.run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    dice = random.Random(20251122)
    victims = ["worker", "valkey", "postgres"] * 3 + [dice.choice(["worker", "postgres"])]
    dice.shuffle(victims)
    for victim in victims:
        time.sleep(dice.uniform(0.2, 1.2))
        status = embedded.status(service.var)
        if victim == "worker":
            service.kill9("worker")
            service.spawn("worker")
        elif victim == "valkey":
            _kill_tree(status.valkey_pid)
        else:
            _kill_tree(status.postgres_pid)
    for thread in threads:
        thread.join()
    assert clients.failures == []
    assert len(clients.told) == ORDERS

    def all_done() -> bool:
        ((waiting,),) = service.sql("SELECT count(*) FROM core_event WHERE state <> 'delivered'")
        ((commissions,),) = service.sql("SELECT count(*) FROM commissions_commissionorder")
        return waiting == 0 and commissions == ORDERS

    try:
        service.wait(all_done, "the commissions", 60)
    except AssertionError as error:
        waiting = service.sql(
            "SELECT state, count(*), max(attempts), max(error) FROM core_event GROUP BY state"
        )
        beats = service.sql("SELECT job, at::text FROM core_heartbeat ORDER BY at DESC")
        raise AssertionError(f"events {waiting}, heartbeats {beats}; {error}") from error
    ((orders, distinct),) = service.sql(
        "SELECT count(*), count(DISTINCT checkout_id) FROM shops_order WHERE status = 'paid'"
    )
    assert (orders, distinct) == (ORDERS, ORDERS)
    assert service.sql("SELECT count(*) FROM commissions_journal WHERE kind = 1") == [(ORDERS,)]
    assert service.sql("SELECT count(*) FROM shops_payment") == [(ORDERS,)]
    known = {number for (number,) in service.sql("SELECT number FROM shops_checkout")}
    assert known == set(clients.told)
    service.manage("check_books")
