"""What every answer tells the browser (ASVS V3.2, V3.3, V3.4, V3.5, V4.1, V13.4, V14.3)."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from backend.rest import headers
from seeds.factories import AccountFactory
from seeds.factories.accounts import PASSWORD
from tests.cast import Person
from tests.desk import signed_in

pytestmark = pytest.mark.django_db

DATA = ["/v1/categories", "/v1/me", "/v1/nowhere", "/nowhere", "/healthz", "/l/abcd", "/v1/schema"]
PAGES = ["/admin/login/", "/docs", "/docs?script=", "/admin/"]
STATIC = "/static/unfold/js/app.js"


@pytest.mark.parametrize("path", [*DATA, *PAGES, STATIC])
def test_every_answer_carries_every_header(client: Client, path: str) -> None:
    """Static files, refusals and redirects as well: the header is set outside everything."""
    answer = client.get(path)
    policy = answer["Content-Security-Policy"]
    for rule in ("default-src 'none'", "base-uri 'none'", "object-src 'none'"):
        assert rule in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] in {"same-origin", "unsafe-none"}
    assert "camera=()" in answer["Permissions-Policy"]
    assert "Access-Control-Allow-Origin" not in answer
    assert "Server" not in answer
    assert "X-Powered-By" not in answer


@pytest.mark.parametrize("path", DATA)
def test_data_may_not_run_nor_be_kept(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer["Content-Security-Policy"] == headers.DATA
    assert "sandbox" in headers.DATA
    assert answer["Cache-Control"] == "no-store"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"


def test_only_alpine_may_evaluate_and_no_page_runs_inline_scripts() -> None:
    assert "'unsafe-eval'" in headers.ADMIN
    assert "unsafe" not in headers.API_PAGE
    for policy in (headers.DATA, headers.ADMIN, headers.API_PAGE):
        scripts = re.search(r"script-src ([^;]*)", policy)
        assert scripts is None or "unsafe-inline" not in scripts[1]
        assert "http" not in policy, "nothing from another host"


def test_private_answers_are_never_kept(linda: Person) -> None:
    for path in ("/v1/me", "/v1/me/addresses", "/v1/orders", "/v1/me/payouts"):
        assert linda.client.get(path)["Cache-Control"] == "no-store"
    password = {"handle": "linda", "password": PASSWORD}
    answer = linda.client.post("/v1/auth/token", password, format="json")
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")


def test_the_staffs_pages_are_never_kept() -> None:
    client = signed_in(AccountFactory.create(is_staff=True, is_superuser=True))
    kept = client.get("/admin/accounts/account/")["Cache-Control"]
    assert "no-store" in kept or "private" in kept


def test_a_shared_file_may_be_kept_and_shown_elsewhere(client: Client) -> None:
    answer = client.get(STATIC)
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "no-store" not in answer["Cache-Control"]


def test_signing_out_clears_what_the_browser_keeps(linda: Person) -> None:
    assert linda.client.delete("/v1/auth/token")["Clear-Site-Data"] == '"cache", "storage"'
    client = signed_in(AccountFactory.create(is_staff=True))
    assert client.post("/admin/logout/")["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get("/admin/login/").status_code == 200


# ---------------------------------------------------------------- transport
@pytest.fixture
def over_https(settings: Settings) -> None:
    """As in production, behind a proxy that ends TLS."""
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    settings.SECURE_HSTS_PRELOAD = True


@pytest.mark.usefixtures("over_https")
@pytest.mark.parametrize("path", ["/v1/categories", "/v1/nowhere", "/admin/login/", STATIC])
def test_https_answers_ask_for_https_for_a_year(path: str) -> None:
    wanted = "max-age=31536000; includeSubDomains; preload"
    assert Client().get(path, secure=True)["Strict-Transport-Security"] == wanted


@pytest.mark.usefixtures("over_https")
def test_the_api_refuses_plain_http_and_pages_redirect() -> None:
    """A redirect would let a client go on sending its token in clear (V4.1.2)."""
    answer = Client().get("/v1/me", headers={"authorization": "Bearer tuike_" + "a" * 43})
    assert (answer.status_code, answer.json()["code"]) == (403, "https_required")
    page = Client().get("/admin/login/")
    assert (page.status_code, page["Location"]) == (301, "https://testserver/admin/login/")
    assert Client().get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/v1/me", "/admin/login/", "/healthz", "/docs", STATIC])
@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND"])
def test_no_path_knows_strange_methods(client: Client, method: str, path: str) -> None:
    answer = client.generic(method, path)
    assert answer.status_code == 405
    assert "GET" in answer["Allow"]


def test_looking_changes_nothing_and_health_is_only_looked_at(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.delete("/readyz").status_code == 405


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/categories", "application/json"),
        ("/v1/me", "application/problem+json"),
        ("/nowhere", "application/problem+json"),
        ("/healthz", "application/json"),
        ("/v1/schema", "application/vnd.oai.openapi; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/admin/login/", "text/html; charset=utf-8"),
        (STATIC, 'text/javascript; charset="utf-8"'),
    ],
)
def test_every_answer_says_what_it_is(client: Client, path: str, kind: str) -> None:
    """Text with its character set; JSON is UTF-8 by its own standard and has no such word."""
    answer = client.get(path)
    assert answer["Content-Type"] == kind
    if "json" in kind:
        answer.json()


@pytest.mark.parametrize("path", ["/static/", "/static/unfold/", "/media/", "/static/../manage.py"])
def test_no_folder_is_listed_and_none_is_left(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


# ---------------------------------------------------------------- cookies
def test_the_staffs_cookies_are_out_of_reach_for_scripts(client: Client) -> None:
    page = client.get("/admin/login/")
    assert page.cookies["csrftoken"]["httponly"]
    assert page.cookies["csrftoken"]["samesite"] == "Strict"
    page = signed_in(AccountFactory.create(is_staff=True)).get("/admin/")
    session = page.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert len(session.value) == 32


@pytest.mark.parametrize("path", [*DATA, "/docs", STATIC])
def test_nothing_but_the_admin_and_a_followed_link_sets_cookies(client: Client, path: str) -> None:
    assert not client.get(path).cookies


# ---------------------------------------------------------------- where a call came from
def test_a_session_opens_nothing_of_the_api() -> None:
    """The API reads the Authorization header alone, which no other site can make a browser send:
    there is nothing to forge (V3.5.1)."""
    client = signed_in(AccountFactory.create(is_staff=True, is_superuser=True))
    assert client.get("/v1/me").status_code == 401
    assert client.post("/v1/me/addresses", {}, content_type="application/json").status_code == 401


def test_the_staffs_forms_need_their_token() -> None:
    strict = signed_in(AccountFactory.create(is_staff=True, is_superuser=True), checks=True)
    assert strict.post("/admin/accounts/account/add/", {"handle": "x"}).status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_form_of_another_site_is_no_call(linda: Person, kind: str) -> None:
    """What a browser sends without asking first is not JSON (V3.5.2)."""
    answer = linda.client.generic("POST", "/v1/me/addresses", b"{}", content_type=kind)
    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/v1/me", "/v1/me/addresses", "/v1/auth/token"])
def test_a_preflight_of_another_site_is_promised_nothing(anyone: APIClient, path: str) -> None:
    asked: Callable[..., object] = anyone.options
    answer = asked(
        path,
        headers={"origin": "https://evil.example", "access-control-request-method": "POST"},
    )
    assert "Access-Control-Allow-Origin" not in answer  # type: ignore[operator]
    assert "Access-Control-Allow-Methods" not in answer  # type: ignore[operator]
