"""Times to whole nanoseconds and back, without losing a digit."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.model.times import parse_time_ns, render_time

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:00.123456789Z", 123_456_789),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1969-12-31T22:30:00-0130", 0),
        ("1970-01-01T02:00:00+02", 0),
        ("1970-01-01 00:00:00.0000001", 100),
        ("1970-01-02", 86_400 * SECOND),
        ("1970", 0),
        ("1970-02", 31 * 86_400 * SECOND),
        ("15000", 15_000_000_000),
        ("-1", -1_000_000),
        ("1969-12-31T23:59:59.999Z", -1_000_000),
    ],
)
def test_what_elasticsearch_takes_as_a_date(text: str, nanoseconds: int) -> None:
    assert parse_time_ns(text) == nanoseconds


_NO_TIMES = ["", "yesterday", "2026-13-01", "2026-02-30T00:00:00Z", "12:00"]
_BEYOND = ["0000-01-01", "-62135596800001", "253402300800000", "9999-12-31T23:59:59-01:00"]


@pytest.mark.parametrize("text", [*_NO_TIMES, *_BEYOND])
def test_what_is_no_time(text: str) -> None:
    assert parse_time_ns(text) is None


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),
    st.integers(0, 999),
)
def test_a_rendered_time_is_read_back_exactly(moment: datetime, nanoseconds: int) -> None:
    elapsed = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    whole = (elapsed.days * 86_400 + elapsed.seconds) * SECOND
    time_ns = whole + elapsed.microseconds * 1000 + nanoseconds
    assert parse_time_ns(render_time(time_ns)) == time_ns


@given(
    st.datetimes(min_value=datetime(1960, 1, 1), max_value=datetime(2110, 1, 1)),
    st.sampled_from(["T", " "]),
    st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,9}", fullmatch=True)),
    st.sampled_from(["", "Z"]),
)
def test_a_time_is_the_same_with_its_offset_written_out(
    moment: datetime, between: str, fraction: str, end: str
) -> None:
    text = moment.isoformat(between, "seconds") + fraction
    assert parse_time_ns(text + end) == parse_time_ns(f"{text}+00:00")
