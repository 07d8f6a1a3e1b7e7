"""Keyset pages end, repeat nothing and miss nothing."""

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from backend.accounts.models import Account
from backend.rest.paging import BadCursor, BadPageSize, decode_cursor, encode_cursor, keyset


def _request(**query: object) -> Request:
    return Request(APIRequestFactory().get("/", query))


@pytest.fixture
def fifty(db: None) -> None:
    Account.objects.bulk_create(
        Account(handle=f"p{n:03}", display_name="p", follower_count=n % 2) for n in range(50)
    )


@pytest.mark.parametrize("by", ["-follower_count", "follower_count", "-id", "id"])
def test_walks_every_row_once_though_half_of_them_share_a_value(fifty: None, by: str) -> None:
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"page_size": 7} | ({"cursor": cursor} if cursor else {})
        rows, cursor = keyset(_request(**query), Account.objects.all(), by=by)
        seen += [row.pk for row in rows]
    expected = Account.objects.order_by(by, "-id" if by.startswith("-") else "id")
    assert seen == [row.pk for row in expected]


@pytest.mark.parametrize(
    "cursor", ["x", "%00", encode_cursor("a", "b"), encode_cursor(1), encode_cursor(1, 2, 3),
               encode_cursor(True, 1), encode_cursor(2**70, 1), "A" * 500, encode_cursor(None, 1)]
)  # fmt: skip
def test_a_broken_cursor_is_refused(fifty: None, cursor: str) -> None:
    with pytest.raises(BadCursor):
        keyset(_request(cursor=cursor), Account.objects.all(), by="-follower_count")


@pytest.mark.parametrize("size", ["0", "51", "-1", "1e3", "１０", "x", "10" * 20, "1.0"])
def test_a_page_size_out_of_bounds_is_refused(db: None, size: str) -> None:
    with pytest.raises(BadPageSize):
        keyset(_request(page_size=size), Account.objects.all())


def test_a_cursor_carries_its_values() -> None:
    assert decode_cursor(encode_cursor(1.5, 7), [float, int]) == [1.5, 7]
