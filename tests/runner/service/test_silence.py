"""What counts as a source being heard of: events that were not read before, however late."""

from sigma2hive.clients.elasticsearch import Indices
from sigma2hive.model.service import Interval
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.runner.service.outcomes import CycleOutcome, SliceOutcome
from sigma2hive.runner.service.silence import Heard, heard_of, listen, note_of

PATTERN = "logs-*"


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


def test_what_was_remembered_before_there_were_sweeps_to_hear_is_read() -> None:
    note = {PATTERN: {"last_ns": 5, "is_told": True}}
    assert heard_of(note) == {PATTERN: Heard(5, 5, is_told=True)}
