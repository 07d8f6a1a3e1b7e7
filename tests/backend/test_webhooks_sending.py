"""K16: webhooks arrive signed, are tried again, give up, are switched off, reach nobody inside."""

import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from backend.core.clock import now
from backend.core.models import AuditEntry
from backend.webhooks import endpoints, outgoing, replays, sending
from backend.webhooks.endpoints import Wanted
from backend.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from seeds.factories import AccountFactory
from tests.backend.receiver import receiver, say

pytestmark = pytest.mark.django_db
real = pytest.mark.django_db(transaction=True)
State = WebhookDelivery.State


def endpoint(url: str, at: datetime | None = None) -> tuple[WebhookEndpoint, str]:
    wanted = Wanted("own", url, ["commission.estimated"])
    return endpoints.add(account=AccountFactory.create(), wanted=wanted, at=at or now())


def events_for(row: WebhookEndpoint, count: int = 1, at: datetime | None = None) -> list[int]:
    at = at or now()
    return [
        WebhookDelivery.objects.create(
            endpoint=row,
            event_id=f"commission.estimated.{number}",
            kind="commission.estimated",
            data={"commission": number, "amount_fen": 1_200},
            occurred_at=at,
            created_at=at,
            due_at=at,
        ).pk
        for number in range(1, count + 1)
    ]


def test_an_event_arrives_once_signed_as_the_standard_says() -> None:
    with receiver() as told:
        row, secret = endpoint(told.url)
        (delivery,) = events_for(row)
        assert sending.drain(at=now()) == 1
        assert sending.drain(at=now()) == 0
        message = told.verified(secret)[0]
        assert told.ids() == ["commission.estimated.1"]
        assert message["type"] == "commission.estimated"
        assert message["id"] == "commission.estimated.1"
        assert (message["version"], message["sequence"]) == (1, delivery)
        assert message["data"] == {"commission": 1, "amount_fen": 1_200}
        assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
    found = WebhookDelivery.objects.get()
    assert (found.state, found.tries) == ("delivered", 1)
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status_code, attempt.error) == (204, "")
    row.refresh_from_db()
    assert row.last_success_at is not None


def test_a_failure_is_tried_again_later_under_the_same_id_and_body() -> None:
    with receiver(500, 503, 200) as told:
        row, _secret = endpoint(told.url)
        events_for(row)
        at = now()
        assert sending.drain(at=at) == 1
        waiting = WebhookDelivery.objects.get()
        assert waiting.state == "waiting"
        assert timedelta(seconds=4) < waiting.due_at - at < timedelta(seconds=8)
        assert sending.drain(at=at + timedelta(seconds=1)) == 0
        assert sending.drain(at=at + timedelta(seconds=10)) == 1
        assert sending.drain(at=at + timedelta(minutes=10)) == 1
        assert len(set(told.ids())) == 1
        assert len({body for _, _, body in told.told}) == 1
    found = WebhookDelivery.objects.get()
    assert (found.state, found.tries) == ("delivered", 3)
    row.refresh_from_db()
    assert (row.streak, row.failing_since, row.paused_until) == (0, None, None)
    assert list(WebhookAttempt.objects.order_by("id").values_list("status_code", flat=True)) == [
        500, 503, 200,
    ]  # fmt: skip


def test_ten_tries_over_three_days_then_it_is_given_up() -> None:
    assert sum(sending.WAITS) == 75 * 3600 + 35 * 60 + 5
    with receiver(500) as told:
        row, _ = endpoint(told.url)
        events_for(row)
        at = now()
        for _ in range(12):
            found = WebhookDelivery.objects.get()
            at = max(at, found.due_at) + timedelta(seconds=LONG)
            sending.drain(at=at)
        assert len(told.told) == sending.TRIES == 10
    found = WebhookDelivery.objects.get()
    assert (found.state, found.tries) == ("failed", 10)
    row.refresh_from_db()
    assert row.status == "active"  # three days are less than five


LONG = sending.LONGEST_PAUSE + 1


def test_a_redirect_is_no_success_and_is_not_followed() -> None:
    with receiver() as inner, receiver(say(302, Location="x")) as outer:
        outer.answers = [say(302, Location=inner.url)]
        row, _ = endpoint(outer.url)
        events_for(row)
        sending.drain(at=now())
        assert (len(outer.told), len(inner.told)) == (1, 0)
    assert WebhookDelivery.objects.get().state == "waiting"


