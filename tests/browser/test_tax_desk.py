"""A month's tax is paid on as two of the staff do it in Chromium: recorded by one, with no amount
to type in, approved by the other (K6). The suite walks the same pages without a browser."""

from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import expect

from commissions import ledger, remittances
from commissions.models import TaxRemittance
from tests.browser.conftest import SignIn, staff_of
from tests.browser.test_finance_desk import picture, press
from tests.commissions.money_out import earner
from tests.commissions.ruled import rule, taxpayer
from tests.races.of_taxes import TAX, paid_and_taxed

pytestmark = [
    pytest.mark.soak,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def test_one_records_a_month_and_another_approves(sign_in: SignIn) -> None:
    account = earner(1_000_000)
    taxpayer(account)
    rule(datetime(2026, 9, 1, tzinfo=UTC), tax_method="labour")
    paid_and_taxed(account, [date(2026, 9, 1), date(2026, 10, 1)])
    maker, checker = sign_in(staff_of("payout_maker")), sign_in(staff_of("payout_approver"))
    maker.goto(maker.url + "commissions/taxremittance/")
    expect(maker.locator("#tax-months li")).to_have_count(2)
    picture(maker, "tax-months")
    maker.click("a:has-text('Record a remittance')")
    maker.fill("input[name=month]", "2026-09")
    maker.select_option("select[name=channel]", "transfer")
    maker.fill("input[name=paid_on]", "2026-10-12")
    maker.fill("input[name=receipt]", "331026101200012345")
    picture(maker, "tax-record")
    expect(maker.locator("input[name=amount_fen]")).to_have_count(0)
    maker.click("form button[type=submit]:visible >> nth=-1")
    maker.wait_for_url("**/change/")
    row = TaxRemittance.objects.get()
    assert (row.amount_fen, row.status) == (TAX, "recorded")
    checker.goto(checker.url + f"commissions/taxremittance/{row.pk}/change/")
    press(checker, "Approve")
    expect(checker.get_by_text("approved, it is no longer owed")).to_be_visible()
    assert ledger.balance(remittances.CASH) == TAX
    checker.set_viewport_size({"width": 390, "height": 844})
    checker.goto(checker.url.partition("commissions")[0] + "commissions/taxremittance/")
    picture(checker, "tax-months-phone")
