"""The tokenizer: every sub-string of a Chinese run is matched by what is stored (E6)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notes.terms import query_terms, runs, terms_of


def test_runs_are_folded_and_cut_at_what_cannot_be_searched() -> None:
    assert runs("羊毛大衣|复古 SPF50＋Ｌｉｌｙ🌸_x") == ["羊毛大衣", "复古", "spf50", "lily", "x"]
    assert runs("") == []


def test_terms_are_characters_pairs_and_words() -> None:
    assert terms_of("梨形身", "Coat 2") == ["2", "coat", "形", "形身", "梨", "梨形", "身"]
    assert query_terms("梨形身") == ["梨形", "形身"]
    assert query_terms("梨") == ["梨"]
    assert query_terms("Coat, coat!") == ["coat"]


@pytest.mark.parametrize("quote", ["'", "\\", "&", "|", "!", "(", ":", "\u0000"])
def test_no_term_holds_a_character_that_a_query_could_trip_over(quote: str) -> None:
    assert query_terms(f"a{quote}b") in (["a", "b"], ["ab"])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="梨形身材显瘦大衣", min_size=1, max_size=12), st.data())
def test_every_part_of_a_chinese_run_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    assert set(query_terms(part)) <= set(terms_of(text))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_of_people_has_terms_that_match_itself(text: str) -> None:
    assert set(query_terms(text)) <= set(terms_of(text))
