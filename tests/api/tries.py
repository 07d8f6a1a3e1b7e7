"""Hostile requests, made from the schema: each is a good request with one thing in it exchanged."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from typing import Any

from backend.core import webhooks
from backend.core.clock import now
from commissions.conversions import reading
from shops.providers import sandbox
from tests.api import hostile as h
from tests.api.call import Call
from tests.api.calls import CALLS, filled, request_of
from tests.api.http import EDGE, MULTIPART, form
from tests.api.named import World
from tests.api.places import places, resolved, spoiled, values_of
from tests.api.routes import route_of
from tests.house.test_schema import document

REFUSED = frozenset({400, 422})


@dataclass(frozen=True)
class Try:
    """A request: what is exchanged in a good one, and the statuses it may be answered with (any
    below 500 where it says none)."""

    call: Call
    place: str
    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    wanted: frozenset[int] = frozenset()
    # Refused, and yet something is kept: a notice (docs/api/orders.md), a guess at a password.
    keeps: bool = False

    def __str__(self) -> str:
        return f"{self.call.method} {self.call.path} {self.place}: {self.name}"


@cache
def described() -> dict[tuple[str, str], dict[str, Any]]:
    """The schema's operations by method and path."""
    return {
        (method.upper(), path): operation
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    }


def operation_of(world: World, call: Call) -> dict[str, Any]:
    """The operation of the schema that a call is one of."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route_of(world.fill(call.path)))
    return described()[call.method, f"/{path}"]


def body_schema(world: World, call: Call) -> dict[str, Any]:
    """What the schema says about a call's JSON body; {} for none."""
    content = operation_of(world, call).get("requestBody", {}).get("content", {})
    return dict(content.get("application/json", {}).get("schema", {}))


def bodies(world: World) -> Iterator[Try]:
    """Every field of every body, and the body itself."""
    for call in CALLS:
        if call.body is None:
            continue
        good = filled(world, call.body)
        guesses = "password" in str(good)
        for path, schema in places(document(), body_schema(world, call), good):
            place = "body" + "".join(f".{step}" for step in path)
            for bad in values_of(schema) if path else h.DOCUMENTS:
                # A password may hold what it likes, but for what no text may hold.
                free = "password" in place and not bad.raw and isinstance(bad.value, str)
                must = bad.refused and not (free and "\x00" not in bad.value)
                wanted = REFUSED if must else frozenset[int]()
                raw = spoiled(good, path, bad)
                yield Try(call, place, bad.name, {"body": raw}, wanted, guesses)
        for name, raw in h.RAW_BYTES.items():
            yield Try(call, "body", name, {"body": raw}, frozenset({400}))


def queries(world: World) -> Iterator[Try]:
    """Every parameter of every query, each given twice, and parameters that nobody knows, with
    every method."""
    for call in CALLS:
        if call.path.startswith(("/l/", "/v1/payments")) or call.path.endswith("/postback"):
            continue  # others than our clients write these addresses
        path, good = world.fill(call.path), world.fill(call.query)
        listed = [p for p in operation_of(world, call).get("parameters", []) if p["in"] == "query"]
        known = {one["name"]: resolved(document(), one["schema"]) for one in listed}
        for name, schema in known.items():
            rest = "&".join(one for one in good.split("&") if not one.startswith(f"{name}="))
            for bad in _query_values(name, schema):
                made = {"target": f"{path}?{rest}&{name}={bad.value}"}
                wanted = frozenset({400}) if bad.refused else frozenset[int]()
                yield Try(call, f"?{name}", bad.name, made, wanted)
            twice = {"target": f"{path}?{rest}&{name}=1&{name}=1"}
            yield Try(call, f"?{name}", "twice", twice, frozenset({400}))
        odd = dict.fromkeys(("price_fen", "__proto__", "%00", "format", "_method", "a" * 9000), "x")
        for name in {*odd, "cursor", "page_size"} - set(known):
            made = {"target": f"{path}?{good}&{name}=5"}
            yield Try(call, "?", f"{name[:20]} is not known", made, frozenset({400}))


def _query_values(name: str, schema: dict[str, Any]) -> list[h.Bad]:
    named = {"cursor": h.CURSORS, "page_size": h.PAGE_SIZES}
    if name in named:
        return named[name]
    if schema.get("type") == "integer":
        return h.QUERY_INTEGER
    if schema.get("format") == "date":
        return h.QUERY_DATE
    return h.QUERY_ENUM if "enum" in schema or "oneOf" in schema else h.QUERY_TEXT


