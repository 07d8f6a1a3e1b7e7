"""What people write stays what it is: text, wherever it is shown (ASVS V1.2, V1.3, V3.2)."""

import ast
import json
import re

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.http.response import BadHeaderError
from django.test import Client

from backend.core.sql import value
from backend.rest.renderers import encode
from seeds.factories import AccountFactory, NoteFactory, ShopFactory
from tests.cast import Person
from tests.desk import signed_in
from tests.house.source import calls, python

MARKUP = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><svg onload=alert(1)>",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "${7*7}#{7*7}<%= 7*7 %>",
]
SQL = [
    "'; DROP TABLE accounts_account; --",
    "' OR '1'='1",
    "1) UNION SELECT 1",
    "%s %(x)s %%",
    "\\'",
]


@pytest.mark.django_db
@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_a_name_is_shown_as_text_on_the_staffs_pages(text: str) -> None:
    """In a list, on the row's page, in its title, in the search field and in a message."""
    shop = ShopFactory.create(name=text[:40], account__display_name=text[:40])
    client = signed_in(AccountFactory.create(is_staff=True, is_superuser=True))
    for path in (
        "/admin/shops/shop/",
        f"/admin/shops/shop/{shop.pk}/change/",
        "/admin/accounts/account/",
        f"/admin/accounts/account/{shop.account_id}/change/",
        "/admin/shops/shop/?q=" + re.sub(r"[#%&]", "", text),
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "<" not in text or text[:40] not in page, path
        assert settings.SECRET_KEY not in page
        assert not re.search(r"<(script|img|svg)[^>]*(alert|onerror|onload)", page), path


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*MARKUP, *SQL])
def test_what_was_written_is_read_back_unchanged(lily: Person, text: str) -> None:
    """Not cleaned, not half-escaped, not run: the same characters, as JSON's own text."""
    answer = lily.client.patch("/v1/me", {"display_name": text[:40]}, format="json")
    assert answer.status_code == 200
    assert answer.json()["display_name"] == text[:40].strip()
    assert answer["Content-Type"] == "application/json"
    assert value("SELECT count(*) FROM accounts_account") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*MARKUP, *SQL, "*", "a & b | !c", "a:*", "<->", "\\"])
def test_a_search_for_anything_is_a_search(lily: Person, text: str) -> None:
    NoteFactory.create()
    answer = lily.client.get("/v1/search", {"q": text})
    assert answer.status_code in {200, 422, 404}
    assert value("SELECT count(*) FROM notes_note") == 1


def test_json_holds_any_text() -> None:
    """Quotes, line ends, and what would end a script element."""
    for text in [*MARKUP, *SQL, '"', "\n\r\t", "\u2028\u2029", "\x7f"]:
        assert json.loads(encode({"text": text}))["text"] == text


def test_a_header_takes_no_line_end() -> None:
    with pytest.raises(BadHeaderError):
        HttpResponse(headers={"X-Request-ID": "a\r\nSet-Cookie: b=c"})


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["a\r\nSet-Cookie: b=c", "x" * 65, "<script>", "ü" * 8, ""])
def test_a_strange_request_id_is_replaced(client: Client, given: str) -> None:
    answer = client.get("/healthz", headers={"x-request-id": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])


# ---------------------------------------------------------------- patterns and formats
def _is_ours(node: ast.expr) -> bool:
    """A constant, an UPPER_CASE name of a module, or made of such alone."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return node.id.upper() == node.id
    if isinstance(node, ast.Attribute):
        return node.attr.upper() == node.attr or node.attr == "pattern"
    if isinstance(node, ast.JoinedStr):
        return all(
            _is_ours(part.value) if isinstance(part, ast.FormattedValue) else True
            for part in node.values
        )
    if isinstance(node, ast.Call):
        return all(map(_is_ours, node.args)) and isinstance(node.func, ast.Attribute)
    return isinstance(node, ast.BinOp) and _is_ours(node.left) and _is_ours(node.right)


_SERVING = ("backend", "shops", "notes", "commissions")


def test_no_pattern_is_made_of_what_somebody_sent() -> None:
    functions = {"compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer"}
    found = [
        f"{path}:{call.lineno} {ast.unparse(call)[:60]}"
        for path in python(*_SERVING)
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "re"
        and call.func.attr in functions
        and not _is_ours(call.args[0])
        and path.parts[:2] not in {("backend", "embedded"), ("backend", "launcher")}
    ]
    assert found == []


def test_no_format_is_made_of_what_somebody_sent() -> None:
    found = [
        f"{path}:{call.lineno} {ast.unparse(call)[:60]}"
        for path in python(*_SERVING)
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in {"format", "format_map"}
        and not _is_ours(call.func.value)
    ]
    assert found == []


def test_no_lookup_takes_a_pattern() -> None:
    """PostgreSQL's regular expressions can be made to run for ever: no query takes one."""
    found = [
        f"{path}:{call.lineno}"
        for path in python(*_SERVING)
        for call in calls(path)
        for keyword in call.keywords
        if keyword.arg
        and keyword.arg.endswith(("__regex", "__iregex"))
        and not isinstance(keyword.value, ast.Constant)
    ]
    assert found == []


def test_the_rule_sees_what_it_forbids() -> None:
    def first(source: str) -> ast.expr:
        node = ast.parse(source, mode="eval").body
        assert isinstance(node, ast.Call)
        return node.args[0]

    assert _is_ours(first("re.compile(rf'[{_WIDE}]+')"))
    assert _is_ours(first("re.compile('|'.join(OUR_WORDS))"))
    assert not _is_ours(first("re.compile(request.query)"))
    assert not _is_ours(first("re.compile(f'{word}+')"))
