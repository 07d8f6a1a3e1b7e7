"""The finance desk on a telephone, 390 px wide: nothing runs out of the page, and a payout over the
limit is approved by two people with their thumbs. K6."""

import pytest
from playwright.sync_api import Page, expect

from backend.core.clock import now
from commissions import payouts
from commissions.models import Payout
from tests.browser.conftest import SignIn, staff_of
from tests.browser.test_finance_desk import picture
from tests.commissions.money_out import credit, earner, maker
from tests.commissions.ruled import rule, taxpayer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDTH = 390


def phone(page: Page) -> Page:
    """The window as narrow as a telephone."""
    page.set_viewport_size({"width": WIDTH, "height": 844})
    return page


def fits(page: Page) -> None:
    """Nothing is wider than the window: the page is not pushed sideways to be read."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= WIDTH, f"{page.url} is {wide} px wide"


def test_two_checkers_approve_on_their_telephones(sign_in: SignIn) -> None:
    at = now()
    account = earner(2_000_000)
    taxpayer(account)
    credit(account, 1)
    rule(at, tax_method="labour", fee_bps=60, second_over_fen=100_000)
    payout = payouts.request(account=account, amount_fen=1_234_567, at=at)
    payouts.prepare(number=payout.number, by=maker(), at=at)
    for turn, checker in enumerate((staff_of("payout_approver"), staff_of("payout_approver"))):
        page = phone(sign_in(checker))
        fits(page)
        page.click("#to-desk")
        expect(page.locator("#desk-payouts article")).to_have_count(1)
        expect(page.locator("#desk-payouts article")).to_contain_text("¥12,345.67")
        expect(page.locator("#desk-payouts article")).to_contain_text("− ¥1,975.31")
        fits(page)
        picture(page, f"desk-phone-{turn}")
        page.click("#desk-payouts article >> text=Approve 复核通过")
        expect(page.locator("main, body").first).to_contain_text("¥10,296.29")
        fits(page)
        picture(page, f"approve-phone-{turn}")
        page.click("button[name=confirmed]")
        expect(page.get_by_text("approved", exact=False).first).to_be_visible()
        fits(page)
        picture(page, f"payout-phone-{turn}")
    done = Payout.objects.get()
    assert (done.status, done.checked_by_id != done.approved_by_id) == ("approved", True)
