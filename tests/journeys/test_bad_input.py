"""The bad-input list, end to end through REST: what is refused, with which status and code, and
that nothing moved: after each refusal every row of every table of ours is what it was
(C4, C9, I6, K5, K6 and the hostile inputs of R6 and R7). The rows are in bad_input_cases.py."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from backend.core.clock import now
from backend.core.errors import Refusal
from commissions import payouts, plans
from commissions.models import PlanVersion, Promoter
from commissions.split import Shares
from notes.models import Note
from shops.models import Sku
from tests.cast import Person
from tests.commissions import money_out
from tests.journeys import bad_input_cases as cases
from tests.journeys.bad_input import Case, World, build, check, everything
from tests.shops.sales import callback

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(selena: Person, lily: Person, linda: Person, mallory: Person, staff: Person) -> World:
    return build(selena, lily, linda, mallory, staff)


def test_what_the_client_may_not_say_is_refused_as_an_unknown_field(world: World) -> None:
    """A6, C9: prices, rates, fees, states, owners and balances are ours to say."""
    refused = [
        Case(name, who, method, path, 422, "invalid", body, error_at=at)
        for name, who, method, path, at, body in cases.UNKNOWN_FIELDS
    ]
    check(world, refused)


def _not_found(who: str, method: str, path: str, body: Any) -> Case:
    return Case(f"{who} {method} {path}", who, method, path, 404, "not_found", lambda w: body)


def test_what_is_somebody_elses_does_not_exist(world: World) -> None:
    """R7: 404 in every verb, also for a stranger who sells herself."""
    check(world, [_not_found("mallory", *other) for other in cases.OTHERS])


def test_the_other_sides_verbs_do_not_exist(world: World) -> None:
    """A buyer does not answer for the shop, nor the shop for the buyer, nor staff for anybody."""
    check(world, [_not_found(*wrong_side) for wrong_side in cases.WRONG_SIDE])


def test_amounts_and_numbers_out_of_range_move_nothing(world: World) -> None:
    """A6, C4, K5: below zero, above what is there, beyond 64 bits, or no integer at all."""
    check(world, cases.AMOUNTS)


def test_texts_and_documents_that_two_programs_would_read_differently(world: World) -> None:
    """Hostile texts and JSON: refused at the door."""
    check(world, cases.TEXTS)


def test_queries_and_paths_that_name_nothing(world: World) -> None:
    """Broken cursors, sizes, unknown parameters, ids beyond bigint."""
    check(world, cases.QUERIES)


def test_keys_methods_and_tokens(world: World) -> None:
    """A money-moving POST without its key, a verb the path does not have, nobody's call."""
    check(world, cases.DOORS)