def test_410_switches_the_endpoint_off_at_once() -> None:
    with receiver(410) as told:
        row, _ = endpoint(told.url)
        events_for(row, 3)
        sending.drain(at=now())
        row.refresh_from_db()
        assert (row.status, row.off_reason) == ("off", "gone")
        before = len(told.told)
        sending.drain(at=now() + timedelta(days=1))
        assert len(told.told) == before
    assert AuditEntry.objects.filter(action="webhook.off", reason="gone").count() == 1


def test_days_without_success_switch_it_off_and_enabling_begins_anew() -> None:
    with receiver(500) as told:
        at = now()
        row, _ = endpoint(told.url, at)
        events_for(row, 4, at)
        sending.drain(at=at)
        sending.drain(at=at + timedelta(days=4))
        row.refresh_from_db()
        assert row.status == "active"
        late = at + timedelta(days=5, minutes=1)
        sending.drain(at=late)
        row.refresh_from_db()
        assert (row.status, row.off_reason) == ("off", "failing")
        endpoints.enable(endpoint_id=row.pk, account=row.account, by=row.account, at=late)
        row.refresh_from_db()
        assert (row.status, row.off_reason, row.streak) == ("active", "", 0)
        told.answers = [200]
        sending.drain(at=late + timedelta(days=1))
        assert WebhookDelivery.objects.filter(state="delivered").exists()


def test_a_success_in_between_begins_the_days_anew() -> None:
    with receiver(500, 200, 500) as told:
        at = now()
        row, _ = endpoint(told.url, at)
        events_for(row, 1, at)
        sending.drain(at=at)
        sending.drain(at=at + timedelta(hours=1))
        WebhookDelivery.objects.update(state="waiting", due_at=at + timedelta(days=6))
        sending.drain(at=at + timedelta(days=6))
        row.refresh_from_db()
        assert len(told.told) == 3
        assert (row.status, row.streak) == ("active", 1)


def test_both_secrets_sign_while_rotating_and_one_afterwards() -> None:
    with receiver() as told:
        row, old = endpoint(told.url)
        at = now()
        _, new = endpoints.rotate(account=row.account, endpoint_id=row.pk, at=at)
        assert new != old
        events_for(row)
        sending.drain(at=at)
        assert told.verified(old) == told.verified(new)
        row.refresh_from_db()
        assert endpoints.secrets_of(row, at) == [new, old]
        assert endpoints.secrets_of(row, at + timedelta(hours=24)) == [new]
        assert endpoints.reseal() == 1
        row.refresh_from_db()
        assert endpoints.secrets_of(row, at) == [new, old]


def test_replay_tells_again_under_the_same_id() -> None:
    with receiver() as told:
        row, _ = endpoint(told.url)
        first, _ = events_for(row, 2)
        at = now()
        sending.drain(at=at)
        replays.replay(account=row.account, endpoint_id=row.pk, delivery_id=first, at=at)
        sending.drain(at=at)
        since = at - timedelta(minutes=5)
        again = replays.replay_since(account=row.account, endpoint_id=row.pk, since=since, at=at)
        assert again == 2
        sending.drain(at=at)
        assert sorted(told.ids()) == sorted(
            ["commission.estimated.1"] * 3 + ["commission.estimated.2"] * 2
        )


def test_a_test_event_is_told() -> None:
    with receiver() as told:
        row, secret = endpoint(told.url)
        replays.test_event(account=row.account, endpoint_id=row.pk, at=now())
        sending.drain(at=now())
        assert told.verified(secret)[0]["type"] == "webhook.test"


def test_what_a_receiver_answers_is_kept_short_and_harmless() -> None:
    text = b"\x1b[31mred\x00" + b"Bearer tuike_" + b"A" * 43 + b" \xff" + b"x" * 100_000
    with receiver(say(500, text)) as told:
        row, _ = endpoint(told.url)
        events_for(row)
        sending.drain(at=now())
    kept = WebhookAttempt.objects.get().answer
    assert kept.startswith("[31mred")
    assert "tuike_AAAA" not in kept
    assert len(kept) <= 1024
    assert "\x1b" not in kept
    assert "\x00" not in kept


def test_a_worker_killed_between_call_and_note_means_once_more() -> None:
    with receiver() as told:
        row, _ = endpoint(told.url)
        events_for(row)
        at = now()
        (call,) = sending.claim(at=at)
        sending._make(call)  # and the worker dies here
        assert sending.drain(at=at + timedelta(seconds=60)) == 0
        assert sending.drain(at=at + sending.CLAIM + timedelta(seconds=1)) == 1
        assert told.ids() == ["commission.estimated.1"] * 2
        # The dead one comes back: what it says is kept, and decides nothing.
        late = outgoing.Answer(500, "", "", 1)
        sending.note(call=call, answer=late, at=at + timedelta(minutes=5))
    found = WebhookDelivery.objects.get()
    assert (found.state, found.calls) == ("delivered", 2)
    row.refresh_from_db()
    assert row.streak == 0
    assert WebhookAttempt.objects.count() == 2


