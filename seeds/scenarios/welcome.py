"""What the terminal says when the demo is up: where to look, who to be, what to type."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from backend.accounts import tokens
from backend.accounts.models import AccessToken, Account
from backend.core.clock import business_day
from backend.core.errors import Refusal
from seeds.scenarios.personas import PASSWORD, PERSONAS
from seeds.scenarios.stage import NotInProduction

LABEL = "demo"


class NoDemo(Refusal):
    """The demo's people are not here."""

    code = "no_demo"
    title = "The demo's people are not in this database: `manage.py seed --scenario demo` first"


def fresh_tokens(*, at: datetime) -> dict[str, str]:
    """A new token of each persona, by handle; the demo's tokens before it end. The database
    knows only digests, so a token that shall be shown again is a new one.

    :raises NotInProduction: in production.
    :raises NoDemo: a persona is missing.
    """
    if settings.PRODUCTION:
        raise NotInProduction()
    handles = [persona.handle for persona in PERSONAS]
    with transaction.atomic():
        found = {row.handle: row for row in Account.objects.filter(handle__in=handles)}
        if len(found) < len(handles):
            raise NoDemo()
        AccessToken.objects.filter(
            account__in=found.values(), label=LABEL, revoked_at__isnull=True
        ).update(revoked_at=at)
        return {
            handle: tokens.issue(account=found[handle], at=at, label=LABEL)[0] for handle in handles
        }


def lines(*, base_url: str, at: datetime) -> Iterator[str]:
    """The welcome, at most 100 columns wide; issues fresh tokens.

    :raises NotInProduction: in production.
    :raises NoDemo: a persona is missing.
    """
    issued = fresh_tokens(at=at)
    base = base_url.rstrip("/")
    yield ""
    yield f"  API         {base}/v1/feeds/discover"
    yield f"  API pages   {base}/docs"
    yield f"  Admin       {base}/admin/     admin, finance_a or finance_b"
    yield "              six digits for it:  .venv/bin/python manage.py staff_code admin"
    yield ""
    yield f"  Everybody's password is  {PASSWORD}"
    yield ""
    for persona in PERSONAS:
        yield f"  {persona.handle:<12}{_wide(persona.role, 34)}{issued[persona.handle]}"
    yield ""
    yield "  Try:"
    for what, command in _calls(base, issued, at):
        yield f"  # {what}"
        yield from (f"  {line}" for line in command)
    yield ""


def _calls(base: str, issued: dict[str, str], at: datetime) -> Iterator[tuple[str, list[str]]]:
    today = business_day(at)
    week = today - timedelta(days=6)
    yield "discover, without signing in", [f"curl -s '{base}/v1/feeds/discover'"]
    yield "around Shanghai", [f"curl -s '{base}/v1/feeds/nearby?city=310000'"]
    yield "search", [f"curl -sG '{base}/v1/search' --data-urlencode 'q=梨形身材'"]
    yield "what Linda has earned", _signed(issued["linda"], f"{base}/v1/me/earnings")
    yield (
        "buyers and sales of the last 7 days (DAB, GMV)",
        _signed(issued["admin"], f"{base}/v1/metrics/daily?from={week}&to={today}"),
    )


def _signed(token: str, url: str) -> list[str]:
    return [f"curl -s -H 'Authorization: Bearer {token}' \\", f"     '{url}'"]


def _wide(text: str, columns: int) -> str:
    """The text padded to so many terminal columns; Chinese characters take two."""
    taken = sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)
    return text + " " * max(1, columns - taken)
