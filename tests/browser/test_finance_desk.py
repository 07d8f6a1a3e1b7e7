"""The finance desk as people use it, in Chromium (K6): sign in, see what waits, four eyes on a
payout, a shop application decided."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from backend.core.clock import now
from backend.core.models import Event
from commissions import payouts
from commissions.models import Payout
from seeds.factories import AccountFactory
from shops import metrics, onboarding
from shops.models import Shop
from tests.browser.conftest import SignIn, staff_of
from tests.commissions import sales
from tests.commissions.money_out import AT, earner

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def picture(page: Page, name: str) -> None:
    """Keeps a picture of the page where TUIKE_PICTURES names a folder."""
    folder = os.environ.get("TUIKE_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_the_front_page_draws_its_charts_and_says_what_waits(sign_in: SignIn) -> None:
    at = now()
    lines = [sales.sale(at=at - timedelta(days=day)) for day in range(5)]
    metrics.mark_days([Event(subject_id=line.order_id, recorded_at=at) for line in lines])
    metrics.roll_up(at=at)
    payouts.request(account=earner(), amount_fen=1_000, at=AT)
    page = sign_in(AccountFactory.create(is_staff=True, is_superuser=True))
    expect(page.locator("svg.chart-days")).to_have_count(2)
    bar = page.locator("svg.chart-days rect").last.bounding_box()
    assert bar is not None
    assert bar["height"] > 50, "the day of the highest bar is drawn high"
    picture(page, "front")
    page.click("text=Payouts to prepare")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)


def press(page: Page, button: str) -> None:
    """Presses an action of a row's page, then confirms it."""
    page.click(f"a:has-text('{button}')")
    page.click("button[name=confirmed]")


def test_one_prepares_and_another_approves(sign_in: SignIn) -> None:
    payout = payouts.request(account=earner(), amount_fen=12_34, at=AT)
    first = staff_of("payout_maker")
    first.groups.add(*staff_of("payout_approver").groups.all())
    second = staff_of("payout_approver")
    maker, checker = sign_in(first), sign_in(second)
    url = maker.url + f"commissions/payout/{payout.pk}/change/"
    maker.goto(url)
    picture(maker, "payout")
    press(maker, "Prepare")
    expect(maker.get_by_text("prepared, waits for a second pair of eyes")).to_be_visible()
    press(maker, "Approve")
    expect(maker.get_by_text("Maker and checker must be two people")).to_be_visible()
    assert Payout.objects.get().status == "prepared"
    checker.goto(url)
    expect(checker.locator("a:has-text('Prepare 初审通过')")).to_have_count(0)
    press(checker, "Approve")
    expect(checker.get_by_text("approved", exact=False).first).to_be_visible()
    done = Payout.objects.get()
    assert (done.status, done.prepared_by, done.approved_by) == ("approved", first, second)
    picture(checker, "payout-approved")


def test_a_shop_application_is_approved(sign_in: SignIn) -> None:
    owner = AccountFactory.create(display_name="Selena")
    application = onboarding.apply(
        account=owner,
        shop_name="Selena 的衣橱",
        owner_type="individual",
        intro="",
        licence_number="",
        at=AT,
    )
    onboarding.add_document(
        account=owner,
        application_id=application.pk,
        kind="id_card",
        number="11010519491231002X",
        valid_until=None,
        at=AT,
    )
    onboarding.submit(account=owner, application_id=application.pk, at=AT)
    page = sign_in(AccountFactory.create(is_staff=True, is_superuser=True))
    page.click("text=Shop applications 开店申请 >> nth=0")
    page.click("#result_list tbody th a, #result_list tbody td a")
    press(page, "Approve")
    expect(page.get_by_text("approved, the shop is open")).to_be_visible()
    assert Shop.objects.get(account=owner).status == "open"
