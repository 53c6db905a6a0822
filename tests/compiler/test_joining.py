"""Many literals in one expression: what it would cost Lucene is counted right."""

from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.compiler.regexes.joining import _effort, _most_effort


@given(st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=5))
def test_a_state_stands_for_every_word_that_starts_with_one_of_its_ends(words: list[str]) -> None:
    states = {word[:end] for word in words for end in range(len(word) + 1)}
    places = (
        sum(
            word.startswith(read[start:])
            for start in range(len(read))
            if read[start:] in states
            for word in words
        )
        for read in states
    )
    assert _effort(words) == sum(2 * (count + 2) for count in places)


@given(st.lists(st.text("abc", max_size=9), min_size=1, max_size=9))
def test_what_is_counted_in_fewer_steps_is_never_less(words: list[str]) -> None:
    assert _most_effort(words) >= _effort(words)
