"""The staff's sign-in as people use it: the second factor set up on a phone, a sign-in with a code,
and a code once more before money is let go (K6; ASVS V6.5, V7.5)."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from backend.accounts import proof, second_factor
from backend.accounts.models import Account, Authenticator
from commissions import payouts
from commissions.models import Payout
from seeds.factories.accounts import PASSWORD
from tests.browser.conftest import SignIn, staff_of
from tests.browser.test_finance_desk import picture
from tests.commissions.money_out import AT, earner, officer
from tests.desk import code_of, with_phone

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Window = Callable[[int, int], Page]
DESK, PHONE = (1400, 900), (390, 844)


@pytest.fixture
def window(chromium: Browser) -> Iterator[Window]:
    """Opens windows of a size, signed in to nothing; what their consoles say fails the test."""
    said: list[str] = []
    windows = []

    def hear(message: ConsoleMessage) -> None:
        # The page of a lock is a 429, which Chromium calls an error.
        harmless = "status of 429" in message.text or "favicon" in message.location.get("url", "")
        if message.type == "error" and not harmless:
            said.append(message.text)

    def opened(width: int, height: int) -> Page:
        made = chromium.new_context(viewport={"width": width, "height": height})
        windows.append(made)
        page = made.new_page()
        page.set_default_timeout(30_000)
        page.on("console", hear)
        return page

    yield opened
    for made in windows:
        made.close()
    assert said == []


def fits(page: Page) -> bool:
    """Whether nothing stands out of the window at its side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def give_password(page: Page, server: LiveServer, account: Account) -> None:
    """The first step."""
    page.goto(f"{server.url}/admin/login/")
    page.fill("input[name=username]", account.handle)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_second_factor_is_set_up_at_the_first_sign_in(
    window: Window, live_server: LiveServer, size: tuple[int, int]
) -> None:
    clerk = staff_of("payout_maker", handle="finance_a", display_name="财务初审 A")
    page = window(*size)
    give_password(page, live_server, clerk)
    page.wait_for_url("**/admin/login/set-up/")
    drawn = page.locator("#picture svg").bounding_box()
    assert drawn is not None
    assert drawn["width"] > 150, "a phone's camera can read it"
    assert fits(page)
    picture(page, f"set-up-{size[0]}")
    page.fill("input[name=code]", "000000")
    page.click("button[type=submit]")
    expect(page.get_by_role("alert")).to_contain_text("This code is not right")
    picture(page, f"set-up-wrong-{size[0]}")
    Authenticator.objects.update(throttling_failure_count=0)
    device = Authenticator.objects.get(confirmed=False)
    page.fill("input[name=code]", device.code_at(int(time.time()) // 30))
    page.click("button[type=submit]")
    expect(page.locator("#codes li")).to_have_count(10)
    assert fits(page)
    picture(page, f"codes-{size[0]}")
    page.click("text=I have kept them")
    page.wait_for_url("**/admin/")
    assert second_factor.has(clerk)
    page.goto(f"{live_server.url}/admin/my-sign-in/")
    expect(page.locator("#my-sign-in")).to_contain_text("10 recovery codes left")
    assert fits(page)
    picture(page, f"own-{size[0]}")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_sign_in_asks_for_a_code_and_locks_after_five_wrong_ones(
    window: Window, live_server: LiveServer, size: tuple[int, int]
) -> None:
    clerk = staff_of("payout_maker", handle="finance_a")
    with_phone(clerk)
    page = window(*size)
    give_password(page, live_server, clerk)
    page.wait_for_url("**/admin/login/code/")
    expect(page.locator("input[name=code]")).to_have_attribute("autocomplete", "one-time-code")
    assert fits(page)
    picture(page, f"code-{size[0]}")
    page.click("text=Use a recovery code")
    expect(page.locator("input[name=code]")).to_have_attribute("placeholder", "abcde-fghij")
    picture(page, f"paper-{size[0]}")
    page.click("text=Use the app")
    page.fill("input[name=code]", code_of(clerk))
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    other = window(*size)
    give_password(other, live_server, clerk)
    for _ in range(5):
        Authenticator.objects.update(throttling_failure_count=0)
        other.fill("input[name=code]", "000000")
        other.click("button[type=submit]")
    expect(other.locator("h1")).to_contain_text("Too many failed sign-ins")
    picture(other, f"locked-{size[0]}")
    give_password(other, live_server, clerk)
    expect(other.locator("h1")).to_contain_text("Too many failed sign-ins")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_code_is_entered_again_before_a_payout_is_approved(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    payout = payouts.request(account=earner(), amount_fen=12_34, at=AT)
    payouts.prepare(number=payout.number, by=officer("prepare_payout"), at=AT)
    checker = staff_of("payout_approver")
    page = sign_in(checker)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    monkeypatch.setattr(proof, "_age", lambda request, what: 400.0)
    page.goto(f"{page.url}commissions/payout/{payout.pk}/approve_one/")
    expect(page.locator("input[name=code]")).to_be_visible()
    assert fits(page)
    picture(page, f"approve-{size[0]}")
    page.click("button[name=confirmed]")
    expect(page.get_by_text("This field is required")).to_be_visible()
    assert Payout.objects.get().status == "prepared"
    page.fill("input[name=code]", code_of(checker))
    page.click("button[name=confirmed]")
    expect(page.get_by_text("approved", exact=False).first).to_be_visible()
    assert Payout.objects.get().status == "approved"
