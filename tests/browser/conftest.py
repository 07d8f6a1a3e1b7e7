"""One server and one Chromium for the pages of the staff."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from pytest_django.live_server_helper import LiveServer

from backend.accounts import second_factor
from backend.accounts.models import Account
from commissions import roles
from seeds.factories import AccountFactory
from seeds.factories.accounts import PASSWORD
from tests.desk import code_of, with_phone

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SignIn = Callable[[Account], Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; skipped with the reason where it is not installed.

    Not for the whole session: while Playwright's loop runs in this thread, Django takes every
    query of it for asynchronous code, so the check is off exactly as long.
    """
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium at /usr/bin/chromium: apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def sign_in(chromium: Browser, live_server: LiveServer) -> Iterator[SignIn]:
    """Signs a member of staff in by the form, in a window of their own. Every page must load
    whole from this server and say nothing on the console."""
    wrong: list[str] = []
    windows = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "favicon" not in message.location.get("url", ""):
            wrong.append(message.text)

    def failed(request: Request) -> None:
        wrong.append(f"failed: {request.url}")

    def outside(request: Request) -> None:
        if not request.url.startswith((live_server.url, "data:", "blob:")):
            wrong.append(f"from outside: {request.url}")

    def enter(account: Account) -> Page:
        window = chromium.new_context(viewport={"width": 1400, "height": 900})
        windows.append(window)
        page = window.new_page()
        page.set_default_timeout(30_000)
        page.on("console", hear)
        page.on("requestfailed", failed)
        page.on("request", outside)
        if not second_factor.has(account):
            with_phone(account)
        page.goto(f"{live_server.url}/admin/login/")
        page.fill("input[name=username]", account.handle)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(f"{live_server.url}/admin/login/code/")
        page.fill("input[name=code]", code_of(account))
        page.click("button[type=submit]")
        page.wait_for_url(f"{live_server.url}/admin/")
        return page

    yield enter
    for window in windows:
        window.close()
    assert wrong == []


def staff_of(group: str, **fields: object) -> Account:
    """A member of staff in one of the desk's groups."""
    roles.set_up_roles()
    account = AccountFactory.create(is_staff=True, **fields)
    account.groups.add(Group.objects.get(name=group))
    return account
