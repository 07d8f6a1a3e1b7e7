"""Every route and method that the router knows: nobody keeps this list by hand."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, resolve

METHODS = ("get", "post", "put", "patch", "delete")
# The staff's pages have sessions and rights of their own; test_matrix asks them for one thing.
ADMIN = "admin/"


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each route with its view."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield route, entry.callback


def methods_of(view: Any) -> list[str]:
    """The methods that a view has; a plain function is asked with GET."""
    kind = getattr(view, "view_class", getattr(view, "cls", None))
    return [name.upper() for name in METHODS if hasattr(kind, name)] if kind else ["GET"]


def operations() -> set[tuple[str, str]]:
    """Every (method, route) outside the admin."""
    return {
        (method, route)
        for route, view in patterns()
        if not route.startswith(ADMIN)
        for method in methods_of(view)
    }


def route_of(path: str) -> str:
    """The route that a path is served by."""
    return str(resolve(path).route)