# ------------------------------------------------------- twice
def test_a_key_does_one_thing_for_one_person(world: World) -> None:
    """C9: the key with another body, or the same body at another path, is refused; in another's
    hand it is another key."""
    key = {"Idempotency-Key": "one-and-the-same"}
    wanted = {"amount_fen": 1_000}
    client = world.people["linda"].client
    first = client.post("/v1/me/payouts", wanted, format="json", headers=key)
    assert first.status_code == 201
    before = everything()
    again = client.post("/v1/me/payouts", wanted, format="json", headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"
    elsewhere = {path.format(**vars(world)) for _, path, _ in cases.KEYED} - {"/v1/me/payouts"}
    others = [("/v1/me/payouts", {"amount_fen": 1_001}), *((path, wanted) for path in elsewhere)]
    for path, fields in others:
        other = client.post(path, fields, format="json", headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused"), path
    mine = world.people["mallory"].client.post("/v1/me/payouts", wanted, format="json", headers=key)
    assert (mine.status_code, mine.json()["code"]) == (409, "payee_missing")
    assert everything() == before


# ------------------------------------------------------- callbacks
def test_a_callback_with_another_signature_or_age_is_nobodys(world: World) -> None:
    """C5: forged, changed after signing, old, or without its headers: 401, nothing is kept."""
    before = everything()
    client = APIClient()
    tries: list[dict[str, Any]] = [
        {"headers": {"webhook-signature": "v1,AAAA"}},
        {"headers": {"webhook-signature": ""}},
        {"headers": {"webhook-signature": "v1,é\u4e2d".encode().decode("latin-1")}},
        {"headers": {"webhook-timestamp": "1"}},
        {"headers": {"webhook-timestamp": "9" * 30}},
        {"headers": {"webhook-id": "msg_other"}},
        {"headers": {"webhook-id": ""}},
        {"body": '{"type":"payment.succeeded","data":{"amount_fen":1}}'},
        {"body": ""},
    ]
    for changes in tries:
        answer = callback(client, world.checkout, **changes)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature"), changes
    assert everything() == before


@pytest.mark.parametrize("amount_fen", [1, 12_899, 12_901])
def test_a_callback_with_another_amount_is_kept_and_moves_nothing(
    world: World, amount_fen: int
) -> None:
    """C5: 422, however often it comes; the notice alone is kept."""
    before = everything()
    for _ in range(2):
        answer = callback(APIClient(), world.checkout, amount_fen=amount_fen, notice_id="msg_once")
        assert (answer.status_code, answer.json()["code"]) == (422, "amount_mismatch")
    after = everything()
    kept = before["shops_paymentnotice"][0] + 1
    assert after.pop("shops_paymentnotice")[0] == kept
    before.pop("shops_paymentnotice")
    assert after == before


# ------------------------------------------------------- what staff and the database refuse
def _code(act: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as caught, transaction.atomic():
        act()
    return caught.value.code


def test_a_payout_is_approved_once_and_by_another_than_its_maker(world: World) -> None:
    """K6: the second approval, the maker's own and the payee's own are refused."""
    maker, checker, other = (
        money_out.officer("prepare_payout", "approve_payout") for _ in range(3)
    )
    number, at = world.payout, now()
    assert _code(lambda: payouts.approve(number=number, by=checker, at=at)) == "wrong_state"
    payouts.prepare(number=number, by=maker, at=at)
    assert _code(lambda: payouts.approve(number=number, by=maker, at=at)) == "maker_is_checker"
    payouts.approve(number=number, by=checker, at=at)
    before = everything()
    for by in (checker, other):
        again = partial(payouts.approve, number=number, by=by, at=at)
        assert _code(again) == "wrong_state"
    assert _code(lambda: payouts.reject(number=number, by=other, reason="x", at=at)) == (
        "wrong_state"
    )
    assert everything() == before


def test_a_cycle_in_the_tree_is_refused_by_the_database(world: World) -> None:
    """I6: upwards, downwards, to oneself, and two at once in one statement."""
    low, high = world.sponsor, world.promoter
    statements = [
        f"UPDATE commissions_promoter SET sponsor_id = {high} WHERE id = {low}",
        f"UPDATE commissions_promoter SET sponsor_id = {low} WHERE id = {low}",
        f"UPDATE commissions_promoter SET sponsor_id = id WHERE id IN ({low}, {high})",
        f"UPDATE commissions_promoter SET sponsor_id = CASE id WHEN {low} THEN {high} "
        f"ELSE {low} END WHERE id IN ({low}, {high})",
        f"UPDATE commissions_promoter SET sponsor_id = {low} + {high} - id "
        f"WHERE id IN ({high}, {low})",
    ]
    before = everything()
    for statement in statements:
        with pytest.raises(IntegrityError, match="promoter_no_cycle"), transaction.atomic():
            connection.cursor().execute(statement)
    assert everything() == before
    assert Promoter.objects.get(pk=high).sponsor_id == low


@pytest.mark.parametrize(
    "shares",
    [
        Shares(8_001, 2_000, 10_000, 100),
        Shares(10_000, 1, 10_000, 100),
        Shares(8_000, 2_000, 10_001, 100),
        Shares(8_000, 2_000, 10_000, 10_001),
    ],
)
def test_a_plan_over_the_whole_is_refused_with_its_clause_and_by_the_database(
    world: World, shares: Shares
) -> None:
    """K1: drafting, linting, and writing the row past every verb."""
    at = now()
    before = everything()
    assert _code(lambda: plans.draft(name="greedy", shares=shares, starts_at=at, at=at)) == (
        "plan_over_hundred_percent"
    )
    assert plans.lint(shares=shares)[0].status == 422
    plan_id = PlanVersion.objects.values_list("plan_id", flat=True)[0]
    with pytest.raises(IntegrityError, match="plan_not_over_100_percent"), transaction.atomic():
        PlanVersion.objects.create(plan_id=plan_id, number=99, starts_at=at, **shares._asdict())
    assert everything() == before


def test_stock_below_zero_is_refused_by_the_database_as_well(world: World) -> None:
    """C4: past every verb."""
    before = everything()
    for changes in ({"on_hand": -1}, {"committed": -1}, {"committed": 21}, {"on_hand": 0}):
        with pytest.raises(IntegrityError, match="sku_stock"), transaction.atomic():
            Sku.objects.filter(pk=world.sku).update(**changes)
    assert everything() == before


# ------------------------------------------------------- what must pass
def test_emoji_and_chinese_are_kept_byte_for_byte(world: World) -> None:
    """What is no attack is not damaged: joined emoji, flags, skin tones, selectors, 生僻字."""
    text = "👩‍👩‍👧 🇨🇳👍🏽❤️𠮷野家"
    selena = world.people["selena"].client
    made = selena.post("/v1/notes", {"kind": "image", "title": text}, format="json")
    assert made.status_code == 201, made.content
    assert made.json()["title"] == text
    assert Note.objects.get(pk=made.json()["id"]).title.encode() == text.encode()
    read = selena.get(f"/v1/notes/{made.json()['id']}")
    assert json.loads(read.content)["title"] == text
