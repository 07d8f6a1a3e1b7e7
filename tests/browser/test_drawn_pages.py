"""The pages with pictures, in Chromium: a commission from line to journal, a what-if as bars
(X1, X2). They are drawn without a script, and wrap where the window is narrow."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from commissions import ledger, whatif
from seeds.factories import AccountFactory, PromoterFactory, PromotionLinkFactory
from tests.browser.conftest import SignIn
from tests.browser.test_finance_desk import picture
from tests.commissions.disputed import AT, Case
from tests.commissions.plan_world import DAY, Stall

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LATER = AT + 30 * DAY


def fits(page: Page) -> bool:
    """Nothing that was drawn is wider than the window."""
    return bool(
        page.evaluate(
            """() => [...document.querySelectorAll('.boxes, .boxes *, details pre')].every(
                one => one.getBoundingClientRect().right <= window.innerWidth + 1)"""
        )
    )


def test_a_commission_is_drawn_from_line_to_journal(sign_in: SignIn) -> None:
    case = Case()
    case.refund(2_500)
    case.to_mia()
    page = sign_in(AccountFactory.create(is_staff=True, is_superuser=True))
    home = page.url
    page.goto(f"{home}commissions/commissionorder/{case.commission.pk}/change/")
    titles = page.locator(".boxes h3").all_inner_texts()
    assert [title.split()[2] for title in titles] == [
        "Line", "Touch", "Plan", "Split", "Journals"
    ]  # fmt: skip
    expect(page.locator(".boxes .bar")).to_have_count(4)
    assert fits(page)
    picture(page, "explain")
    page.click("details summary >> text=The same in words")
    page.set_viewport_size({"width": 390, "height": 800})
    assert fits(page), "on a telephone"
    picture(page, "explain-narrow")
    page.set_viewport_size({"width": 1400, "height": 900})
    page.click(".boxes a >> text=override")
    expect(page).to_have_url(f"{home}commissions/journal/{_journal(case)}/change/")


def _journal(case: Case) -> int:
    override = case.commission.overrides.get()
    return ledger.journal_id(ledger.JournalKind.OVERRIDE, override.pk)


def test_a_what_if_is_drawn_as_bars(sign_in: SignIn) -> None:
    stall = Stall()
    nana = PromoterFactory.create()
    other = PromotionLinkFactory.create(promoter=nana, target_id=stall.product.pk)
    for code in (stall.link.code, stall.link.code, other.code):
        stall.sell(offer=1_000, referral_code=code)
    draft = stall.draft(
        "targeted", rate_bps=1_500, cap_day_fen=2_000, promoters=[stall.linda.account.handle]
    )
    job = whatif.ask(
        owner=None, by=None, shop_id=None, version_id=draft.pk, from_at=AT - DAY,
        to_at=AT + timedelta(days=2), at=LATER,
    )  # fmt: skip
    whatif.run_queued(at=LATER)
    page = sign_in(AccountFactory.create(is_staff=True, is_superuser=True))
    page.goto(f"{page.url}commissions/whatif/{job.pk}/change/")
    expect(page.locator(".boxes section")).to_have_count(4)
    expect(page.locator(".boxes")).to_contain_text(stall.linda.account.handle)
    expect(page.locator(".boxes")).to_contain_text("1 of 3 lines")
    assert fits(page)
    picture(page, "what-if")
    page.set_viewport_size({"width": 390, "height": 800})
    assert fits(page), "on a telephone"
    picture(page, "what-if-narrow")
