"""K16: webhooks through REST and at the desk: who may have which, what is shown, and to whom."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from backend.accounts import erasure
from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.errors import NotAllowed
from backend.core.models import AuditEntry
from backend.webhooks import addresses, endpoints, replays, sending
from backend.webhooks.endpoints import Wanted
from backend.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from seeds.factories import AccountFactory, ShopFactory
from tests.cast import Person
from tests.commissions.money_out import officer
from tests.desk import signed_in

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/tuike?key=of-the-receiver"
BODY = {"scope": "own", "url": URL, "kinds": ["commission.estimated", "payout.paid"]}


def made(who: Person, **more: Any) -> dict[str, Any]:
    answer = who.client.post("/v1/webhooks", BODY | more, format="json")
    assert answer.status_code == 201, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def problem(who: Person, **more: Any) -> tuple[int, str, list[str]]:
    answer = who.client.post("/v1/webhooks", BODY | more, format="json")
    said = answer.json()
    return answer.status_code, said["code"], sorted(said.get("errors", {}))


def told(endpoint_id: int, number: int = 1, state: str = "delivered") -> WebhookDelivery:
    return WebhookDelivery.objects.create(
        endpoint_id=endpoint_id,
        event_id=f"commission.estimated.{number}",
        kind="commission.estimated",
        data={"commission": number},
        occurred_at=now(),
        created_at=now(),
        due_at=now(),
        state=state,
        delivered_at=now() if state == "delivered" else None,
    )


# ---------------------------------------------------------------- REST
def test_a_secret_is_shown_once_and_sealed(linda: Person) -> None:
    first = made(linda)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", first["secret"])
    shown = linda.client.get(f"/v1/webhooks/{first['id']}").json()
    assert "secret" not in shown
    assert (shown["status"], shown["streak"], shown["kinds"]) == ("active", 0, BODY["kinds"])
    row = WebhookEndpoint.objects.get()
    assert first["secret"].encode() not in bytes(row.secret_sealed)
    again = linda.client.post(f"/v1/webhooks/{first['id']}/rotate", {}, format="json").json()
    assert again["secret"] != first["secret"]
    row.refresh_from_db()
    assert endpoints.secrets_of(row, now()) == [again["secret"], first["secret"]]


def test_a_scope_needs_its_rights(selena: Person, linda: Person, staff: Person) -> None:
    order = {"kinds": ["order.paid"]}
    assert problem(linda, scope="shop", **order)[:2] == (404, "not_found")
    assert problem(linda, scope="market", **order)[:2] == (403, "not_allowed")
    clerk = officer("prepare_payout")
    with pytest.raises(NotAllowed):
        endpoints.add(account=clerk, wanted=Wanted("market", URL, ["order.paid"]), at=now())
    shop = ShopFactory.create(account=selena.account)
    assert made(selena, scope="shop", **order)["shop"] == shop.pk
    assert made(staff, scope="market", **order)["scope"] == "market"


def test_a_scope_is_told_its_own_kinds_alone(linda: Person) -> None:
    assert problem(linda, kinds=["order.paid"]) == (422, "webhook_kinds", ["kinds"])
    assert problem(linda, kinds=["payout.paid", "no.such"]) == (422, "webhook_kinds", ["kinds"])
    assert problem(linda, kinds=[])[0] == 422
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://user@hooks.example.com/",
        "https://hooks.example.com\\@evil.example/",
        "https://hooks.example.com/#x",
        "https://hooks.example.com/%0d%0aX",
        "https://hooks.example.com:0/",
        "ftp://hooks.example.com/",
        "https://hooks.example.com /",
    ],
)
def test_in_production_an_address_is_https_at_a_public_name(
    linda: Person, settings: Settings, url: str
) -> None:
    settings.WEBHOOK_LOOPBACK = False
    assert problem(linda, url=url) == (422, "webhook_address", ["url"])
    assert addresses.problem_of("https://hooks.example.com:8443/a/b?c=d") is None


def test_ten_endpoints_are_enough(linda: Person) -> None:
    ids = [made(linda)["id"] for _ in range(endpoints.MOST)]
    assert problem(linda)[:2] == (409, "too_many_webhooks")
    assert linda.client.delete(f"/v1/webhooks/{ids[0]}").status_code == 204
    made(linda)


def test_what_is_removed_is_gone_with_its_secrets(linda: Person) -> None:
    one = made(linda)["id"]
    told(one, state="waiting")
    linda.client.delete(f"/v1/webhooks/{one}")
    assert linda.client.get(f"/v1/webhooks/{one}").status_code == 404
    assert linda.client.get("/v1/webhooks").json()["results"] == []
    row = WebhookEndpoint.objects.get()
    assert (row.url, bytes(row.secret_sealed), row.status) == ("", b"", "removed")
    assert sending.claim(at=now()) == []


def test_changing_disabling_and_enabling(linda: Person) -> None:
    one = made(linda)["id"]
    path = f"/v1/webhooks/{one}"
    other = {"url": "https://other.example/", "kinds": ["payout.paid"], "description": "账本"}
    changed = linda.client.patch(path, other, format="json").json()
    assert {name: changed[name] for name in other} == other
    refused = linda.client.patch(path, {"kinds": ["order.paid"]}, format="json")
    assert refused.json()["code"] == "webhook_kinds"
    assert linda.client.post(f"{path}/enable", {}, format="json").json()["code"] == "wrong_state"
    assert linda.client.post(f"{path}/disable", {}, format="json").json()["status"] == "disabled"
    told(one, state="waiting")
    assert sending.claim(at=now()) == []
    assert linda.client.post(f"{path}/test", {}, format="json").json()["code"] == "wrong_state"
    assert linda.client.post(f"{path}/enable", {}, format="json").json()["status"] == "active"
    assert len(sending.claim(at=now())) == 1


def test_deliveries_and_their_tries_are_shown_in_pages(
    linda: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    one = made(linda)["id"]
    rows = [told(one, number) for number in range(1, 6)]
    told(one, 9, state="failed")
    WebhookAttempt.objects.create(
        delivery=rows[0], at=now(), status_code=500, latency_ms=12, answer="broken"
    )
    path = f"/v1/webhooks/{one}/deliveries"
    with django_assert_num_queries(3):
        page = linda.client.get(f"{path}?page_size=4").json()
    assert [row["event_id"][-1] for row in page["results"]] == ["9", "5", "4", "3"]
    rest = linda.client.get(f"{path}?page_size=4&cursor={page['next']}").json()
    assert [row["event_id"][-1] for row in rest["results"]] == ["2", "1"]
    failed = linda.client.get(f"{path}?state=failed").json()["results"]
    assert [row["state"] for row in failed] == ["failed"]
    shown = linda.client.get(f"{path}/{rows[0].pk}").json()
    assert shown["data"] == {"commission": 1}
    assert [(one["status_code"], one["answer"]) for one in shown["attempts"]] == [(500, "broken")]


def test_replaying_through_rest(linda: Person) -> None:
    one = made(linda)["id"]
    row, waiting = told(one), told(one, 2, state="waiting")
    path = f"/v1/webhooks/{one}"
    again = linda.client.post(f"{path}/deliveries/{row.pk}/replay", {}, format="json").json()
    assert (again["state"], again["tries"]) == ("waiting", 0)
    refused = linda.client.post(f"{path}/deliveries/{waiting.pk}/replay", {}, format="json")
    assert refused.json()["code"] == "wrong_state"
    told(one, 3, state="failed")
    since = {"since": (now() - timedelta(hours=1)).isoformat()}
    assert linda.client.post(f"{path}/replay", since, format="json").json() == {"deliveries": 1}
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"waiting"}


def test_another_account_finds_nothing(linda: Person, mallory: Person) -> None:
    one = made(linda)["id"]
    row = told(one)
    own = made(mallory)["id"]
    for path in (
        f"/v1/webhooks/{one}",
        f"/v1/webhooks/{one}/deliveries",
        f"/v1/webhooks/{own}/deliveries/{row.pk}",
    ):
        assert mallory.client.get(path).status_code == 404
    again = f"/v1/webhooks/{own}/deliveries/{row.pk}/replay"
    assert mallory.client.post(again, {}, format="json").status_code == 404
    row.refresh_from_db()
    assert row.state == "delivered"


def test_whoever_may_not_listen_any_more_ends_it_and_nothing_else() -> None:
    """A market endpoint of staff who have lost the right."""
    clerk = officer("listen_market")
    row, _ = endpoints.add(account=clerk, wanted=Wanted("market", URL, ["order.paid"]), at=now())
    sent, by = told(row.pk), AccountFactory.create()
    clerk.user_permissions.clear()
    clerk = Account.objects.get(pk=clerk.pk)
    one: dict[str, Any] = {"account": clerk, "endpoint_id": row.pk, "at": now()}
    acts: list[Callable[[], object]] = [
        lambda: endpoints.change(**one, url="https://other.example/"),
        lambda: endpoints.rotate(**one),
        lambda: replays.replay(**one, delivery_id=sent.pk),
        lambda: replays.replay_since(**one, since=row.since),
        lambda: replays.test_event(**one),
        lambda: replays.replay_by_staff(endpoint_id=row.pk, since=row.since, by=by, at=now()),
        lambda: replays.replay_chosen(delivery_ids=[sent.pk], by=by, at=now()),
        lambda: replays.test_by_staff(endpoint_id=row.pk, by=by, at=now()),
        lambda: replays.with_attempts(
            account=clerk, endpoint_id=row.pk, delivery_id=sent.pk
        ),
    ]  # fmt: skip
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    endpoints.disable(**one, by=clerk)
    for account in (clerk, None):
        with pytest.raises(NotAllowed):
            endpoints.enable(**(one | {"account": account}), by=by)
    row.refresh_from_db()
    sent.refresh_from_db()
    assert (row.status, row.url, sent.state) == ("disabled", URL, "delivered")
    assert WebhookDelivery.objects.count() == 1
    endpoints.remove(**one)
    assert not endpoints.of(clerk).exists()


def test_whoever_is_erased_is_told_nothing_more(mallory: Person) -> None:
    made(mallory)
    erasure.erase(account_id=mallory.account.pk, by=mallory.account, reason="", at=now())
    row = WebhookEndpoint.objects.get()
    assert (row.status, row.url, bytes(row.secret_sealed)) == ("removed", "", b"")


def test_the_database_refuses_what_must_never_be(linda: Person) -> None:
    one = made(linda)["id"]
    told(one)
    rows = WebhookEndpoint.objects.filter(pk=one)
    for wrong in ({"scope": "shop"}, {"status": "off"}, {"streak": 1}, {"previous_sealed": b"x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)
    with pytest.raises(IntegrityError, match="webhook_told_once"), transaction.atomic():
        told(one)


# ---------------------------------------------------------------- the desk
@pytest.fixture
def desk(staff: Person) -> Client:
    return signed_in(staff.account)


def page(model: str, *parts: Any) -> str:
    return "/".join(["/admin/webhooks", model, *map(str, parts), ""])


def test_the_desk_shows_health_and_neither_secret_nor_path(
    desk: Client, linda: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        one = made(linda)["id"]
        told(one, 1, state="failed")
        told(one, 2, state="waiting")
    with django_assert_max_num_queries(16):
        listed = desk.get(page("webhookendpoint")).content.decode()
    assert "hooks.example.com" in listed
    shown = desk.get(page("webhookendpoint", one, "change")).content.decode()
    assert "of-the-receiver" not in listed + shown
    assert "whsec_" not in shown
    row = WebhookDelivery.objects.filter(endpoint=one).first()
    assert row is not None
    assert desk.get(page("webhookdelivery")).status_code == 200
    assert desk.get(page("webhookdelivery", row.pk, "change")).status_code == 200


def test_the_desk_disables_enables_tests_and_replays(desk: Client, linda: Person) -> None:
    one = made(linda)["id"]
    row = told(one)

    def act(action: str, **fields: Any) -> Any:
        path = page("webhookendpoint", one, action)
        return desk.post(path, {"confirmed": "yes", **fields}, follow=True)

    act("test_one")
    act("replay_one", hours=24)
    row.refresh_from_db()
    assert row.state == "waiting"
    act("disable_one", reason="asked by phone")
    assert WebhookEndpoint.objects.get().status == "disabled"
    act("enable_one", reason="asked again")
    assert WebhookEndpoint.objects.get().status == "active"
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "webhook.add", "webhook.test", "webhook.replay", "webhook.disable", "webhook.enable",
    }  # fmt: skip
    WebhookDelivery.objects.update(state="failed")
    chosen = {"action": "tell_again", "_selected_action": [row.pk]}
    desk.post(page("webhookdelivery"), chosen, follow=True)
    row.refresh_from_db()
    assert row.state == "waiting"


def test_the_desk_adds_an_endpoint_of_the_whole_market(desk: Client, staff: Person) -> None:
    asked = {"url": URL, "kinds": ["order.paid", "payout.paid"], "description": "warehouse"}
    path = page("webhookendpoint", "add-market")
    assert desk.get(path).status_code == 200
    shown = desk.post(path, {"confirmed": "yes", **asked}).content.decode()
    row = WebhookEndpoint.objects.get()
    assert (row.scope, row.account, row.kinds) == (
        "market", staff.account, ["order.paid", "payout.paid"],
    )  # fmt: skip
    assert "whsec_" in shown


def test_without_the_right_the_desk_decides_nothing(linda: Person) -> None:
    one = made(linda)["id"]
    looker = signed_in(officer("view_webhookendpoint"))
    answer = looker.post(page("webhookendpoint", one, "disable_one"), {"reason": "x"})
    assert answer.status_code == 403
    assert looker.get(page("webhookendpoint", "add-market")).status_code == 403
    assert WebhookEndpoint.objects.get().status == "active"
