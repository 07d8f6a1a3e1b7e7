"""The index of paths finds what Django's own search would find."""

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.urls.exceptions import Resolver404
from django.urls.resolvers import RegexPattern, RoutePattern

from backend.rest.paths import ByWord


def _view(name: str) -> URLPattern:
    def view(request: HttpRequest, **given: object) -> HttpResponse:
        return HttpResponse()

    return path(name, view, name=name)


PATHS = [
    "a",
    "a/<str:x>",  # before the two that it hides
    "a/b",
    "a/c",
    "a/b/<int:n>",
    "b/<int:n>",
    "b/<int:n>/c",
    "b/c",
    "ab/c",
]
ADDRESSES = [
    *("v/a", "v/a/", "v/a/b", "v/a/c", "v/a/b/1", "v/a/b/x", "v/b", "v/b/1", "v/b/1/c", "v/b/c"),
    *("v/ab/c", "v/ab", "v/", "v", "", "w/a", "v/b/01", "v/<str:x>", "v/a/<str:x>", "v//a", "v/A"),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_index_and_the_search_agree(address: str) -> None:
    patterns = [_view(name) for name in PATHS]
    found = []
    for resolver in (
        ByWord("v/", patterns),
        URLResolver(RoutePattern("v/", is_endpoint=False), patterns),
    ):
        try:
            match = resolver.resolve(address)
            found.append((match.url_name, match.kwargs, match.route))
        except Resolver404:
            found.append(None)
    assert found[0] == found[1]


def test_names_are_reversed_through_the_index() -> None:
    whole = URLResolver(RegexPattern("^/"), [ByWord("v/", [_view("b/<int:n>/c")])])
    assert whole.reverse("b/<int:n>/c", n=7) == "v/b/7/c"


def test_every_path_of_the_api_is_found_under_its_own_route() -> None:
    """As long as no path hides another one."""
    (api,) = [one for one in get_resolver().url_patterns if isinstance(one, ByWord)]
    for pattern in api.url_patterns:
        route = str(pattern.pattern)
        address = re.sub(r"<\w+:\w+>", "1", route)
        assert get_resolver().resolve(f"/v1/{address}").route == f"v1/{route}"
