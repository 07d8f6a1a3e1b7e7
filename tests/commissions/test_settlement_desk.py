"""Settlement at the desk: rules, periods, re-stating with a code, statements (X4, X9, K15, K19)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from backend.core.models import AuditEntry
from commissions import accruals, restating, statements
from commissions.admin import settlements
from commissions.models import Restatement, SettlementPeriod, SettlementRule, Statement
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.books_world import World, world
from tests.commissions.money_out import officer
from tests.commissions.test_statements import CLOSE, body
from tests.desk import code_of, signed_in, waited

PAGES = ["settlementrule", "settlementperiod", "settlementrun", "statement"]
LATER = datetime(2026, 12, 5, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def there() -> World:
    made = world()
    restating.close_due(at=CLOSE)
    statements.state_due(at=CLOSE)
    return made


def test_pages_open_for_who_may_look_at_constant_cost(
    there: World, staff: Person, django_assert_max_num_queries: Any
) -> None:
    from django.apps import apps

    desk = signed_in(staff.account)
    for model in PAGES:
        with django_assert_max_num_queries(12):
            assert desk.get(f"/admin/commissions/{model}/").status_code == 200
        row = apps.get_model("commissions", model).objects.latest("pk")
        with django_assert_max_num_queries(40):
            page = desk.get(f"/admin/commissions/{model}/{row.pk}/change/")
        assert page.status_code == 200
        assert desk.post(f"/admin/commissions/{model}/{row.pk}/delete/").status_code == 403
        assert desk.get(f"/admin/commissions/{model}/add/").status_code == 403
    period = SettlementPeriod.objects.get()
    text = desk.get(f"/admin/commissions/settlementperiod/{period.pk}/change/").content.decode()
    assert "3 orders in 1 chunks" in text
    assert "1 orders, 0 of them held" in text or "0 orders, 0 of them held" in text


def test_a_rule_is_set_with_a_code_and_by_nobody_without_the_right(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = officer("add_settlementrule", "view_settlementrule")
    desk = signed_in(by, seconds_ago=400)
    path = "/admin/commissions/settlementrule/set/"
    monkeypatch.setattr(settlements, "now", lambda: LATER)
    asked = {
        "shop_id": "", "cadence": "weekly", "settle_days": "2", "zone": "Europe/Berlin",
        "starts_on": "2027-01-04",
    }  # fmt: skip
    assert desk.post(path, asked).status_code == 200
    assert SettlementRule.objects.count() == 1
    waited()
    wrong = {**asked, "zone": "Mars/Olympus", "code": code_of(by)}
    assert "This is no rule to settle by" in desk.post(path, wrong, follow=True).content.decode()
    for never in ("0001-01-01", "9999-12-31"):
        far = {**asked, "zone": "Asia/Shanghai", "starts_on": never}
        said = desk.post(path, far, follow=True).content.decode()
        assert "This is no rule to settle by" in said
    assert desk.post(path, asked).status_code == 302
    made = SettlementRule.objects.latest("id")
    assert (made.cadence, made.settle_days, made.zone) == ("weekly", 2, "Europe/Berlin")
    assert made.starts_at == datetime(2027, 1, 3, 23, tzinfo=UTC)
    assert made.made_by == by
    stranger = signed_in(officer("view_settlementrule"))
    assert stranger.get(path).status_code in (403, 404)


def test_a_period_is_restated_with_a_reason_and_a_code(there: World) -> None:
    (line, *_) = there.lines
    period = SettlementPeriod.objects.get()
    sales.refund(line, 1_290)
    accruals.reconcile_orders([line.order_id], at=LATER)
    by = officer("restate_settlementperiod", "view_settlementperiod")
    desk = signed_in(by, seconds_ago=400)
    path = f"/admin/commissions/settlementperiod/{period.pk}/restate_one/"
    assert "changes since it was closed" in desk.get(path).content.decode()
    desk.post(path, {"confirmed": "1", "reason": "refunds"})
    assert not Restatement.objects.exists()
    desk.post(path, {"confirmed": "1", "reason": "refunds", "code": code_of(by)})
    made = Restatement.objects.get()
    assert (made.by, made.reason, made.number) == (by, "refunds", 1)
    assert restating.restated(period.pk) == restating.from_scratch(period.pk)
    assert AuditEntry.objects.filter(action="settlement_period.restate").count() == 1
    answer = desk.post(path, {"confirmed": "1", "reason": "again"}, follow=True)
    assert "nothing is added" in " ".join(map(str, answer.context["messages"]))
    assert Restatement.objects.count() == 1


def test_staff_read_a_statement_as_its_payee_does(there: World, staff: Person) -> None:
    found = Statement.objects.filter(owner_kind="person", owner_id=there.account.pk)
    row = found.select_related("period", "signed_by").get()
    desk = signed_in(staff.account)
    path = f"/admin/commissions/statement/{row.pk}"
    page = desk.get(f"{path}/show_page/")
    assert page["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert body(page).decode() == "".join(statements.html_page(row))
    assert body(desk.get(f"{path}/download_csv/")).decode() == "".join(statements.csv_file(row))
    for kind, written in (
        ("jsonl", statements.jsonl_file),
        ("xlsx", statements.xlsx_file),
    ):
        assert body(desk.get(f"{path}/download_{kind}/")) == b"".join(written(row))
    stranger: Client = signed_in(officer("view_settlementrule"))
    for act in ("show_page", "download_csv", "download_xlsx", "download_jsonl"):
        assert stranger.get(f"{path}/{act}/").status_code in (302, 403)
