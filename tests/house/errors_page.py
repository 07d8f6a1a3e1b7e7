"""Writes the tables of docs/api/errors.md from the refusals themselves: `python -m
tests.house.errors_page`. What stands above the marker is kept."""

import importlib
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api" / "errors.md"
MARKER = "<!-- written by python -m tests.house.errors_page -->"
PACKAGES = ("backend", "shops", "notes", "commissions", "seeds")
SECTIONS = {
    "backend": "Everywhere",
    "backend.accounts": "Accounts",
    "shops": "Shops, goods, orders, refunds",
    "notes": "Notes",
    "commissions": "Promoting, earnings, payouts",
    "backend.webhooks": "Webhooks",
    "seeds": "Commands only",
}
# What no verb raises: backend/rest/problems.py makes these of what Django and DRF say.
OF_THE_DOOR = {
    ("malformed", 400): "The request is not what it says it is: broken JSON, a key that stands "
    "twice, a forbidden character, nesting past 32, more than 10,000 values.",
    ("not_authenticated", 401): "The operation needs a token.",
    ("authentication_failed", 401): "The token is unknown, expired or revoked.",
    ("method_not_allowed", 405): "The path knows no such method.",
    ("not_acceptable", 406): "The answer is JSON; the Accept header wants something else.",
    ("https_required", 403): "The API is not answered over plain HTTP; what was sent in clear, a "
    "token perhaps, is to be taken for overheard.",
    ("in_use", 409): "Other rows still need this one.",
    ("conflict", 409): "The change conflicts with what is stored; the database said so.",
    ("busy", 409): "Somebody else is changing this at the moment; Retry-After says when to try.",
    ("unsupported_media_type", 415): "Send JSON (or multipart/form-data, where files go).",
    ("throttled", 429): "Too many calls this minute; Retry-After says when to go on.",
    ("server_error", 500): "A bug of ours; report it with X-Request-ID.",
    ("unavailable", 503): "The database did not answer; repeat the request, with the same "
    "Idempotency-Key where there is one.",
}


def refusals() -> list[type]:
    """Every refusal of the product, in the order of their modules."""
    from backend.core.errors import Refusal

    for package in PACKAGES:
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if "migrations" not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    ours = {kind for kind in _below(Refusal) if kind.__module__.split(".")[0] in PACKAGES}
    return sorted(ours, key=lambda kind: (kind.__module__, kind.__name__))


def _below(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def _section(kind: type) -> str:
    parts = kind.__module__.split(".")
    room = ".".join(parts[:2])
    return room if room in SECTIONS else parts[0]


def tables() -> str:
    """The tables: code, status, meaning."""
    found: dict[str, dict[tuple[str, int], list[str]]] = {name: {} for name in SECTIONS}
    for key, meaning in OF_THE_DOOR.items():
        found["backend"][key] = [meaning]
    for kind in refusals():
        rows = found[_section(kind)]
        meaning = " ".join((kind.__doc__ or "").split()).replace("|", "/")
        meanings = rows.setdefault((kind.code, kind.status), [])  # type: ignore[attr-defined]
        meanings += [meaning] if meaning not in meanings else []
    lines = []
    for name, title in SECTIONS.items():
        lines += [f"## {title}", "", "| code | status | meaning |", "|---|---|---|"]
        for (code, status), meanings in sorted(found[name].items(), key=lambda row: row[0]):
            lines.append(f"| `{code}` | {status} | {' Or: '.join(meanings)} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Rewrites the page below its marker."""
    import django

    django.setup()
    kept = PAGE.read_text().split(MARKER)[0]
    PAGE.write_text(f"{kept}{MARKER}\n\n{tables()}".rstrip() + "\n")


if __name__ == "__main__":
    main()
