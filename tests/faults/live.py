"""Live people under a storm: they buy, pay, ship, receive, refund and ask for payouts through
HTTP, and try again under the same key until they are told."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.service import Answer, Service

# What an answer may be while servers die: none, busy, away.
PASSING = (0, 409, 503)


class Gate:
    """Lets many through while it is open; whoever closes it waits until nobody is inside."""

    def __init__(self) -> None:
        self._inside = 0
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """One who must not be disturbed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Alone."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()


class People:
    """What all of them share: the service, what went wrong, what was answered how often."""

    def __init__(self, service: Service, world: dict[str, Any]) -> None:
        self.service, self.world = service, world
        self.gate = Gate()
        self.failures: list[str] = []
        self.retries: Counter[int] = Counter()
        self.lock = threading.Lock()

    def until_told(
        self, method: str, path: str, body: object = None, token: str = "", **more: Any
    ) -> Answer:
        """Asks until the answer is final; 409 is, with any code but the ones that pass."""
        key = str(uuid.uuid4())
        answer = Answer(0, None, {})
        for _ in range(240):
            answer = self.service.call(method, path, body, token=token, key=key, **more)
            code = answer.body.get("code") if isinstance(answer.body, dict) else ""
            if answer.status not in PASSING or (answer.status == 409 and code != "busy"):
                return answer
            with self.lock:
                self.retries[answer.status] += 1
            time.sleep(0.25)
        raise AssertionError(f"{path} was never answered: {answer.status} {answer.body}")

    def ok(self, method: str, path: str, body: object = None, token: str = "", **more: Any) -> Any:
        """As `until_told`; the body of an answer that must be a good one."""
        answer = self.until_told(method, path, body, token, **more)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.body}"
        return answer.body


class Buyers(People):
    """Buyers and their shop. `told` are the checkouts whose payment was acknowledged, `ways` what
    became of their orders, `refunded` the refunds that were acknowledged."""

    def __init__(self, service: Service, world: dict[str, Any]) -> None:
        super().__init__(service, world)
        self.told: dict[str, str] = {}
        self.refunded: set[str] = set()
        self._numbers = 0
        self._enough: int | None = None
        self._threads: list[threading.Thread] = []

    def start(self, threads: int, *, orders: int | None = None) -> None:
        """Begins; ends by itself after so many orders, where a number is given."""
        self._enough = orders
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No further orders; waits for those that were begun."""
        with self.lock:
            self._enough = self._numbers
        self.join()

    def join(self) -> None:
        """Waits for the end."""
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            with self.lock:
                number = self._numbers
                if self._enough is not None and number >= self._enough:
                    return
                self._numbers += 1
            try:
                with self.gate.inside():
                    self._order(number)
            except Exception as error:
                self.failures.append(f"order {number}: {error}")

    def _order(self, number: int) -> None:
        buyer = self.world["buyers"][number % len(self.world["buyers"])]
        sku, qty = self.world["skus"][number % 2], 1 + number % 3
        token, total = buyer["token"], sku["price_fen"] * qty
        body = {
            "lines": [{"sku": sku["id"], "qty": qty}],
            "address": buyer["address"],
            "expected_total_fen": total,
        }
        if number % 2:
            body["click"] = self._click()
        checkout = self.ok("POST", "/v1/checkouts", body, token)["number"]
        callback = self.ok("POST", f"/v1/checkouts/{checkout}/pay", {}, token)["sandbox_callback"]
        raw, headers = callback["body"].encode(), callback["headers"]
        self.ok("POST", "/v1/payments/sandbox/callback", raw, headers=headers)
        with self.lock:
            self.told[checkout] = token
        self._afterwards(number, checkout, token, total)

    def _click(self) -> str:
        answer = self.until_told("GET", f"/l/{self.world['code']}")
        assert answer.status == 302, answer
        return answer.headers["Location"].split("click=")[1]

    def _afterwards(self, number: int, checkout: str, token: str, total: int) -> None:
        """A third stay paid; the others are shipped and received, or refunded before that; some
        of the received get a part back."""
        way = number % 6
        if way < 2:
            return
        found = self.ok("GET", f"/v1/checkouts/{checkout}", token=token)
        order = found["orders"][0]["number"]
        line = self.ok("GET", f"/v1/orders/{order}", token=token)["lines"][0]
        if way == 2:
            self._refund(order, token, line["id"], line["qty"], total)
            return
        parcel = {"carrier": "顺丰", "tracking_number": f"SF{number:010}"}
        self.ok("POST", f"/v1/orders/{order}/shipments", parcel, self.world["owner"])
        self.ok("POST", f"/v1/orders/{order}/receive", None, token)
        if way == 3:
            self._refund(order, token, line["id"], 0, 1_000)

    def _refund(self, order: str, token: str, line: int, qty: int, amount_fen: int) -> None:
        body = {
            "kind": "refund_only",
            "reason": "尺码不合适",
            "lines": [{"order_line": line, "qty": qty, "amount_fen": amount_fen}],
        }
        refund = self.ok("POST", f"/v1/orders/{order}/refunds", body, token)
        if refund["status"] == "requested":
            path = f"/v1/refunds/{refund['number']}/approve"
            answer = self.until_told("POST", path, None, self.world["owner"])
            # Said twice because the first answer was lost: it stands approved.
            stands = answer.status == 409 and answer.body["code"] == "wrong_state"
            assert answer.status == 200 or stands, f"{path}: {answer.status} {answer.body}"
        with self.lock:
            self.refunded.add(refund["number"])


class Earners(People):
    """People with money to take, who take some of it every now and then."""

    def __init__(self, service: Service, world: dict[str, Any], *, seed: int, pause: float) -> None:
        super().__init__(service, world)
        self.told: dict[str, int] = {}
        self._dice = random.Random(seed)
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends, once the last one has been told."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            try:
                with self.gate.inside():
                    self._ask(self._dice.choice(self.world["earners"]))
            except Exception as error:
                self.failures.append(f"payout: {error}")

    def _ask(self, token: str) -> None:
        amount = self._dice.randint(100, 5_000)
        answer = self.until_told("POST", "/v1/me/payouts", {"amount_fen": amount}, token)
        if answer.status == 409:
            assert answer.body["code"] == "insufficient_balance", answer.body
            return
        assert answer.status == 201, f"payout: {answer.status} {answer.body}"
        self.told[answer.body["number"]] = amount