def paths(world: World) -> Iterator[Try]:
    """Every name in every path."""
    for call in CALLS:
        route = route_of(world.fill(call.path))
        plain = re.split(r"<[^>]+>", route)
        shape = "([^/]+)".join(map(re.escape, plain))
        good = re.fullmatch(shape, world.fill(call.path)[1:])
        assert good
        for number, (kind, name) in enumerate(re.findall(r"<(?:(\w+):)?(\w+)>", route)):
            for value in h.PATH_INTEGER if kind == "int" else h.PATH_TEXT:
                names = [*good.groups()]
                names[number] = value
                parts = zip_longest(plain, names, fillvalue="")
                made = {"target": "/" + "".join(part + one for part, one in parts)}
                if call.query:
                    made["target"] += f"?{world.fill(call.query)}"
                # Taking a card away that is not there is no error; no product has the id 0.
                wanted = {404, 204} if value == "0" and call.method == "DELETE" else {404}
                yield Try(call, f"/{name}", value[:20], made, frozenset(wanted))


_HEADERS_AT = {
    ("GET", "/v1/me"),
    ("GET", "/v1/charity/summary"),
    ("GET", "/l/{link}"),
    ("POST", "/v1/notes"),
    ("POST", "/v1/media"),
    ("POST", "/v1/me/payouts"),
    ("POST", "/v1/payments/sandbox/callback"),
    ("POST", "/v1/conversion-sources/{source}/postback"),
}


def headers(world: World) -> Iterator[Try]:
    """Every header that somebody reads, at reads, writes, the upload, the redirect and the
    callback; the key at every door that asks for one."""
    for call in CALLS:
        here = (call.method, call.path) in _HEADERS_AT
        good = request_of(world, call)["headers"]
        for name, values in h.HEADERS.items():
            is_key = name == "Idempotency-Key" and call.keyed
            for value in values if here or is_key else []:
                changes = {"headers": {**good, name: value}}
                wanted = frozenset({400}) if is_key else frozenset[int]()
                yield Try(call, name, repr(value)[:30], changes, wanted)


