"""Schemathesis over the OpenAPI document, against the application of this process and the market
of tests/api/world.py: who may call is signed in, and the names that a call needs are real ones."""

import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import schemathesis
from django.db import connections, transaction
from django.test.client import ClientHandler
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.generation.modes import GenerationMode
from schemathesis.transport.wsgi import WSGITransport

from backend.core import ids
from tests.api.call import Call
from tests.api.calls import CALLS, filled
from tests.api.named import World
from tests.api.routes import route_of
from tests.house.test_schema import document

PHASES = ("examples", "coverage", "fuzzing", "stateful")


class Rolled:
    """The application as WSGI, on the connection of the thread that made it; unless `keeps`, what
    a request does is taken back when it is answered."""

    def __init__(self, *, keeps: bool = False) -> None:
        self.django = ClientHandler()
        self.connection = connections["default"]
        self.keeps = keeps
        self.sent = 0
        self.statuses: Counter[int] = Counter()

    def __enter__(self) -> "Rolled":
        self.connection.inc_thread_sharing()
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.dec_thread_sharing()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        connections["default"] = self.connection
        with transaction.atomic():
            response = self.django(environ)
            transaction.set_rollback(not self.keeps)
        self.sent += 1
        self.statuses[response.status_code] += 1
        start(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.getvalue()]


def calls_by_label(world: World) -> dict[str, Call]:
    """The good request of each operation, by its label: "GET /v1/notes/{note_id}"."""
    return {label_of(world, call): call for call in CALLS}


def label_of(world: World, call: Call) -> str:
    """The operation of a call as Schemathesis names it."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route_of(world.fill(call.path)))
    return f"{call.method} /{path}"


def _names(world: World, label: str, call: Call) -> dict[str, str]:
    """The real names of a call's path, by the parameters of the schema."""
    shape = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(label.partition(" ")[2]))
    found = re.fullmatch(shape, world.fill(call.path))
    assert found
    return found.groupdict()


# What a made-up value would be refused for, before anything is done with it.
_REAL = re.compile(
    r"via_note|file|target_id|product|parent|sku|id|address|click|order_line|invite_code|category"
    r"|expected_total_fen|.*password|code|handle|licence_number|owner_type|provider|number"
)


def _make_real(body: dict[str, Any], good: Any) -> None:
    """Puts real ids, codes and passwords where the body has made-up ones."""
    for name, value in good.items() if isinstance(good, dict) else ():
        inside = body.get(name)
        if isinstance(value, dict) and isinstance(inside, dict):
            _make_real(inside, value)
        elif isinstance(value, list) and isinstance(inside, list) and value:
            for inner in inside:
                if isinstance(inner, dict):
                    _make_real(inner, value[0])
        elif name in body and _REAL.fullmatch(name):
            body[name] = value


def prepared(world: World, app: Rolled, *, phases: Iterable[str], examples: int) -> Any:
    """The schema, its settings and hooks."""
    wanted = set(phases)
    settings = {
        "seed": 1,
        "workers": 1,
        # A run leaves nothing in the folder, and asks the same questions after any other.
        "cache": {"enabled": False},
        "phases": {name: {"enabled": name in wanted} for name in PHASES},
        "generation": {
            "max-examples": examples,
            "mode": "all",
            "deterministic": True,
            "database": "none",
            "no-shrink": True,
            "with-security-parameters": False,
        },
        "checks": {
            # What is well-formed may be refused all the same: the goods are sold out.
            "positive_data_acceptance": {"enabled": False},
            # What one has made may not exist for another: a draft is its author's alone.
            "ensure_resource_availability": {"enabled": False},
        },
    }
    calls = calls_by_label(world)
    schema = schemathesis.openapi.from_dict(
        document(), config=SchemathesisConfig.from_dict(settings)
    )
    schema.app = app

    @schema.auth()
    class _SignIn:
        def get(self, case: Any, ctx: Any) -> str:
            return world.tokens[calls[case.operation.label].who]

        def set(self, case: Any, data: str, ctx: Any) -> None:
            if data:
                case.headers["Authorization"] = f"Bearer {data}"

    @schema.hook
    def map_case(ctx: Any, case: Any) -> Any:
        if case.meta and case.meta.generation.mode is not GenerationMode.POSITIVE:
            return case
        call = calls[case.operation.label]
        toss = crc32(repr((case.path_parameters, case.body)).encode())
        # A chain of calls brings its own names along.
        if toss % 8 and not app.keeps:
            case.path_parameters.update(_names(world, case.operation.label, call))
        if isinstance(case.body, dict) and toss % 5:
            _make_real(case.body, filled(world, call.body))
        if "Idempotency-Key" in case.headers and toss % 4:
            case.headers["Idempotency-Key"] = ids.code(16)
        return case

    return schema


@dataclass
class Report:
    """What a run found."""

    operations: set[str] = field(default_factory=set)
    cases: int = 0
    seconds: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        wrong = f"{len(self.failures)} failures, {len(self.errors)} errors"
        return (
            f"{len(self.operations)} operations, {self.cases} cases, {self.seconds:.0f} s, {wrong}"
        )


def run(schema: Any) -> Report:
    """Runs the engine over the schema."""
    report, begun = Report(), time.monotonic()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _read(event, report)
        elif isinstance(event, events.NonFatalError):
            report.errors.append(f"{event.label}: {event.value}"[:600])
        elif isinstance(event, events.FatalError):
            report.errors.append(str(event.exception))
    report.seconds = time.monotonic() - begun
    return report


def _read(event: events.ScenarioFinished, report: Report) -> None:
    recorder = event.recorder
    report.cases += len(recorder.cases)
    report.operations |= {node.value.operation.label for node in recorder.cases.values()}
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.status.value != "failure":
                continue
            label = recorder.cases[case_id].value.operation.label
            said = check.failure_info.failure.message if check.failure_info else ""
            sent = recorder.interactions.get(case_id)
            answer = sent.response if sent else None
            report.failures.setdefault(
                f"{label}: {check.name}",
                f"{' '.join(said.split())[:300]} {sent.request.uri if sent else ''} "
                f"{(sent.request.body or b'')[:300] if sent else ''!r} "
                f"{answer.status_code if answer else ''} "
                f"{answer.content[:200] if answer else ''!r}",
            )


def mend(monkeypatch: Any) -> None:
    """Schemathesis 4.32 hands the settings of a socket on to its probes of a WSGI application."""
    plain = WSGITransport.send

    def send(self: Any, case: Any, *, session: Any = None, **more: Any) -> Any:
        if session is None:
            for name in ("max_redirects", "verify", "cert", "proxies"):
                more.pop(name, None)
        return plain(self, case, session=session, **more)

    monkeypatch.setattr(WSGITransport, "send", send)
