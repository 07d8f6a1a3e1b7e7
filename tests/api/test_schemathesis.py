"""R6: Schemathesis reads the OpenAPI document and asks every operation what it promises: no server
error, only documented statuses, types and shapes, refused what the document refuses, signed in
where it says so, 405 for what is not there. One example an operation in the suite; all phases and a
hundred in the soak."""

import pytest

from tests.api.named import World
from tests.api.schemas import PHASES, Rolled, mend, prepared, run
from tests.api.tries import described

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemathesis asks more often than a minute allows."""
    from django.conf import settings

    monkeypatch.setattr(settings, "THROTTLE_PER_MINUTE", {})
    mend(monkeypatch)


def test_a_few_requests_to_every_operation_are_answered_as_the_document_says(world: World) -> None:
    with Rolled() as app:
        report = run(prepared(world, app, phases=["examples", "fuzzing"], examples=1))
    assert report.errors == []
    assert report.failures == {}
    assert report.operations == {" ".join(name) for name in described()}


@pytest.mark.soak
@pytest.mark.parametrize("phase", PHASES)
def test_every_operation_keeps_what_the_document_promises(world: World, phase: str) -> None:
    with Rolled(keeps=phase == "stateful") as app:
        report = run(prepared(world, app, phases=[phase], examples=100))
    print(f"schemathesis {phase}: {report}, {app.sent} requests, statuses {dict(app.statuses)}")
    assert report.errors == []
    assert report.failures == {}
    assert not [status for status in app.statuses if status >= 500]
