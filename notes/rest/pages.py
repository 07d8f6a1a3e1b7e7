"""Pages of the lists that are one statement: cursor in, cursor out."""

from collections.abc import Sequence

from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.models import Account
from backend.rest.paging import answer, decode_cursor, encode_cursor, page_size
from notes.feed import Page, Slice


def viewer_of(request: Request) -> Account | None:
    """Who reads, or None for somebody not signed in."""
    return request.user if isinstance(request.user, Account) else None


def part_of(request: Request, kinds: Sequence[type]) -> Slice:
    """The part of a list that the request asks for; `kinds` are the types of its key.

    :raises BadCursor: the cursor is not one of this list.
    :raises BadPageSize: page_size is not a number from 1 to 50.
    """
    cursor = request.query_params.get("cursor")
    return Slice(page_size(request), decode_cursor(cursor, kinds) if cursor else None)


def listed(page: Page) -> Response:
    """The answer of such a list."""
    results, following = page
    return Response(answer(results, encode_cursor(*following) if following else None))
