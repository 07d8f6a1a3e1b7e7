"""Staff pages of agencies and of what the law counts, through HTTP (K8, K9)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from backend.core.models import AuditEntry
from commissions import compliance
from seeds.factories import AgencyEdgeFactory, AgencyFactory, PromoterFactory
from tests.cast import Person
from tests.desk import signed_in

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
pytestmark = pytest.mark.django_db
PAGES = ["agency", "agencyinvitation", "compliancefinding"]


@pytest.fixture
def desk(staff: Person) -> Client:
    return signed_in(staff.account)


def fill() -> Any:
    """An agency with members, an invitation, and a tree of three levels."""
    upper, agency = AgencyFactory.create_batch(2)
    root = PromoterFactory.create()
    member = PromoterFactory.create(sponsor=PromoterFactory.create(sponsor=root))
    AgencyEdgeFactory.create(agency=agency, promoter=member)
    AgencyEdgeFactory.create(agency=upper, child=agency)
    agency.invitations.create(promoter=root, invited_at=AT)
    compliance.report(at=AT)
    return agency


@pytest.mark.parametrize("model", PAGES)
def test_a_list_costs_the_same_for_few_rows_and_many(
    desk: Client, model: str, django_assert_max_num_queries: Any
) -> None:
    fill()
    path = f"/admin/commissions/{model}/"
    with django_assert_max_num_queries(13) as few:
        assert desk.get(path).status_code == 200
    for _ in range(3):
        fill()
    with django_assert_max_num_queries(len(few)):
        assert desk.get(path).status_code == 200


@pytest.mark.parametrize("model", PAGES)
def test_a_row_opens_and_nobody_adds_or_deletes_one(desk: Client, model: str) -> None:
    from django.apps import apps

    fill()
    row = apps.get_model("commissions", model).objects.latest("pk")
    assert desk.get(f"/admin/commissions/{model}/{row.pk}/change/").status_code == 200
    assert desk.post(f"/admin/commissions/{model}/{row.pk}/delete/").status_code == 403
    assert desk.get(f"/admin/commissions/{model}/add/").status_code == 403


def test_an_agency_is_suspended_and_reopened_with_a_reason(desk: Client) -> None:
    agency = fill()
    for act, wanted in (("suspend_one", "suspended"), ("reopen_one", "active")):
        path = f"/admin/commissions/agency/{agency.pk}/{act}/"
        assert desk.get(path).status_code == 200
        desk.post(path, {"confirmed": "1", "reason": f"{act} because"}, follow=True)
        agency.refresh_from_db()
        assert agency.status == wanted
    acts = AuditEntry.objects.filter(action__startswith="agency.").order_by("id")
    assert list(acts.values_list("action", "reason")) == [
        ("agency.suspend", "suspend_one because"),
        ("agency.reopen", "reopen_one because"),
    ]
