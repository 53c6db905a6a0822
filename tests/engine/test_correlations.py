"""event_count: when it fires, what one episode is, and what belongs to it.

The rule of all cases: at least 6 in 10 minutes, by address. Times are in seconds.
"""

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.diagnostics import Location
from sigma2hive.engine import Correlated, Episode, correlate
from sigma2hive.model.conditions import Operator
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.matches import Ungrouped
from sigma2hive.model.rules import Bound, CompiledCorrelation, CorrelationKind, RuleInfo

SECOND = 1_000_000_000
MINUTE = 60
SOURCE = (Field("source.ip", FieldType.IP, dropped=("-",)), Field("client"))


def correlation(*bounds: Bound, group_by: bool = True) -> CompiledCorrelation:
    return CompiledCorrelation(
        info=RuleInfo("c", "Failed logons", Location("c.yml")),
        kind=CorrelationKind.EVENT_COUNT,
        rules=("base",),
        timespan_ns=10 * MINUTE * SECOND,
        bounds=bounds or (Bound(Operator.GTE, 6),),
        group_by=(("IpAddress", {"base": SOURCE}),) if group_by else (),
        epoch="e",
    )


def event(seconds: float, number: int = 0, **values: str) -> Event:
    fields = values or {"source_ip": "192.0.2.1"}
    return Event(
        key=EventKey(EventKeyKind.CONTENT, (f"{seconds}", f"{number}")),
        time_ns=int(seconds * SECOND),
        values={path.replace("_", "."): (text,) for path, text in fields.items()},
        raw=b"{}",
    )


def correlated(*events: Event, of: CompiledCorrelation | None = None) -> Correlated:
    return correlate(of or correlation(), [("base", entry) for entry in events])


def episodes(*events: Event, of: CompiledCorrelation | None = None) -> list[Episode]:
    return list(correlated(*events, of=of).episodes)


def at(*seconds: float) -> list[Event]:
    return [event(second, number) for number, second in enumerate(seconds)]


@pytest.mark.parametrize("count", [6, 7, 12, 600])
def test_enough_events_within_the_window_are_one_episode_with_all_of_them(count: int) -> None:
    (episode,) = episodes(*at(*(number * 0.9 for number in range(count))))
    assert len(episode.events) == count
    assert episode.figure == 6
    assert episode.shown == (("IpAddress", "192.0.2.1"),)


def test_five_events_are_none() -> None:
    assert episodes(*at(0, 1, 2, 3, 4)) == []


def test_six_over_eleven_minutes_are_none() -> None:
    assert episodes(*at(*(number * 11 * MINUTE / 5 for number in range(6)))) == []


def test_the_window_is_half_open() -> None:
    assert episodes(*at(0, 1, 2, 3, 4, 10 * MINUTE)) == []
    assert len(episodes(*at(0, 1, 2, 3, 4, 10 * MINUTE - 0.001))) == 1


def test_the_order_of_arrival_does_not_matter() -> None:
    events = at(*range(9))
    shuffled = events.copy()
    random.Random(7).shuffle(shuffled)
    assert episodes(*shuffled) == episodes(*events)


def test_an_event_that_comes_twice_counts_once() -> None:
    events = at(0, 1, 2, 3, 4)
    assert episodes(*events, *events) == []


def test_events_soon_after_belong_to_the_episode_and_later_ones_do_not() -> None:
    # The condition holds until the first of the six leaves, at 10 min; until 20 min it is one.
    burst = at(0, 0, 0, 0, 0, 0)
    (episode,) = episodes(*burst, event(19 * MINUTE, 90), event(20 * MINUTE, 91))
    assert [entry.time_ns // SECOND // MINUTE for entry in episode.events] == [0] * 6 + [19]


def test_a_second_burst_within_a_timespan_continues_the_episode() -> None:
    (episode,) = episodes(*at(*[0] * 6, *[19 * MINUTE] * 6))
    assert len(episode.events) == 12


def test_a_burst_after_a_quiet_timespan_is_a_new_episode() -> None:
    first, second = episodes(*at(*[0] * 6, *[20 * MINUTE] * 6))
    assert first.events[0].key != second.events[0].key
    assert len(first.events) == len(second.events) == 6


def test_a_long_attack_stays_one_episode() -> None:
    every_minute = at(*(minute * MINUTE for minute in range(24 * 60)))
    (episode,) = episodes(*every_minute)
    assert len(episode.events) == 24 * 60


def test_groups_are_counted_apart() -> None:
    one = [event(second, second, source_ip="192.0.2.1") for second in range(6)]
    two = [event(second, 50 + second, source_ip="192.0.2.2") for second in range(5)]
    (episode,) = episodes(*one, *two)
    assert episode.shown == (("IpAddress", "192.0.2.1"),)


def test_spellings_of_one_group_are_one_group() -> None:
    spellings = ["192.0.2.1", "::ffff:192.0.2.1"] * 3
    assert len(episodes(*(event(n, n, source_ip=text) for n, text in enumerate(spellings)))) == 1
    hosts = ["WS01", "ws01", "Ws01", "ws01", "WS01", "wS01"]
    (episode,) = episodes(*(event(n, n, client=text) for n, text in enumerate(hosts)))
    assert episode.shown == (("IpAddress", "WS01"),)


@pytest.mark.parametrize("values", [{"other": "x"}, {"source_ip": "-"}])
def test_events_without_a_group_value_belong_to_no_group(values: dict[str, str]) -> None:
    assert episodes(*(event(n, n, **values) for n in range(9))) == []


def test_an_event_with_two_values_counts_for_both_groups() -> None:
    both = [
        Event(entry.key, entry.time_ns, {"source.ip": ("192.0.2.1", "192.0.2.2")}, b"{}")
        for entry in at(*range(6))
    ]
    assert {episode.shown[0][1] for episode in episodes(*both)} == {"192.0.2.1", "192.0.2.2"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"source_ip": "10.0.0.5"}, {"client": "::ffff:10.0.0.5"}),
        ({"source_ip": "2001:DB8:0::1"}, {"client": "2001:db8::1"}),
        ({"source_ip": "10.0.0.5"}, {"source_ip": "10.0.0.5", "client": "::ffff:10.0.0.5"}),
        ({"source_ip": "10.0.0.5"}, {"source_ip": "-", "client": "10.0.0.5"}),
        ({"source_ip": "fe80::1"}, {"source_ip": "FE80::1%12"}),
        ({"client": "ÄRGER"}, {"client": "ärger"}),
    ],
)
def test_one_value_is_one_group_wherever_and_however_it_is_written(
    one: dict[str, str], other: dict[str, str]
) -> None:
    events = [event(second, second, **(one, other)[second % 2]) for second in range(6)]
    (group,) = correlated(*events).groups
    assert len(group.episodes) == 1
    assert len(group.events) == 6


