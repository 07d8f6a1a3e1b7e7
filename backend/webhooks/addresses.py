"""Where a webhook may go: said in two places, here by the look of an address, and by `outgoing`
for what its name leads to at the moment of each call."""

import re

from django.conf import settings

_NAME = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
_REST = (
    r"(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
# RFC 3986 with a name for a host: no user, no address in numbers, no fragment, all in ASCII.
_PUBLIC = re.compile(rf"https://{_NAME}{_REST}", re.IGNORECASE)
_LOOPBACK = re.compile(rf"https?://(?:localhost|127\.0\.0\.1){_REST}", re.IGNORECASE)
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f|5c)", re.IGNORECASE)


def problem_of(url: str) -> str | None:
    """Why this is no address to tell anything to, or None where it is one: https:// at a public
    name, and outside production this machine itself."""
    if _ENCODED_CONTROL.search(url):
        return "Encoded control characters are not allowed."
    if _PUBLIC.fullmatch(url) or (settings.WEBHOOK_LOOPBACK and _LOOPBACK.fullmatch(url)):
        return None
    return "Must be https:// at a public name, without user and fragment."


def host_of(url: str) -> str:
    """The part of an address that may be shown to everybody: what follows may hold a secret."""
    return url.split("://", 1)[-1].split("/", 1)[0].split("?", 1)[0]
