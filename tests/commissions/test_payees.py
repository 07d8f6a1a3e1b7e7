"""Payee accounts: sealed at rest, shown masked, unmasked only with a right and a trace."""

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from backend.core import sealing
from backend.core.errors import Invalid, NotAllowed
from backend.core.models import AuditEntry
from commissions import payees
from commissions.models import PayeeAccount
from tests.cast import Person
from tests.commissions.money_out import AT, CARD, officer

FIELDS = {"provider": "bank_file", "holder_name": "李小鱼", "number": CARD}
URL = "/v1/me/payee-accounts"


def test_a_card_is_kept_sealed_and_shown_masked(linda: Person) -> None:
    answer = linda.client.post(URL, FIELDS, format="json")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["holder_name_masked"], body["number_masked"]) == ("李**", "**** 0034")
    assert CARD.encode() not in answer.content
    assert "李小鱼" not in answer.content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT p::text FROM commissions_payeeaccount p")
        stored = cursor.fetchone()[0]
    assert CARD not in stored
    assert CARD.encode().hex() not in stored
    assert "李小鱼".encode().hex() not in stored
    clear = payees.clear(PayeeAccount.objects.get())
    assert (clear.holder_name, clear.number) == ("李小鱼", CARD)
    assert CARD not in repr(clear)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": CARD[:-1] + "5"}, "bad_account_number"),
        ({"number": "123"}, "bad_account_number"),
        ({"number": "６２２２０２００００００００００９"}, "bad_account_number"),
        ({"provider": "paypal"}, "invalid"),
        ({"holder_name": "李\u202e"}, "invalid"),
        ({"account": 1}, "invalid"),
    ],
)
def test_what_is_no_account_is_refused(linda: Person, change: dict[str, str], code: str) -> None:
    answer = linda.client.post(URL, {**FIELDS, **change}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not PayeeAccount.objects.exists()


def test_a_new_account_takes_the_place_of_the_old_and_the_same_changes_nothing(
    linda: Person,
) -> None:
    first = linda.client.post(URL, FIELDS, format="json").json()
    again = linda.client.post(URL, {**FIELDS, "number": f"{CARD[:4]} {CARD[4:]}"}, format="json")
    assert again.json()["id"] == first["id"]
    other = {"provider": "sandbox", "holder_name": "李小鱼", "number": "62220001"}
    second = linda.client.post(URL, other, format="json").json()
    rows = linda.client.get(URL).json()["results"]
    assert [(row["id"], row["is_active"]) for row in rows] == [
        (second["id"], True),
        (first["id"], False),
    ]


def test_others_accounts_do_not_exist_for_a_stranger(linda: Person, mallory: Person) -> None:
    mine = linda.client.post(URL, FIELDS, format="json").json()["id"]
    assert mallory.client.delete(f"{URL}/{mine}").status_code == 404
    assert mallory.client.get(URL).json()["results"] == []
    assert PayeeAccount.objects.get().is_active
    assert linda.client.delete(f"{URL}/{mine}").status_code == 204
    assert linda.client.delete(f"{URL}/{mine}").status_code == 404
    assert not PayeeAccount.objects.get().is_active


def test_the_sandbox_is_closed_in_production(linda: Person, settings: Settings) -> None:
    settings.PRODUCTION = True
    fields = {"provider": "sandbox", "holder_name": "李小鱼", "number": "62220001"}
    answer = linda.client.post(URL, fields, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "provider_closed")


def test_seeing_a_number_needs_the_right_and_a_reason_and_leaves_a_trace(linda: Person) -> None:
    linda.client.post(URL, FIELDS, format="json")
    row = PayeeAccount.objects.get()
    with pytest.raises(NotAllowed):
        payees.unmask(payee_id=row.pk, by=officer("approve_payout"), reason="why", at=AT)
    looker = officer("unmask_payeeaccount")
    with pytest.raises(Invalid):
        payees.unmask(payee_id=row.pk, by=looker, reason=" ", at=AT)
    assert not AuditEntry.objects.exists()
    clear = payees.unmask(payee_id=row.pk, by=looker, reason="bank asks", at=AT)
    assert clear.number == CARD
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.reason) == (looker, "payee.unmask", "bank asks")
    assert CARD not in str(entry.data)


def test_keys_rotate_by_putting_a_new_one_in_front(linda: Person, settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    linda.client.post(URL, FIELDS, format="json")
    before = PayeeAccount.objects.get()
    settings.FIELD_KEYS = [new, old]
    assert payees.clear(before).number == CARD
    same = linda.client.post(URL, FIELDS, format="json").json()["id"]
    assert same == before.pk, "a row of the old key is found by its old fingerprint"
    said = io.StringIO()
    call_command("reseal", stdout=said)
    assert f"up to payee account {before.pk}" in said.getvalue()
    assert payees.reseal(after_id=before.pk) == 0
    settings.FIELD_KEYS = [new]
    after = PayeeAccount.objects.get()
    assert payees.clear(after).number == CARD
    assert after.fingerprint != before.fingerprint
    with pytest.raises(sealing.SealBroken):
        payees.clear(before)
    with pytest.raises(sealing.SealBroken):
        sealing.reseal(before.number_sealed)
