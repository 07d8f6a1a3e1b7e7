"""Addresses of the web that people give us, to be shown and never to be fetched by us.

What a browser makes of an address and what a parser makes of it differ where the two can be told
apart: a backslash, a user before the host, control characters. So an address is held against what
it may be, not searched for what it must not.
"""

import re

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
# RFC 3986 without user and without the brackets of IPv6; everything in ASCII.
_PUBLIC = re.compile(rf"https://{_HOST}(?::443)?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
                     r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?", re.IGNORECASE)  # fmt: skip
_OWN = re.compile(r"/media/(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.(?:jpe?g|png|webp)")
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f|5c)", re.IGNORECASE)


def picture_problem(text: str) -> str | None:
    """Why this is no address of a picture, or None where it is: an uploaded file of ours, or
    https:// at a public name, without user, port or encoded control characters."""
    if _OWN.fullmatch(text):
        return None
    if _PUBLIC.fullmatch(text) and not _ENCODED_CONTROL.search(text):
        return None
    return "Must be /media/… of an uploaded picture, or https:// at a public name."
