"""A real PostgreSQL and a real Valkey under ``var/``, up for as long as anybody uses them.

Nothing to install, no port, no password: both listen on sockets in a folder that only their
owner may enter. ``ensure()`` at a program's entry is all it takes; the last user's end, however
it comes, stops them. Reached at the entry points only, never by importing the settings.
"""

from backend.embedded.client import (
    Status,
    begin_anew,
    clean,
    ensure,
    expected_urls,
    is_abandoned,
    keep,
    leave,
    status,
    stop,
)
from backend.embedded.errors import EmbeddedError
from backend.embedded.places import Urls

__all__ = [
    "EmbeddedError",
    "Status",
    "Urls",
    "begin_anew",
    "clean",
    "ensure",
    "expected_urls",
    "is_abandoned",
    "keep",
    "leave",
    "status",
    "stop",
]
