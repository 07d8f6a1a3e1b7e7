"""K4 on the product's own processes: pay, and read the stream; kill the broker, and read it again.
And a webhook of the same sale, sent by the worker (K16)."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from backend import embedded
from tests.backend.receiver import receiver
from tests.backend.streaming import Stream, within
from tests.faults.storm import broker_answers, kill_tree
from tests.service import Service

pytestmark = pytest.mark.soak


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("streams"))
    try:
        running.start("web", "worker", "beat", "streams")
        yield running
    finally:
        running.stop()


def _pay(service: Service, world: Any, buyer: int) -> None:
    who, sku = world["buyers"][buyer], world["skus"][0]
    body = {
        "lines": [{"sku": sku["id"], "qty": 1}],
        "address": who["address"],
        "expected_total_fen": sku["price_fen"],
        "click": world["clicks"][buyer],
    }
    key = str(uuid.uuid4())
    number = service.ok("POST", "/v1/checkouts", body, token=who["token"], key=key)["number"]
    paying = service.ok("POST", f"/v1/checkouts/{number}/pay", {}, token=who["token"])
    callback = paying["sandbox_callback"]
    raw, headers = callback["body"].encode(), callback["headers"]
    service.ok("POST", "/v1/payments/sandbox/callback", raw, headers=headers)


def _click(service: Service, code: str, who: str) -> str:
    answer = service.call("GET", f"/l/{code}", token=who)
    assert answer.status == 302
    return str(answer.headers["Location"]).partition("click=")[2].partition("&")[0]


def test_a_payment_is_told_within_seconds_and_again_after_the_broker_was_killed(
    service: Service,
) -> None:
    world = json.loads(service.python("-m", "tests.world", "2"))
    world["clicks"] = [_click(service, world["code"], who["token"]) for who in world["buyers"]]
    assert all(world["clicks"])
    with receiver() as told:
        wanted = {"scope": "own", "url": told.url, "kinds": ["commission.estimated"]}
        made = service.ok("POST", "/v1/webhooks", wanted, token=world["promoter"])
        stream = Stream(service.stream_port, world["promoter"])
        within(10, lambda: bool(stream.figures()))
        assert stream.figures()[-1]["estimated_fen"] == 0
        _pay(service, world, 0)
        within(5, lambda: stream.figures()[-1]["estimated_fen"] > 0)
        first = stream.figures()[-1]["estimated_fen"]
        within(10, lambda: len(told.told) == 1)
        assert told.verified(made["secret"])[0]["data"]["amount_fen"] == first
        kill_tree(embedded.status(service.var).valkey_pid)
        _pay(service, world, 1)
        service.wait(lambda: broker_answers(service), "the broker", 60)
        within(30, lambda: stream.figures()[-1]["estimated_fen"] == 2 * first)
        within(30, lambda: len(told.told) == 2)
        service.kill9("streams")
        assert stream.has_ended.wait(10)
        service.spawn("streams")
        service.wait(lambda: _opens(service, world["promoter"]), "the stream", 30)


def _opens(service: Service, token: str) -> bool:
    try:
        return Stream(service.stream_port, token).answer.status == 200
    except OSError:
        return False