@real
def test_two_drains_at_once_make_each_call_once() -> None:
    with receiver() as told:
        for _ in range(3):
            row, _ = endpoint(told.url)
            events_for(row, 8)
        barrier = threading.Barrier(2)

        def work() -> None:
            with closing(connection):
                barrier.wait()
                sending.drain(at=now())

        threads = [threading.Thread(target=work) for _ in range(2)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len(told.told) == 24
    assert set(WebhookDelivery.objects.values_list("state", "calls")) == {("delivered", 1)}


@real
def test_a_task_delivered_twice_drains_once() -> None:
    inside = threading.Event()
    over = threading.Event()

    def hang(handler: Any) -> None:
        inside.set()
        over.wait(5)
        say(200)(handler)

    with receiver(hang) as told:
        row, _ = endpoint(told.url)
        events_for(row)

        def work() -> None:
            with closing(connection):
                sending.drain_alone(at=now())

        first = threading.Thread(target=work)
        first.start()
        assert inside.wait(5)
        assert sending.drain_alone(at=now()) == 0
        over.set()
        first.join()
        assert len(told.told) == 1
        assert sending.drain_alone(at=now()) == 0


def test_a_receiver_has_at_most_four_calls_at_a_time_and_one_while_it_fails() -> None:
    slow, _ = endpoint("http://127.0.0.1:1/")
    other, _ = endpoint("http://127.0.0.1:2/")
    events_for(slow, 20)
    events_for(other, 2)
    at = now()
    taken = sending.claim(at=at)
    assert sorted(call.url for call in taken) == [slow.url] * 4 + [other.url] * 2
    assert sending.claim(at=at) == []
    for call in taken:
        sending.note(call=call, answer=outgoing.Answer(500, "", "", 1), at=at)
    later = at + timedelta(minutes=20)
    assert sum(call.url == slow.url for call in sending.claim(at=later)) == 1


def test_one_dead_receiver_holds_up_no_other() -> None:
    def hang(_: Any) -> None:
        time.sleep(1)

    with receiver(hang) as dead, receiver() as alive:
        for told in (dead, alive):
            row, _ = endpoint(told.url)
            events_for(row, 12)
        sending.drain(at=now(), seconds=0.9)
        assert len(alive.told) == 12
        assert len(dead.told) == 4


def test_a_call_that_does_not_end_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that never answers: for the drain the call has failed, and it ends."""
    monkeypatch.setattr(sending, "OVERDUE", 0.2)
    over = threading.Event()

    def hang(*_: Any, **__: Any) -> outgoing.Answer:
        over.wait(5)
        return outgoing.Answer(204, "", "", 1)

    monkeypatch.setattr(outgoing, "post", hang)
    row, _ = endpoint("http://127.0.0.1:1/")
    events_for(row)
    at, began = now(), time.monotonic()
    assert sending.drain(at=at, seconds=0.1) == 1
    assert time.monotonic() - began < 3
    over.set()
    assert WebhookDelivery.objects.get().state == "waiting"
    assert WebhookAttempt.objects.get().error == "no answer in time"


def test_old_deliveries_are_forgotten_with_their_tries() -> None:
    with receiver() as told:
        row, _ = endpoint(told.url)
        events_for(row, 2)
        sending.drain(at=now())
        assert sending.forget_old(at=now() + timedelta(days=29)) == 0
        assert sending.forget_old(at=now() + timedelta(days=31)) == 2
    assert WebhookAttempt.objects.count() == 0


def test_the_receiver_in_the_handbook_takes_what_is_sent_and_refuses_the_rest() -> None:
    """docs/api/webhooks.md: its example is run as it stands there."""
    from pathlib import Path

    text = Path("docs/api/webhooks.md").read_text()
    code = text.split("```python\n", 1)[1].split("```", 1)[0]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/api/webhooks.md", "exec"), names)
    seen: list[tuple[str, dict[str, Any]]] = []
    with receiver() as told:
        row, secret = endpoint(told.url)
        events_for(row)
        sending.drain(at=now())
        _, headers, body = told.told[0]
    names["SECRET"], names["handle"] = secret, lambda event: seen.append(("", event))
    assert names["receive"](headers, body) == 204
    assert names["receive"](headers, body) == 204  # again: known, not handled twice
    assert [event["id"] for _, event in seen] == ["commission.estimated.1"]
    assert names["receive"](headers, body + b" ") == 401
