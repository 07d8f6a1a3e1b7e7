"""Several relays at once deliver each event once."""

import threading

import pytest
from django.db import connection, transaction

from backend import relay
from backend.core import events
from backend.core.clock import now
from backend.core.models import Event


@pytest.mark.django_db(transaction=True)
def test_four_relays_deliver_a_thousand_events_once_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    monkeypatch.setitem(
        relay.HANDLERS, "test.kind", (lambda group: seen.extend(e.subject_id for e in group),)
    )
    at = now()
    with transaction.atomic():
        events.record_many(kind="test.kind", subject_ids=list(range(1, 1001)), at=at)
    start = threading.Barrier(4)

    def work() -> None:
        try:
            start.wait()
            relay.drain(at=at)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 1001))
    assert Event.objects.filter(state="delivered").count() == 1000
