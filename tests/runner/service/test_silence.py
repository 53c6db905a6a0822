"""What counts as a source being heard of: events that were not read before, however late."""

from collections.abc import Iterator, Mapping

import pytest

from sigma2hive.clients.elasticsearch import Indices
from sigma2hive.model.service import Interval
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.runner.service.outcomes import CycleOutcome, SliceOutcome
from sigma2hive.runner.service.silence import Heard, heard_of, listen, note_of, silent

PATTERN = "logs-*"
HOUR = 3_600
Listened = Iterator[tuple[int, Mapping[str, Heard]]]


def cycle(
    at_s: int, start_s: int, end_s: int, *, is_backfill: bool, events: int = 1
) -> CycleOutcome:
    part = Slice(
        unit="timestamp:logs-1",
        targets=(PATTERN,),
        index="logs-1",
        indices=Indices(("logs-1",)),
        query={},
        position={},
        expected=None,
        interval=Interval(start_s * NANOSECONDS, end_s * NANOSECONDS),
        is_backfill=is_backfill,
    )
    return CycleOutcome(at_s * NANOSECONDS, [SliceOutcome(part, events)])


def test_events_that_only_sweeps_find_are_heard() -> None:
    heard = listen({}, cycle(1_000, 980, 1_000, is_backfill=False))
    # The first looks again at what was heard, the others at what nobody saw come.
    for start_s in range(990, 2_000, 10):
        at_s = start_s + 130
        heard = listen(heard, cycle(at_s, start_s, start_s + 10, is_backfill=True))
        last_s = 1_000 if start_s < 1_000 else at_s
        assert heard[PATTERN].last_ns == last_s * NANOSECONDS
        heard = heard_of(note_of(heard))
    last = heard[PATTERN]
    # Nor does a later sweep hear the same again, or one that finds nothing.
    heard = listen(heard, cycle(4_600, 990, 1_990, is_backfill=True))
    heard = listen(heard, cycle(4_700, 2_000, 3_000, is_backfill=True, events=0))
    assert heard[PATTERN] == last


def silent_at(heard: Mapping[str, Heard], now_s: int, patience_s: int = HOUR) -> bool:
    return [*silent(heard, [PATTERN], now_s * NANOSECONDS, patience_s * NANOSECONDS)] == [PATTERN]


def test_a_source_that_was_never_heard_but_by_sweeps_is_told_when_it_stops() -> None:
    heard: Mapping[str, Heard] = {}
    for start_s in range(0, 600, 10):
        heard = listen(heard, cycle(start_s + 130, start_s, start_s + 10, is_backfill=True))
    assert not silent_at(heard, 730)
    assert silent_at(heard, 730 + 2 * HOUR)


def sweeps(heard: Mapping[str, Heard], delay_s: int, from_s: int, until_s: int) -> Listened:
    """Yield what is known before each sweep of such a delay, in the stretches that it takes."""
    stretch_s = delay_s // 20
    for end_s in range(from_s + stretch_s, until_s - delay_s, stretch_s):
        yield end_s + delay_s, heard
        heard = listen(heard, cycle(end_s + delay_s, end_s - stretch_s, end_s, is_backfill=True))
    yield until_s, heard


@pytest.mark.parametrize("delay_s", [120, HOUR, 25 * HOUR])
def test_a_source_that_is_late_is_not_told_between_two_sweeps_that_hear_it(delay_s: int) -> None:
    first = listen({}, cycle(delay_s + 10, 0, 10, is_backfill=True))
    last_s = 0
    for now_s, heard in sweeps(first, delay_s, 10, delay_s + 24 * HOUR):
        assert not silent_at(heard, now_s)
        last_s = now_s
    # It is told all the same when it stops, not much later than the sweeps are apart.
    assert silent_at(heard, last_s + HOUR + delay_s // 5)


def test_nor_is_one_of_which_an_event_comes_in_time_now_and_then() -> None:
    first = listen({}, cycle(25 * HOUR + 10, 0, 10, is_backfill=True))
    *_, (now_s, heard) = sweeps(first, 25 * HOUR, 10, 30 * HOUR)
    heard = listen(heard, cycle(now_s, now_s - 20, now_s, is_backfill=False))
    for later_s, known in sweeps(heard, 25 * HOUR, now_s - 25 * HOUR, 72 * HOUR):
        assert not silent_at(known, later_s)


def test_a_clock_that_was_ahead_puts_no_silence_off() -> None:
    ahead_s = 400 * 24 * HOUR
    heard = listen({}, cycle(ahead_s, ahead_s - 10, ahead_s, is_backfill=False))
    heard = listen(heard, cycle(1_000, 990, 1_000, is_backfill=False, events=0))
    assert not silent_at(heard, 1_010)
    assert silent_at(heard, 1_000 + HOUR)
    # Late events are heard as ever.
    heard = listen(heard, cycle(1_200, 1_000, 1_080, is_backfill=True))
    assert heard[PATTERN].last_ns == 1_200 * NANOSECONDS


def test_what_was_remembered_before_there_were_sweeps_to_hear_is_read() -> None:
    at_ns = 1_000 * NANOSECONDS
    for note in ({"last_ns": at_ns}, {"last_ns": at_ns, "up_to_ns": at_ns, "is_told": True}):
        heard = heard_of({PATTERN: note})
        assert heard[PATTERN].is_told == ("is_told" in note)
        assert listen(heard, cycle(1_130, 990, 1_000, is_backfill=True)) == heard
        later = listen(heard, cycle(1_150, 1_000, 1_020, is_backfill=True))
        assert later[PATTERN].last_ns == 1_150 * NANOSECONDS
