"""`correlate` from the midst of what was decided before: begins nothing twice, cuts nothing off.

The rule of all cases: at least 3 in 10 minutes, by host. Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.engine import Episode, Known, Past, correlate
from sigma2hive.model.events import Event
from sigma2hive.model.rules import CorrelationKind
from tests.engine.correlation_cases import SECOND, SPAN, correlation, event

COUNTED = correlation(CorrelationKind.EVENT_COUNT)


def episodes(events: Sequence[Event], past: Past | None = None) -> list[Episode]:
    found = [("base", entry) for entry in events]
    return list(correlate(COUNTED, found, past=past).episodes)


def at(*seconds: float) -> list[Event]:
    return [event(second, number) for number, second in enumerate(seconds)]


def from_on(seconds: float, *known: Known) -> Past:
    """What came before a time was decided; these episodes were found in it."""
    return Past(lambda entry: entry.time_ns >= seconds * SECOND, lambda _: known)


def test_what_was_decided_before_begins_no_episode_again() -> None:
    assert len(episodes(at(0, 1, 2))) == 1
    assert episodes(at(0, 1, 2), from_on(3)) == []


def test_what_was_decided_before_fills_the_window_of_what_is_new() -> None:
    (episode,) = episodes(at(0, 1, 2), from_on(2))
    assert [entry.time_ns for entry in episode.events] == [0, SECOND, 2 * SECOND]
    assert episode.begun_with == event(0).key
    assert episode.fired_ns == 2 * SECOND


def test_an_open_episode_takes_what_comes_within_a_timespan_of_its_end() -> None:
    known = Known(fired_ns=100 * SECOND, held_until_ns=700 * SECOND, figure=3)
    (episode,) = episodes(at(700 + SPAN - 1), from_on(701, known))
    assert episode.fired_ns == 100 * SECOND
    assert episode.figure == 3
    assert len(episode.events) == 1


def test_an_episode_that_is_over_takes_nothing_more() -> None:
    known = Known(fired_ns=100 * SECOND, held_until_ns=700 * SECOND, figure=3)
    assert episodes(at(700 + SPAN), from_on(701, known)) == []


def test_a_known_episode_without_new_events_is_none() -> None:
    known = Known(fired_ns=100 * SECOND, held_until_ns=700 * SECOND, figure=3)
    assert episodes([], from_on(701, known)) == []


def test_two_known_episodes_that_touch_are_one() -> None:
    first = Known(fired_ns=100 * SECOND, held_until_ns=700 * SECOND, figure=3)
    second = Known(fired_ns=900 * SECOND, held_until_ns=1_500 * SECOND, figure=5)
    (episode,) = episodes(at(1_600), from_on(1_501, second, first))
    assert (episode.fired_ns, episode.figure) == (100 * SECOND, 3)


@given(
    st.lists(st.integers(0, 4_000), min_size=1, max_size=16, unique=True).map(sorted),
    st.integers(0, 4_000),
)
def test_a_look_in_two_parts_finds_what_one_look_finds(times: list[int], cut: int) -> None:
    events = at(*times)
    before = [entry for entry in events if entry.time_ns < cut * SECOND]
    known = [
        Known(entry.fired_ns, entry.holds_until_ns, entry.figure) for entry in episodes(before)
    ]
    assert episodes(events, from_on(cut, *known)) == episodes(events)
