"""Cursors by time against a model: what is not later than a sweep is found."""

from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.runner.reading import times

DELAYS = (12, 60, 300)
CADENCE, OVERLAP = 5, 4


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 280)), max_size=30),
    st.lists(st.one_of(st.just(5), st.integers(1, 200)), min_size=1, max_size=40),
    st.lists(st.booleans(), min_size=1, max_size=10),
)
def test_every_event_is_found_that_comes_before_the_last_sweep(
    events: list[tuple[int, int]], pauses: list[int], puts_off: list[bool]
) -> None:
    """Events are (their time, how late they come); cycles come at any distance."""
    stands = times.beginning(0, DELAYS)
    found: set[tuple[int, int]] = set()
    now = 0

    def read(start: int, end: int) -> None:
        found.update(e for e in events if start <= e[0] < end and sum(e) < now)

    for turn, pause in enumerate([*pauses, *[5] * 250]):
        now += pause
        stands = times.times_of(stands.as_position(), DELAYS)
        window = times.news(stands, now, OVERLAP)
        middle = (window[0] + window[1]) // 2
        if puts_off[turn % len(puts_off)] and turn < len(pauses) and middle > window[0]:
            stands = times.falling_behind(stands, (window[0], middle), now)
            window = (middle, window[1])
        read(*window)
        stands = times.after_news(stands, window, now)
        if stands.behind:
            start, end = stands.behind[0]
            cut = (start + end + 1) // 2
            read(start, cut)
            stands = times.after_behind(stands, cut)
            # Sweeps come after all that is behind.
        if not stands.behind:
            for delay, start, end in list(times.due_sweeps(stands, now, CADENCE)):
                read(start, end)
                stands = times.after_sweep(stands, delay, end)
    # A sweep comes once a twentieth of its delay has gathered.
    assert {e for e in events if sum(e) < now - 300 - 15} <= found
    assert not stands.behind


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 280)), max_size=30),
    st.integers(1, 290),
    st.integers(1, 100_000),
)
def test_what_came_while_the_clock_was_ahead_is_found_when_it_is_set_right(
    events: list[tuple[int, int]], set_right_at: int, ahead: int
) -> None:
    """As far as the last sweep looks back then. The clock is ahead from 100 on."""
    stands = times.beginning(0, DELAYS)
    found: set[tuple[int, int]] = set()
    for now in range(0, 1_500, CADENCE):
        shown = now + ahead if 100 <= now < 100 + set_right_at else now
        stands = times.set_right(times.times_of(stands.as_position(), DELAYS), shown)
        window = times.news(stands, shown, OVERLAP)
        windows = [window]
        stands = times.after_news(stands, window, shown)
        for delay, start, end in list(times.due_sweeps(stands, shown, CADENCE)):
            windows.append((start, end))
            stands = times.after_sweep(stands, delay, end)
        for start, end in windows:
            found.update(e for e in events if start <= e[0] < end and sum(e) < now)
    right_again = 100 + set_right_at + CADENCE
    assert {e for e in events if e[0] >= right_again - 300} <= found


def test_clocks_that_differ_a_little_leave_nothing_unread() -> None:
    stands = times.after_news(times.beginning(1_000, DELAYS), (1_000, 1_050), 1_049)
    # Another runner goes on, of which the clock is half a minute behind.
    stands = times.set_right(stands, 1_020)
    assert times.news(stands, 1_020, OVERLAP) == (1_016, 1_021)
    assert {d for d, _ in stands.swept} == {*DELAYS}
    assert min(s for _, s in stands.swept) == 1_000


def test_what_is_read_late_is_not_swept() -> None:
    stands = times.beginning(1_000, DELAYS)
    stands = times.after_news(stands, (1_000, 1_100), 1_100)
    away = times.after_news(stands, (1_096, 9_000), 9_000)
    swept = {delay: start for delay, start, _ in times.due_sweeps(away, 9_000, CADENCE)}
    assert swept == {12: 1_088, 60: 1_040, 300: 1_000}
    for delay, _, end in list(times.due_sweeps(away, 9_000, CADENCE)):
        away = times.after_sweep(away, delay, end)
    # From here each goes on where its delay had not passed when it was read.
    assert dict(away.swept) == {12: 8_988, 60: 8_940, 300: 8_700}
    assert not away.late


def test_parts_of_a_window_hold_no_more_than_they_may() -> None:
    buckets = [(0, 4), (10, 4), (20, 9), (30, 1)]
    assert times.cut(buckets, 40, 8) == [20, 30, 40]
    assert times.cut([], 40, 8) == [40]
