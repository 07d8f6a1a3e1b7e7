"""Columns travel as the text of PostgreSQL's arrays, and arrive as they were."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core.sql import columns, numbers, texts, value

pytestmark = pytest.mark.django_db
QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Everything that an array's text gives a meaning, among everything else that a text may hold.
LETTERS = st.one_of(
    st.sampled_from(list("{},\"\\ '\n\tN")), st.characters(exclude_characters="\0", codec="utf-8")
)


@QUICK
@given(st.lists(st.one_of(st.text(LETTERS, max_size=12), st.sampled_from(["", "NULL", "[]"]))))
def test_texts_arrive_as_they_were(sent: list[str]) -> None:
    assert value("SELECT %s::text[]", [texts(sent)]) == sent


@QUICK
@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))))
def test_numbers_and_nulls_arrive_as_they_were(sent: list[int | None]) -> None:
    assert value("SELECT %s::bigint[]", [numbers(sent)]) == sent


def test_no_rows_are_empty_columns() -> None:
    assert [list(column) for column in columns([], 3)] == [[], [], []]
    assert columns([(1, "a"), (2, "b")], 2) == [(1, 2), ("a", "b")]
    with pytest.raises(ValueError, match="zip"):
        columns([(1, 2), (3,)], 2)
