"""R7, row 21: what a body may not say. Fields of the tables that nobody offers to be written
(owner, state, balance, rate, is_staff …) are refused at every depth of every body; an id that is
somebody else's is refused at every place where an id may stand."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction

from backend.rest.fields import NAMED
from tests.api.call import Call
from tests.api.calls import CALLS, filled, request_of, send
from tests.api.http import MULTIPART, Door, form
from tests.api.named import World
from tests.api.places import places, resolved
from tests.api.tries import body_schema, described, operation_of
from tests.house.test_schema import document
from tests.journeys.bad_input import ROOMS, everything

pytestmark = pytest.mark.django_db


# ---------------------------------------------------------------- every column of every table
def _columns() -> list[str]:
    """The name of every field of every table of ours, foreign keys in both spellings."""
    names = {"pk", "balance_fen", "rate", "owner", "role", "permissions", "__class__"}
    for room in ROOMS:
        for model in apps.get_app_config(room).get_models():
            for field in model._meta.get_fields():
                names |= {field.name, getattr(field, "attname", field.name)}
    return sorted(names)


def _objects(world: World, call: Call) -> Iterator[tuple[tuple[Any, ...], set[str]]]:
    """Every object inside a good body: where it stands, and the names it may have."""
    good = filled(world, call.body)
    for path, schema in places(document(), body_schema(world, call), good):
        if schema.get("type") == "object" and "properties" in schema:
            yield path, set(schema["properties"])
    if not body_schema(world, call):
        yield (), set()


def _with(body: Any, path: tuple[Any, ...], more: dict[str, Any]) -> Any:
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path:
        at = at[step]
    at.update(more)
    return copy


def test_no_body_takes_a_column_that_it_does_not_offer(world: World, door: Door) -> None:
    """Each is named in the refusal, so each was read, and none was taken."""
    before, wrong, count = everything(), [], 0
    columns = _columns()
    assert len(columns) > 200
    for call in CALLS:
        for path, offered in [] if call.body is None else _objects(world, call):
            extra = [name for name in columns if name not in offered]
            for start in range(0, len(extra), NAMED):
                some = dict.fromkeys(extra[start : start + NAMED], 1)
                body = _with(filled(world, call.body), path, some)
                answer = send(door, world, call, body=body)
                count += len(some)
                at = "".join(f"{step}." for step in path)
                named = set(answer.json()["errors"]) if answer.status == 422 else set()
                if named != {f"{at}{name}" for name in some}:
                    wrong.append((call.method, call.path, at, answer.status, answer.content[:99]))
    assert wrong == []
    assert everything() == before
    assert count > 10_000


def test_an_upload_takes_no_column_either(world: World, door: Door) -> None:
    before = everything()
    for name in ("owner", "owner_id", "kind", "id", "size_bytes", "created_at"):
        raw = form({"file": world.picture, name: "1"})
        answer = door.send(
            "POST", "/v1/media", token=world.tokens["author"], body=raw, headers=MULTIPART
        )
        assert (answer.status, set(answer.json()["errors"])) == (422, {name})
    assert everything() == before


# ---------------------------------------------------------------- every place of an id
# (operation, place) → what of somebody else's is put there, and what is answered. "-" as the
# answer: the id is a word of the author's about something public and opens nothing.
FOREIGN: dict[tuple[str, str], list[tuple[str, int, str]]] = {
    ("PUT /v1/accounts/{handle}/follow", "via_note"): [
        ("other_note", 404, "not_found"),
        ("draft_note", 404, "not_found"),
        ("taken_down", 404, "not_found"),
    ],
    ("PUT /v1/conversion-sources/{source_id}/goods", "sku"): [
        ("other_sku", 422, "invalid"),
    ],
    ("POST /v1/attribution-disputes", "line"): [
        ("other_line", 404, "not_found"),
        ("shipped_line", 404, "not_found"),
    ],
    ("POST /v1/checkouts", "address"): [("other_address", 404, "not_found")],
    ("POST /v1/checkouts", "lines.0.sku"): [("draft_sku", 409, "product_not_on_sale")],
    ("POST /v1/checkouts", "lines.0.source.id"): [
        ("draft_note", 422, "source_unknown"),
        ("taken_down", 422, "source_unknown"),
    ],
    ("POST /v1/checkouts/quote", "lines.0.sku"): [("draft_sku", 409, "product_not_on_sale")],
    ("POST /v1/checkouts/quote", "lines.0.source.id"): [
        ("draft_note", 422, "source_unknown"),
        ("taken_down", 422, "source_unknown"),
    ],
    ("POST /v1/notes", "media.0.file"): [("other_media", 404, "not_found")],
    ("POST /v1/notes", "media.0.labels.0.target_id"): [("other_draft", 201, "-")],
    ("PATCH /v1/notes/{note_id}", "media.0.file"): [("other_media", 404, "not_found")],
    ("PATCH /v1/notes/{note_id}", "media.0.labels.0.target_id"): [("other_draft", 200, "-")],
    ("POST /v1/notes/{note_id}/comments", "parent"): [
        ("other_comment", 422, "parent_mismatch"),
        ("hidden_comment", 422, "parent_mismatch"),
    ],
    ("POST /v1/live-sessions/{session_id}/products", "product"): [
        ("draft", 404, "not_found"),
        ("banned", 403, "goods_note_permission_required"),
        ("closed_product", 403, "goods_note_permission_required"),
    ],
    ("POST /v1/notes/{note_id}/products", "product"): [
        ("draft", 404, "not_found"),
        ("banned", 409, "product_not_on_sale"),
        ("closed_product", 403, "shop_not_open"),
    ],
    ("POST /v1/orders/{number}/refunds", "lines.0.order_line"): [
        ("other_line", 404, "not_found"),
        ("paid_line", 404, "not_found"),
    ],
    ("POST /v1/orders/{number}/shipments", "lines.0.order_line"): [
        ("other_line", 404, "not_found"),
        ("shipped_line", 404, "not_found"),
    ],
    ("POST /v1/promotion-links", "target.id"): [
        ("draft", 422, "target_unknown"),
        ("banned", 422, "target_unknown"),
        ("closed_product", 422, "target_unknown"),
    ],
    ("POST /v1/shops/{shop_id}/commission-plans", "products.0"): [
        ("other_product", 422, "plan_target_unknown"),
    ],
    ("POST /v1/commission-plans/{plan_id}/versions", "products.0"): [
        ("other_product", 422, "plan_target_unknown"),
    ],
    ("PATCH /v1/plan-versions/{version_id}", "products.0"): [
        ("other_product", 422, "plan_target_unknown"),
    ],
    ("POST /v1/shops/{shop_id}/what-ifs", "version"): [
        ("other_draft_version", 404, "not_found"),
    ],
    ("GET /v1/metrics/daily", "?shop"): [
        ("other_shop", 404, "not_found"),
        ("closed_shop", 404, "not_found"),
    ],
    ("GET /v1/products", "?shop"): [("closed_shop", 200, "-")],
    ("GET /v1/notes/{note_id}/comments", "?parent"): [
        ("other_comment", 200, "-"),
        ("hidden_comment", 200, "-"),
    ],
}


def _is_id(schema: dict[str, Any]) -> bool:
    return schema.get("type") in ("integer", ["integer", "null"]) and (
        schema.get("maximum") == 2**63 - 1
    )


def _id_places(world: World) -> Iterator[tuple[Call, str, str, tuple[Any, ...]]]:
    """Every place of every body and query where an id may stand."""
    names = {id(operation): " ".join(key) for key, operation in described().items()}
    for call in CALLS:
        operation = operation_of(world, call)
        name = names[id(operation)]
        if call.body is not None:
            for path, schema in places(
                document(), body_schema(world, call), filled(world, call.body)
            ):
                if _is_id(schema):
                    yield call, name, ".".join(map(str, path)), path
        for one in operation.get("parameters", []):
            if one["in"] == "query" and _is_id(resolved(document(), one["schema"])):
                yield call, name, f"?{one['name']}", ()


def test_every_place_of_an_id_is_in_the_table_and_the_table_has_no_other(world: World) -> None:
    found = {(name, place) for _, name, place, _ in _id_places(world)}
    assert found ^ set(FOREIGN) == set()


def test_an_id_of_somebody_elses_is_refused_wherever_it_stands(world: World, door: Door) -> None:
    before, wrong = everything(), []
    for call, name, place, path in _id_places(world):
        for foreign, status, code in FOREIGN[name, place]:
            theirs = vars(world)[foreign]
            made = request_of(world, call)
            if path:
                at = json.loads(json.dumps(made["body"]))
                inner = at
                for step in path[:-1]:
                    inner = inner[step]
                inner[path[-1]] = theirs
                made["body"] = at
            else:
                good = [p for p in world.fill(call.query).split("&") if not p.startswith(place[1:])]
                made["target"] = f"{world.fill(call.path)}?{'&'.join(good)}&{place[1:]}={theirs}"
            with transaction.atomic():
                answer = door.send(token=world.tokens[call.who], **made)
                transaction.set_rollback(answer.status < 400)
            if (answer.status, answer.code or "-") != (status, code):
                wrong.append((name, place, foreign, answer.status, answer.content[:120]))
            if code == "-" and any(
                mark.text.encode() in answer.content
                for mark in world.marks
                if call.who not in mark.readers
            ):
                wrong.append((name, place, foreign, "tells something private"))
    assert wrong == []
    assert everything() == before
