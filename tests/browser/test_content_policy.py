"""The content policy as a browser enforces it: the staff's pages and the API page work, and no
rule of the policy is broken on any of them (ASVS V3.4.3)."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from commissions import payouts
from seeds.factories import AccountFactory
from tests.browser.conftest import SignIn
from tests.commissions.money_out import AT, earner

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stranger(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A window of somebody who is not signed in; whatever the console says fails the test."""
    said: list[str] = []
    window = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = window.new_page()
    page.set_default_timeout(30_000)
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    window.close()
    assert [line for line in said if line.startswith("error") or "Content Security" in line] == []


def test_the_api_page_runs_under_its_policy(stranger: Page, live_server: LiveServer) -> None:
    answer = stranger.goto(f"{live_server.url}/docs")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    expect(stranger.locator(".opblock-summary").first).to_be_visible(timeout=30_000)
    stranger.locator(".opblock-summary").first.click()
    expect(stranger.locator(".opblock-body").first).to_be_visible(timeout=30_000)


def test_the_staffs_pages_run_under_theirs(sign_in: SignIn) -> None:
    """The front page, a list, a row, its history, the page that asks, a form that adds."""
    payout = payouts.request(account=earner(), amount_fen=1_000, at=AT)
    page = sign_in(AccountFactory.create(is_staff=True, is_superuser=True))
    base = page.url
    for path in (
        "",
        "commissions/payout/",
        f"commissions/payout/{payout.pk}/change/",
        f"commissions/payout/{payout.pk}/prepare_one/",
        "accounts/account/",
        f"accounts/account/{payout.account_id}/change/",
        f"accounts/account/{payout.account_id}/history/",
        "accounts/account/add/",
        "auth/group/add/",
    ):
        answer = page.goto(base + path)
        assert answer is not None
        assert answer.status == 200, path
        page.wait_for_load_state("networkidle")


def test_an_inline_script_does_not_run_on_a_page_of_the_staff(
    chromium: Browser, live_server: LiveServer
) -> None:
    """What a stored text might smuggle in: the policy is the second line behind escaping."""
    with chromium.new_context() as window:
        page = window.new_page()
        page.goto(f"{live_server.url}/admin/login/")
        refused = page.evaluate(
            """() => new Promise(done => {
                document.addEventListener(
                    'securitypolicyviolation', e => done(e.effectiveDirective));
                const element = document.createElement('div');
                element.innerHTML =
                    '<img src="data:image/png;base64,AA" onerror="window.ran = true">';
                document.body.append(element);
            })"""
        )
        assert refused == "script-src-attr"
        assert page.evaluate("window.ran") is None


def test_a_password_may_be_pasted_and_is_masked(chromium: Browser, live_server: LiveServer) -> None:
    """No script stands between a password manager and the field (V6.2.6, V6.2.7)."""
    with chromium.new_context() as window:
        page = window.new_page()
        page.goto(f"{live_server.url}/admin/login/")
        field = page.locator("input[name=password]")
        assert field.get_attribute("type") == "password"
        field.focus()
        page.evaluate(
            """() => {
                const data = new DataTransfer();
                data.setData('text/plain', 'x');
                const field = document.querySelector('input[name=password]');
                const event = new ClipboardEvent(
                    'paste', {clipboardData: data, cancelable: true, bubbles: true});
                window.pasted = field.dispatchEvent(event);
            }"""
        )
        assert page.evaluate("window.pasted") is True, "nobody prevented it"
        page.keyboard.insert_text("Pasted as a whole 9 密码")
        assert field.input_value() == "Pasted as a whole 9 密码"


def test_the_browser_is_given_nothing_to_keep(sign_in: SignIn) -> None:
    """Storage holds how the pages look, and nothing of what they show (V14.3.3)."""
    payout = payouts.request(account=earner(), amount_fen=1_000, at=AT)
    page = sign_in(AccountFactory.create(is_staff=True, is_superuser=True))
    base = page.url
    page.goto(f"{base}commissions/payout/{payout.pk}/change/")
    page.wait_for_load_state("networkidle")
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    for private in (payout.number, payout.account.handle, payout.account.display_name):
        assert private not in kept
    assert page.evaluate("document.cookie") == "", "no cookie can be read by a script"
    assert len(kept) < 2_000