def test_the_first_field_with_a_value_decides_the_group() -> None:
    # Two addresses of two fields are not two attackers: the profile names the better field first.
    (group,) = correlated(event(0, **{"source_ip": "10.0.0.5", "client": "10.0.0.6"})).groups
    assert group.key == (("IpAddress", "10.0.0.5"),)


THREE_FIELDS = replace(
    correlation(), group_by=tuple((name, {"base": (Field(name),)}) for name in ("b", "a", "c"))
)


def test_groups_are_known_by_the_names_of_their_fields() -> None:
    (group,) = correlated(event(0, a="1", b="2", c="3"), of=THREE_FIELDS).groups
    assert group.key == (("a", "1"), ("b", "2"), ("c", "3"))
    assert group.shown == (("b", "2"), ("a", "1"), ("c", "3"))


def many(*counts: int) -> Event:
    values = {
        name: tuple(str(number) for number in range(count))
        for name, count in zip("abc", counts, strict=True)
    }
    return replace(event(0), values=values, origin="events.ndjson:7")


def test_an_event_of_too_many_groups_is_put_aside_before_it_costs_anything() -> None:
    # 2,000 values in each of three fields would be 8,000,000,000 groups: a test that makes them
    # never ends.
    result = correlated(many(2000, 2000, 2000), event(1, a="1", b="2", c="3"), of=THREE_FIELDS)
    (finding,) = result.put_aside
    assert (finding.code, str(finding.location)) == ("S2H502", "events.ndjson:7")
    assert "more than 100 groups" in finding.message
    assert len(result.groups) == 1


@pytest.mark.parametrize(("counts", "groups"), [((4, 5, 5), 100), ((1, 1, 101), 0)])
def test_as_many_groups_as_a_log_can_mean_are_made(counts: tuple[int, ...], groups: int) -> None:
    assert len(correlated(many(*counts), of=THREE_FIELDS).groups) == groups


def test_an_event_that_two_rules_found_is_put_aside_once() -> None:
    fields = (Field("a"),)
    two = replace(
        correlation(), rules=("one", "two"), group_by=(("a", {"one": fields, "two": fields}),)
    )
    wide = replace(event(0), values={"a": tuple(map(str, range(500)))})
    assert len(correlate(two, [("one", wide), ("two", wide)]).put_aside) == 1


def test_matches_that_no_group_can_have_are_counted_by_rule_and_field() -> None:
    # One event twice counts once; one with all three fields is in a group.
    whole, lacking = event(0, a="1", b="2", c="3"), event(1, b="2")
    result = correlated(whole, lacking, lacking, event(2, a="1", b="2"), of=THREE_FIELDS)
    assert set(result.ungrouped) == {
        Ungrouped("c", "base", "a", 1),
        Ungrouped("c", "base", "c", 2),
    }


def test_without_group_by_all_events_are_one_group() -> None:
    hosts = (event(n, n, client=f"h{n}") for n in range(6))
    (episode,) = episodes(*hosts, of=correlation(group_by=False))
    assert episode.shown == ()


def test_a_range_needs_both_bounds() -> None:
    ranged = correlation(Bound(Operator.GT, 2), Bound(Operator.LT, 5))
    (episode,) = episodes(*at(0, 1, 2), of=ranged)
    assert episode.figure == 3
    assert episodes(*at(0, 1), of=ranged) == []


def _naive_firing_times(seconds: list[int]) -> list[int]:
    """Every event time at which the six-in-ten-minutes condition is met, counted the long way."""
    span = 10 * MINUTE
    return [
        moment
        for position, moment in enumerate(seconds)
        if sum(moment - span < other <= moment for other in seconds[: position + 1]) >= 6
    ]


@given(st.lists(st.integers(0, 2 * 60 * MINUTE), max_size=60))
def test_every_firing_lies_in_exactly_one_episode(seconds: list[int]) -> None:
    seconds.sort()
    found = episodes(*at(*seconds))
    for moment in _naive_firing_times(seconds):
        holders = [
            episode
            for episode in found
            if episode.events[0].time_ns <= moment * SECOND <= episode.events[-1].time_ns
        ]
        assert holders, f"{moment} fires and no episode has it"
    if not _naive_firing_times(seconds):
        assert found == []
    quiet = 10 * MINUTE * SECOND
    for earlier, later in itertools.pairwise(found):
        fired = min(
            moment * SECOND
            for moment in _naive_firing_times(seconds)
            if moment * SECOND > earlier.events[-1].time_ns
        )
        assert fired >= earlier.holds_until_ns + quiet
        assert later.events[-1].time_ns >= fired