def uploads(world: World) -> Iterator[Try]:
    """The one form: its parts, their names, its length."""
    call = next(call for call in CALLS if call.path == "/v1/media")
    png = world.picture
    good = form({"file": png})
    encoded = b"Content-Transfer-Encoding: base64\r\nContent-Type: application"
    tries: dict[str, bytes] = {
        "no file": form({"width": "1"}),
        "a file as text": form({"file": "text"}),
        "an empty file": form({"file": b""}),
        "a text that is no picture": form({"file": b"<svg/>"}),
        "half a picture": form({"file": png[: len(png) // 2]}),
        "a picture named 5,000": form({"file": png}, filename="x" * 5_000 + ".png"),
        "a picture without a name": form({"file": png}, filename=""),
        "a width of 1.0": form({"file": png, "width": "1.0", "height": "1"}),
        "a width in full-width": form({"file": png, "width": "１", "height": "1"}),
        "a width of NUL": form({"file": png, "width": "\x00", "height": "1"}),
        "a width of 5,000 digits": form({"file": png, "width": "9" * 5_000, "height": "1"}),
        "an owner": form({"file": png, "owner": "1"}),
        "a field of NUL": form({"file": png, "a\x00b": "1"}),
        "a surrogate": form({"file": png, "width": "\ud800"}),
        "2,500 fields": form({"file": png, **{f"f{number}": "1" for number in range(2_500)}}),
        "nothing": b"",
        "another edge": good.replace(EDGE.encode(), b"other"),
        "a bad transfer encoding": good.replace(b"Content-Type: application", encoded),
    }
    long = {"environ": {"CONTENT_LENGTH": str(10**9)}, "body": good, "headers": MULTIPART}
    yield Try(call, "form", "a length of a gigabyte", long, frozenset({413}))
    none = {"environ": {"CONTENT_LENGTH": "x"}, "body": good, "headers": MULTIPART}
    yield Try(call, "form", "a length that is no number", none, frozenset({400, 415, 422}))
    for name, raw in tries.items():
        changes = {"body": raw, "headers": MULTIPART}
        yield Try(call, "form", name, changes, frozenset({400, 415, 422}))
    odd = {
        "a picture named by NUL": form({"file": png}, filename="a\x00.png"),
        "a picture named up": form({"file": png}, filename="../../../a.png"),
        "no end": good[: -len(EDGE) - 6],
        "no disposition": f"--{EDGE}\r\n\r\nx\r\n--{EDGE}--\r\n".encode(),
    }
    for name, raw in odd.items():
        yield Try(call, "form", name, {"body": raw, "headers": MULTIPART})


def callbacks(world: World) -> Iterator[Try]:
    """What a payment provider says, signed and forged: every field, every header of the signature,
    a stamp outside its five minutes."""
    call = next(call for call in CALLS if call.path.endswith("/callback"))
    good = request_of(world, call)
    body = json.loads(good["body"])
    for path, kind in {
        ("type",): h.TEXT, ("data",): h.OBJECT, ("data", "transaction_id"): h.TEXT,
        ("data", "checkout"): h.TEXT, ("data", "payer"): h.TEXT, ("data", "amount_fen"): h.INTEGER,
        ("data", "paid_at"): h.DATE,
    }.items():  # fmt: skip
        place = "signed." + ".".join(path)
        for bad in kind:
            # The provider's word about our own rules: a name in any letters is not ours to refuse.
            signed = _signed(spoiled(body, path, bad))
            yield Try(call, place, bad.name, signed, frozenset({200, 400, 404, 422}), keeps=True)
            forged = {"body": signed["body"], "headers": good["headers"]}
            yield Try(call, f"forged.{'.'.join(path)}", bad.name, forged, frozenset({401}))
    less = json.dumps({**body, "data": {**body["data"], "amount_fen": 1}}).encode()
    yield Try(call, "signed.data.amount_fen", "1 fen", _signed(less), frozenset({422}), keeps=True)
    for bad in h.DOCUMENTS:
        yield Try(call, "signed", bad.name, _signed(bad.raw.encode()), frozenset({400}))
    for name, values in h.WEBHOOK.items():
        for value in values:
            changes = {"headers": {**good["headers"], name: value}}
            yield Try(call, name, repr(value)[:30], changes, frozenset({401}))
    for seconds in (-301, -86_400, 301, 86_400, 10**9):
        old = _signed(good["body"], seconds)
        yield Try(call, "webhook-timestamp", f"{seconds} s from now", old, frozenset({401}))


def _signed(raw: bytes, seconds: int = 0) -> dict[str, Any]:
    from django.conf import settings

    stamp = int(now().timestamp()) + seconds
    secret = settings.PAYMENT_SANDBOX_SECRET
    return {
        "body": raw,
        "headers": {
            "Content-Type": "application/json",
            "webhook-id": "msg_hostile",
            "webhook-timestamp": str(stamp),
            "webhook-signature": sandbox.sign(
                notice_id="msg_hostile", timestamp=stamp, body=raw, secret=secret
            ),
        },
    }


def partners(world: World) -> Iterator[Try]:
    """What a partner tells: postbacks, signed and forged, and the form of its file."""
    call = next(call for call in CALLS if call.path.endswith("/postback"))
    good = request_of(world, call)
    body = json.loads(good["body"])
    kinds = dict.fromkeys(("order", "line", "sku", "code", "click"), h.TEXT)
    kinds |= dict.fromkeys(("qty", "paid_fen", "refunded_fen"), h.INTEGER)
    kinds |= dict.fromkeys(("paid_at", "received_at"), h.DATE)
    for name, kind in kinds.items():
        for bad in kind:
            signed = _told(world, spoiled({**body, name: ""}, (name,), bad))
            fits = len(signed["body"]) <= reading.LONGEST and reading.json_object(signed["body"])
            wanted = frozenset({200, 422} if fits else {400})
            yield Try(call, f"signed.{name}", bad.name, signed, wanted, keeps=True)
            forged = {"body": signed["body"], "headers": good["headers"]}
            yield Try(call, f"forged.{name}", bad.name, forged, frozenset({401}))
    for bad in h.DOCUMENTS:
        yield Try(call, "signed", bad.name, _told(world, bad.raw.encode()), frozenset({400, 422}))
    for name, values in h.WEBHOOK.items():
        for value in values:
            changes = {"headers": {**good["headers"], name: value}}
            yield Try(call, name, repr(value)[:30], changes, frozenset({401}))
    call = next(c for c in CALLS if c.path.endswith("/imports") and c.method == "POST")
    wrong: dict[str, dict[str, str | bytes]] = {
        "no file": {"kind": "csv"},
        "an empty file": {"file": b"", "kind": "csv"},
        "a file as text": {"file": "x", "kind": "csv"},
        "another kind": {"file": b"x", "kind": "xml"},
        "no kind": {"file": b"x"},
        "a dry run of yes": {"file": b"x", "kind": "csv", "dry_run": "yes"},
        "a source": {"file": b"x", "kind": "csv", "source": "1"},
    }
    for name, parts in wrong.items():
        changes = {"body": form(parts), "headers": MULTIPART}
        yield Try(call, "form", name, changes, frozenset({422}))


def _told(world: World, raw: bytes) -> dict[str, Any]:
    signed = webhooks.headers(
        message_id="msg_hostile", body=raw, secret=world.partner_secret, at=now()
    )
    return {"body": raw, "headers": signed | {"Content-Type": "application/json"}}


MAKERS: dict[str, Callable[[World], Iterator[Try]]] = {
    "bodies": bodies,
    "queries": queries,
    "paths": paths,
    "headers": headers,
    "uploads": uploads,
    "callbacks": callbacks,
    "partners": partners,
}
