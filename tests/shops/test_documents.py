"""Identity cards of applicants: sealed at rest, shown by their end, seen in clear only with a
right, a reason and a trace."""

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from pytest_django import Settings

from backend.core import sealing
from backend.core.clock import now
from backend.core.errors import Invalid, NotAllowed, NotFound
from backend.core.models import AuditEntry
from backend.core.sql import value
from shops import onboarding
from shops.models import QualificationDocument, ShopApplication
from tests.cast import Person
from tests.commissions.money_out import officer
from tests.desk import signed_in
from tests.shops.sales import refused

pytestmark = pytest.mark.django_db
IDENTITY = "11010519491231002X"


def application(owner: Person, number: str = IDENTITY) -> ShopApplication:
    """An application with an identity card."""
    made = onboarding.apply(
        account=owner.account, shop_name="慢慢小铺", owner_type="individual", at=now()
    )
    onboarding.add_document(
        account=owner.account, application_id=made.pk, kind="id_card", number=number, at=now()
    )
    return made


def test_an_identity_card_is_kept_sealed_and_shown_by_its_end(selena: Person) -> None:
    made = application(selena)
    answer = selena.client.get(f"/v1/shops/applications/{made.pk}")
    assert answer.json()["documents"][0]["number"] == "**** 002X"
    assert IDENTITY not in answer.content.decode()
    stored = value("SELECT d::text FROM shops_qualificationdocument d")
    assert IDENTITY not in stored
    assert IDENTITY.encode().hex() not in stored
    row = QualificationDocument.objects.get()
    assert sealing.unseal(row.number_sealed) == IDENTITY


@pytest.mark.parametrize(
    ("number", "shown"), [("1", "****"), ("12345678", "****"), ("123456789", "**** 6789")]
)
def test_a_short_number_is_not_shown_at_all(selena: Person, number: str, shown: str) -> None:
    application(selena, number)
    assert QualificationDocument.objects.get().number == shown


def test_the_same_card_is_held_once_and_another_with_the_same_end_beside_it(selena: Person) -> None:
    made = application(selena)
    path = f"/v1/shops/applications/{made.pk}/documents"
    same = {"kind": "id_card", "number": IDENTITY}
    refused(selena.client.post(path, same, format="json"), 409, "document_exists")
    other = {"kind": "id_card", "number": "44010519491231002X"}
    assert selena.client.post(path, other, format="json").status_code == 201
    assert list(QualificationDocument.objects.values_list("number", flat=True)) == ["**** 002X"] * 2


def test_a_companys_licence_is_public_and_stays_readable(selena: Person) -> None:
    made = application(selena)
    onboarding.add_document(
        account=selena.account,
        application_id=made.pk,
        kind="business_licence",
        number="91350100M000100Y43",
        at=now(),
    )
    row = QualificationDocument.objects.get(kind="business_licence")
    assert (row.number, bytes(row.number_sealed)) == ("91350100M000100Y43", b"")


def test_seeing_it_needs_the_right_and_a_reason_and_leaves_a_trace(selena: Person) -> None:
    made, looker = application(selena), officer("unmask_qualificationdocument")
    with pytest.raises(NotAllowed):
        onboarding.unmask(
            application_id=made.pk, by=officer("view_shopapplication"), reason="x", at=now()
        )
    with pytest.raises(Invalid):
        onboarding.unmask(application_id=made.pk, by=looker, reason=" ", at=now())
    with pytest.raises(NotFound):
        onboarding.unmask(application_id=10**9, by=looker, reason="x", at=now())
    assert not AuditEntry.objects.exists()
    found = onboarding.unmask(application_id=made.pk, by=looker, reason="compares", at=now())
    assert [number for _, number in found] == [IDENTITY]
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.reason) == (looker, "document.unmask", "compares")
    assert IDENTITY not in str(entry.data)


def test_the_page_shows_it_once_to_who_may(selena: Person) -> None:
    made = application(selena)
    base = f"/admin/shops/shopapplication/{made.pk}"
    may = ("view_shopapplication", "view_qualificationdocument")
    clerk = signed_in(officer(*may))
    assert IDENTITY not in clerk.get(f"{base}/change/").content.decode()
    assert clerk.get(f"{base}/unmask/").status_code == 403
    looker = signed_in(officer(*may, "unmask_qualificationdocument"))
    assert IDENTITY not in looker.get(f"{base}/change/").content.decode()
    assert IDENTITY not in looker.post(f"{base}/unmask/", {"confirmed": "y"}).content.decode()
    page = looker.post(f"{base}/unmask/", {"confirmed": "y", "reason": "compares the copy"})
    assert IDENTITY in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert AuditEntry.objects.filter(action="document.unmask").count() == 1


def test_no_group_of_staff_may_see_it() -> None:
    from commissions import roles

    roles.set_up_roles()
    assert not any("unmask" in right for rights in roles.GROUPS.values() for right in rights)


def test_a_key_is_changed_under_it(selena: Person, settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    made = application(selena)
    settings.FIELD_KEYS = [new, old]
    same = {"kind": "id_card", "number": IDENTITY}
    path = f"/v1/shops/applications/{made.pk}/documents"
    refused(selena.client.post(path, same, format="json"), 409, "document_exists")
    said = io.StringIO()
    call_command("reseal", stdout=said)
    assert "resealed up to document" in said.getvalue()
    settings.FIELD_KEYS = [new]
    assert sealing.unseal(QualificationDocument.objects.get().number_sealed) == IDENTITY
    refused(selena.client.post(path, same, format="json"), 409, "document_exists")
