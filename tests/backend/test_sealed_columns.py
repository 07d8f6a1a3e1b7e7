"""FIELD_KEYS are rotated by one command that knows every sealed column: once it has run, the old
key opens nothing and the new one everything (docs/operations/hardening.md). ASVS V11.2."""

import io
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import call_command
from django.db.models import BinaryField
from pytest_django import Settings

from backend.core import sealing
from backend.core.clock import now
from backend.webhooks import endpoints
from seeds.factories import AccountFactory
from shops import onboarding
from tests.commissions.elsewhere import Partner
from tests.commissions.money_out import earner
from tests.commissions.ruled import taxpayer
from tests.desk import with_phone

pytestmark = pytest.mark.django_db


def _document() -> None:
    owner, at = AccountFactory.create(), now()
    made = onboarding.apply(account=owner, shop_name="小铺", owner_type="individual", at=at)
    onboarding.add_document(
        account=owner, application_id=made.pk, kind="id_card", number="11010519491231002X", at=at
    )


def _webhook() -> None:
    """With two secrets, as while they rotate."""
    wanted = endpoints.Wanted("own", "https://tuike.example/hook", ["commission.estimated"])
    row, _ = endpoints.add(account=AccountFactory.create(), wanted=wanted, at=now())
    endpoints.rotate(account=row.account, endpoint_id=row.pk, at=now())


# Who writes each table's sealed columns.
MAKERS: dict[str, Callable[[], object]] = {
    "accounts_authenticator": lambda: with_phone(AccountFactory.create(is_staff=True)),
    "commissions_conversionsource": Partner,
    "commissions_payeeaccount": earner,
    "commissions_taxidentity": lambda: taxpayer(AccountFactory.create()),
    "shops_qualificationdocument": _document,
    "webhooks_webhookendpoint": _webhook,
}


def _sealed() -> list[tuple[str, str, bytes]]:
    """Every value of every sealed column: table, column, value."""
    return [
        (model._meta.db_table, field.column, bytes(held))
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, BinaryField) and "sealed" in field.column
        for held in model._base_manager.values_list(field.column, flat=True)
    ]


def _columns() -> set[tuple[str, str]]:
    return {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, BinaryField) and "sealed" in field.column
    }


def test_after_the_command_the_old_key_opens_nothing_and_the_new_one_everything(
    settings: Settings,
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    for make in MAKERS.values():
        make()
    before = _sealed()
    assert {(table, column) for table, column, _ in before} == _columns(), "a table without maker"
    clear = [sealing.unseal(held) for *_, held in before]
    settings.FIELD_KEYS = [new, old]
    call_command("reseal", stdout=io.StringIO())
    settings.FIELD_KEYS = [new]
    assert [sealing.unseal(held) for *_, held in _sealed()] == clear
    settings.FIELD_KEYS = [old]
    for table, column, held in _sealed():
        with pytest.raises(sealing.SealBroken):
            pytest.fail(f"{table}.{column} is still {sealing.unseal(held)}")
