"""Which way is taken: the cheaper one, without going to and fro."""

import pytest

from sigma2hive.runner.finding import WAYS
from sigma2hive.runner.finding.costs import Costs, costs_of
from sigma2hive.settings import SERVICE_WAYS

MILLISECOND, SECOND = 1_000_000, 1_000_000_000


def costs(rules: int) -> Costs:
    return Costs(rules=rules)


def test_every_way_of_the_settings_is_there() -> None:
    assert tuple(WAYS) == SERVICE_WAYS


def test_many_rules_over_few_events_are_read() -> None:
    many = costs(2_407)
    many.read(1_000, 50 * MILLISECOND, 1)
    many.searched(20, 300 * MILLISECOND, 1)
    assert many.way_at(2) == "stream"
    assert many.query_ns == pytest.approx(2_407 * 15 * MILLISECOND)


def test_few_rules_over_many_events_are_searched_for() -> None:
    few = costs(5)
    few.read(20_000, SECOND, 1)
    assert few.way_at(2) == "stream"  # while nobody knows what a search takes
    few.searched(5, 75 * MILLISECOND, 1)
    assert few.way_at(2) == "query"


def test_it_does_not_go_to_and_fro() -> None:
    ways = []
    near = costs(10)
    for number in range(50):
        # Now the one is a little cheaper, then the other.
        near.read(1_000, (90 if number % 2 else 110) * MILLISECOND, number)
        near.searched(10, 100 * MILLISECOND, number)
        ways.append(near.way)
    assert len({*ways}) == 1


def test_it_changes_back_when_events_get_few() -> None:
    few = costs(5)
    few.read(20_000, SECOND, 1)
    few.searched(5, 75 * MILLISECOND, 1)
    assert few.way == "query"
    for number in range(40):
        few.searched(5, 75 * MILLISECOND, number, events=100)
    assert few.way == "stream"


def test_what_is_not_taken_is_measured_now_and_then() -> None:
    few = costs(5)
    assert few.wants_sample(700 * SECOND)
    few.read(20_000, SECOND, 1)
    few.searched(5, 75 * MILLISECOND, 1)
    assert few.way_at(500 * SECOND) == "query"
    assert few.way_at(700 * SECOND) == "stream"
    many = costs(2_407)
    many.searched(20, 300 * MILLISECOND, 100 * SECOND)
    assert not many.wants_sample(600 * SECOND)
    assert many.wants_sample(800 * SECOND)


def test_costs_are_kept_and_what_is_none_is_not_read_as_one() -> None:
    few = costs(5)
    few.read(20_000, SECOND, 7)
    few.searched(5, 75 * MILLISECOND, 8)
    again = costs_of(few.as_note())
    assert again is not None
    assert again.as_note() == few.as_note()
    for note in (None, {}, {"way": "query"}, {**few.as_note(), "events": 3}, {"events": []}):
        assert costs_of(note) is None
