"""Whose tax it is, where an identity moves from one account to another: the year and the
certificate follow the number. K5, A5."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from backend.accounts.models import Account
from backend.core.clock import now
from commissions.models import TaxWithholding
from tests.cast import Person
from tests.commissions.money_out import AT, credit, earner, payee
from tests.commissions.ruled import id_card, rule, taxpayer
from tests.commissions.test_taxes import CERTIFICATES, broken, paid, taxed

pytestmark = pytest.mark.django_db


def moved_identity() -> tuple[Account, Account]:
    """One account whose person was paid 10,000 yuan and has since moved to the other; the first
    one says to be somebody else by now."""
    first, second = taxed(20_000_000, "cumulative"), earner(20_000_000)
    assert paid(first, 1_000_000).tax_fen == 9_000
    taxpayer(first, id_card(1))
    taxpayer(second)
    return first, second


def test_the_year_is_the_persons_and_follows_them_to_another_account() -> None:
    """Somebody who moves their number to a second account does not begin the year anew, and who
    comes after them on the first one does not go on with it."""
    first, second = moved_identity()
    assert paid(second, 1_000_000).tax_fen == 24_000
    assert paid(first, 1_000_000).tax_fen == 9_000
    rows = TaxWithholding.objects.order_by("id")
    assert list(rows.values_list("earlier_income_fen", "earlier_tax_fen", "months")) == [
        (0, 0, 1),
        (1_000_000, 9_000, 1),
        (0, 0, 1),
    ]
    assert broken() == set()


def test_a_month_on_the_other_account_is_a_month_of_the_year() -> None:
    _, second = moved_identity()
    later = paid(second, 1_000_000, AT + timedelta(days=20))
    assert (later.tax_fen, later.withholding.months) == (9_000, 2)


def test_the_year_is_found_under_every_key(settings: Settings) -> None:
    """Between a new key and the run of reseal the same number has two fingerprints."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    first, second = taxed(20_000_000, "cumulative"), earner(20_000_000)
    paid(first, 1_000_000)
    settings.FIELD_KEYS = [new, old]
    taxpayer(first, id_card(1))
    taxpayer(second)
    assert paid(second, 1_000_000).tax_fen == 24_000


def test_a_year_of_two_people_on_one_account_is_two_certificates(linda: Person) -> None:
    """What was withheld in one person's name is never certified under another's."""
    credit(linda.account, 20_000_000)
    payee(linda.account)
    taxpayer(linda.account)
    rule(now() - timedelta(minutes=1), tax_method="cumulative")
    at = now()
    paid(linda.account, 1_000_000, at)
    taxpayer(linda.account, id_card(1))
    two = paid(linda.account, 500_000, at)
    taxpayer(linda.account)
    paid(linda.account, 1_000_000, at)
    year = two.finished_at.astimezone().year
    path = f"{CERTIFICATES}/{year}"
    first, second = (linda.client.get(f"{path}?taxpayer={place}").json() for place in (1, 2))
    assert linda.client.get(path).json() == first, "whoever was paid last"
    told = ("number", "taxpayers", "payee_number_masked", "payments", "income_fen", "tax_fen")
    assert [[one[name] for name in told] for one in (first, second)] == [
        [f"T{year}-{linda.account.pk}", 2, "110***********002X", 2, 2_000_000, 33_000],
        [f"T{year}-{linda.account.pk}-2", 2, f"110***********{id_card(1)[-4:]}", 1, 500_000, 0],
    ]
    page = linda.client.get(f"{path}/page?taxpayer=2").content.decode()
    assert second["number"] in page
    assert first["payee_number_masked"] not in page
    assert linda.client.get(f"{path}?taxpayer=3").status_code == 404
    assert linda.client.get(f"{path}?taxpayer=0").status_code == 400
