"""What only a running service shows: the limit over sockets (R9), and that a sign-in takes as long
for a name that exists as for one that does not (row 23)."""

import json
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seeds import factories as f
from tests.api.http import Door
from tests.api.test_limits import AT_ONCE, LIMIT, forged
from tests.service import Service

pytestmark = pytest.mark.soak
ROUNDS = 15
HASHER = "backend.accounts.hashers.Scrypt"


def _post(port: int, body: dict[str, str], headers: dict[str, str]) -> int:
    """One POST over a socket of its own; the status."""
    raw = json.dumps(body).encode()
    lines = [
        "POST /v1/auth/token HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(raw)}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Connection: close",
        "",
        "",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall("\r\n".join(lines).encode() + raw)
        found = b""
        while chunk := line.recv(65_536):
            found += chunk
    return int(found.split()[1])


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_forty_sockets_at_once_get_five_tries(tmp_path: Path, proxies: str) -> None:
    """Each makes up an address; behind a proxy of ours the last entry is what that proxy saw."""
    service = Service(tmp_path, THROTTLE_SIGN_IN=str(LIMIT), NUM_PROXIES=proxies)
    try:
        service.start("web")
        while time.time() % 60 > 40:  # limits count by the minute: not over its edge
            time.sleep(1)
        start, seen = threading.Barrier(AT_ONCE), []

        def work(number: int) -> None:
            headers = forged(number) | {"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.1"}
            body = {"handle": f"nobody{number}", "password": "quiet-otter-739"}
            start.wait(timeout=30)
            seen.append(_post(service.port, body, headers))

        threads = [threading.Thread(target=work, args=[number]) for number in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
        print(f"{AT_ONCE} sockets, NUM_PROXIES={proxies}: {Counter(seen)}")
        assert Counter(seen) == {401: LIMIT, 429: AT_ONCE - LIMIT}
    finally:
        service.stop()


@pytest.mark.django_db
def test_a_name_that_exists_takes_as_long_as_one_that_does_not(settings: Any) -> None:
    """Medians of sign-ins with a wrong password, in turn, in seconds of the processor: what else
    the machine does says nothing about the name."""
    settings.PASSWORD_HASHERS = [HASHER]
    settings.THROTTLE_PER_MINUTE = {}
    settings.SIGN_IN_LIMIT_ADDRESS = 10_000
    door = Door()
    for number in range(ROUNDS):
        f.AccountFactory.create(handle=f"known{number}")
        f.AccountFactory.create(handle=f"left{number}", is_active=False)

    def seconds(handle: str) -> float:
        begun = time.thread_time()
        answer = door.send(
            "POST", "/v1/auth/token", body={"handle": handle, "password": "quiet-otter-739"}
        )
        assert answer.code == "wrong_password", answer.content
        return time.thread_time() - begun

    seconds("warm1"), seconds("warm2")
    kinds: dict[str, Callable[[int], str]] = {
        "known": lambda number: f"known{number}",
        "unknown": lambda number: f"unknown{number}",
        "left": lambda number: f"left{number}",
    }
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(ROUNDS):
        for name, handle in kinds.items():
            taken[name].append(seconds(handle(number)))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print({name: f"{median * 1000:.1f} ms" for name, median in medians.items()})
    for name in ("unknown", "left"):
        assert 0.9 <= medians[name] / medians["known"] <= 1.1, medians
