"""Every kind of correlation: its own stories, and all of them held to a plain recount.

Correlations are by host over 10 minutes. Times are in seconds.
"""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.engine import CORRELATIONS
from sigma2hive.model.conditions import Operator
from sigma2hive.model.events import Event
from sigma2hive.model.matches import Lack, Ungrouped
from sigma2hive.model.rules import Bound, CompiledCorrelation, CorrelationKind
from tests.engine.correlation_cases import (
    BYTES,
    KINDS,
    SECOND,
    SPAN,
    USER,
    correlated,
    correlation,
    event,
    recount,
    told_by_engine,
)

GTE, GT, LT, NEQ = Operator.GTE, Operator.GT, Operator.LT, Operator.NEQ
VALUE_COUNT = correlation(CorrelationKind.VALUE_COUNT, values=(USER,))


def numeric(kind: str, *bounds: Bound, percentile: int | None = None) -> CompiledCorrelation:
    return correlation(CorrelationKind(kind), *bounds, values=(BYTES,), percentile=percentile)


def temporal(kind: str = "temporal", *bounds: Bound) -> CompiledCorrelation:
    return correlation(CorrelationKind(kind), *bounds, rules=("a", "b", "c"))


def figures(of: CompiledCorrelation, *events: Event) -> list[object]:
    return [episode.figure for episode in correlated(of, *(("base", e) for e in events)).episodes]


def users(*names: str) -> list[Event]:
    return [event(number, number, user=name) for number, name in enumerate(names)]


def numbers(*texts: str) -> list[Event]:
    return [event(number, number, bytes=text) for number, text in enumerate(texts)]


def met(*rules: str) -> list[tuple[str, Event]]:
    """One event a rule, a second apart."""
    return [(rule, event(number, number)) for number, rule in enumerate(rules)]


def test_there_is_a_tally_for_every_kind_of_sigma() -> None:
    assert set(CORRELATIONS) == set(CorrelationKind)


def test_different_values_count_in_any_letters_and_repeated_ones_do_not() -> None:
    assert figures(VALUE_COUNT, *users("anna", "ANNA", "Anna", "ben")) == []
    assert figures(VALUE_COUNT, *users("anna", "ANNA", "ben", "anna", "chen", "dora")) == [3]
    assert figures(VALUE_COUNT, *users("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2")) == []


def test_all_events_of_the_window_are_in_the_episode_those_that_repeat_a_value_too() -> None:
    found = correlated(
        VALUE_COUNT, *(("base", e) for e in users("a", "a", "a", "b", "c", "c", "a"))
    )
    (episode,) = found.episodes
    assert len(episode.events) == 7


def test_a_value_that_left_the_window_counts_no_more() -> None:
    early, late = event(0, 0, user="a"), [event(SPAN + n, n, user=n_) for n, n_ in ((0, "b"),)]
    assert figures(VALUE_COUNT, early, *late, event(SPAN + 1, 9, user="c")) == []
    assert figures(VALUE_COUNT, early, event(1, 1, user="b"), event(SPAN - 1, 2, user="c")) == [3]


def test_each_value_of_an_event_counts() -> None:
    assert figures(VALUE_COUNT, event(0, 0, user=("a", "b", "c"))) == [3]


def test_several_fields_count_as_what_they_are_together() -> None:
    both = correlation(CorrelationKind.VALUE_COUNT, values=(USER, BYTES))
    pairs = [("a", "1"), ("a", "2"), ("b", "1"), ("a", "1")]
    events = [event(n, n, user=user, bytes=number) for n, (user, number) in enumerate(pairs)]
    assert figures(both, *events) == [3]
    assert figures(both, *events[:2], events[3]) == []


def test_an_event_of_too_many_values_is_put_aside() -> None:
    many = event(0, 0, user=tuple(f"u{n}" for n in range(101)))
    found = correlated(VALUE_COUNT, ("base", many))
    assert [finding.code for finding in found.put_aside] == ["S2H502"]
    assert list(found.groups) == []
    hundred = event(0, 0, user=tuple(f"u{n}" for n in range(100)))
    assert figures(VALUE_COUNT, hundred) == [100]


def test_an_event_without_a_value_is_named_and_counts_for_nothing() -> None:
    found = correlated(VALUE_COUNT, *(("base", e) for e in [event(9, 9), *users("a", "b")]))
    assert found.ungrouped == (Ungrouped("c", "base", "user", 1, Lack.NO_VALUE),)
    assert [len(group.events) for group in found.groups] == [2]


def test_rules_met_in_any_order_fire_when_the_last_is_met() -> None:
    for order in ("abc", "cab", "bca", "cba"):
        (episode,) = correlated(temporal(), *met("a", *order)).episodes
        assert episode.figure == 3
        assert episode.fired_ns == (1 + max(order.index("b"), order.index("c"))) * SECOND
    assert not list(correlated(temporal(), *met("a", "b", "a", "b", "b")).episodes)


def test_one_event_may_meet_all_rules_and_still_is_one_event() -> None:
    found = correlated(temporal(), *((rule, event(0)) for rule in "abc"))
    (episode,) = found.episodes
    assert len(episode.events) == 1
    # One after the other it is not.
    assert not list(
        correlated(temporal("temporal_ordered"), *((rule, event(0)) for rule in "abc")).episodes
    )


def test_some_of_the_rules_are_enough_where_the_condition_says_so() -> None:
    two = Bound(GTE, 2)
    assert len(list(correlated(temporal("temporal", two), *met("a", "c")).episodes)) == 1
    assert len(list(correlated(temporal("temporal_ordered", two), *met("a", "c")).episodes)) == 1
    assert not list(correlated(temporal("temporal_ordered", two), *met("c", "a")).episodes)


@pytest.mark.parametrize(
    ("order", "fires"),
    [
        ("abc", True),
        ("aabbcc", True),
        ("acbc", True),
        ("cbabc", True),
        ("cba", False),
        ("bca", False),
        ("acb", False),
        ("abab", False),
    ],
)
def test_order_is_the_order_of_the_rules(order: str, fires: bool) -> None:
    ordered = temporal("temporal_ordered")
    assert bool(list(correlated(ordered, *met(*order)).episodes)) is fires


def test_a_first_step_that_left_the_window_begins_nothing() -> None:
    steps = [("a", event(0, 0)), ("b", event(300, 1)), ("c", event(SPAN, 2))]
    assert not list(correlated(temporal("temporal_ordered"), *steps).episodes)
    again = [*steps, ("a", event(200, 3))]
    (episode,) = correlated(temporal("temporal_ordered"), *again).episodes
    assert [entry.time_ns // SECOND for entry in episode.events] == [200, 300, SPAN]


def test_steps_of_different_groups_make_nothing_together() -> None:
    steps = [
        (rule, event(n, n, host=host))
        for n, (rule, host) in enumerate(zip("abc", "hhg", strict=True))
    ]
    assert not list(correlated(temporal("temporal_ordered"), *steps).episodes)


@pytest.mark.parametrize(
    ("of", "texts", "figure"),
    [
        (numeric("value_sum", Bound(GT, 1000)), ("400", "600", "0.5"), Fraction(2001, 2)),
        (numeric("value_sum", Bound(GT, 1000)), ("400", "600"), None),
        # A float would make 0.30000000000000004 of it.
        (numeric("value_sum", Bound(GT, Decimal("0.3"))), ("0.1", "0.2"), None),
        (numeric("value_sum", Bound(GTE, Decimal("0.3"))), ("0.1", "0.2"), Fraction(3, 10)),
        (numeric("value_sum", Bound(GT, 2**63)), (str(2**63), "1"), 2**63 + 1),
        (numeric("value_sum", Bound(GTE, -5), Bound(LT, -1)), ("-1", "-3"), -4),
        (numeric("value_avg", Bound(GT, 500)), ("1", "501", "998"), None),
        (numeric("value_avg", Bound(GT, 500)), ("1", "501", "1001"), Fraction(1503, 3)),
        (numeric("value_avg", Bound(GTE, 0), Bound(LT, 10)), ("20", "1", "1"), Fraction(22, 3)),
        (numeric("value_median", Bound(GT, 5)), ("1", "1", "9", "9", "9"), 9),
        (numeric("value_median", Bound(GTE, 5)), ("1", "9"), 5),
        (numeric("value_percentile", Bound(GTE, 9), percentile=50), ("1", "9", "11", "9"), 9),
        (numeric("value_percentile", Bound(GTE, 9), percentile=100), ("1", "9"), 9),
        (numeric("value_percentile", Bound(GTE, 2), percentile=0), ("3", "1"), 3),
        # 95 % of the way from rank 0 to rank 1.
        (
            numeric("value_percentile", Bound(GTE, 90), percentile=95),
            ("0", "100"),
            95,
        ),
        (numeric("value_sum", Bound(GTE, 30)), ("0x10", "14"), 30),
        (numeric("value_sum", Bound(GTE, 30)), ("0e999999", "1e300", "-1e300", "30"), 10**300),
        (numeric("value_avg", Bound(GTE, 0), Bound(LT, 1)), ("0e999999",), 0),
    ],
)
def test_numbers_are_exact(
    of: CompiledCorrelation, texts: tuple[str, ...], figure: Fraction | int | None
) -> None:
    assert figures(of, *numbers(*texts)) == ([] if figure is None else [figure])


def test_each_number_of_an_event_counts() -> None:
    of = numeric("value_sum", Bound(GTE, 10))
    assert figures(of, event(0, 0, bytes=("5", "5"))) == [10]


def test_what_is_no_number_is_named_and_counts_for_nothing() -> None:
    of = numeric("value_sum", Bound(GTE, 10))
    events = [
        *numbers("5", "n/a", "", "5"),
        event(20, 20, bytes=("many", "1")),
        event(21, 21, bytes="1e999999"),
        event(22, 22),
    ]
    found = correlated(of, *(("base", entry) for entry in events))
    assert set(found.ungrouped) == {
        # The first of them in time, whatever is read first.
        Ungrouped("c", "base", "bytes", 4, Lack.NO_NUMBER, "n/a"),
        Ungrouped("c", "base", "bytes", 1, Lack.NO_VALUE),
    }
    (episode,) = found.episodes
    assert (episode.figure, len(episode.events)) == (10, 3)
    assert correlated(of, *(("base", entry) for entry in reversed(events))).episodes
    assert set(correlated(of, *(("base", e) for e in reversed(events))).ungrouped) == set(
        found.ungrouped
    )


def test_an_average_that_rises_when_old_events_leave_holds_on_but_fires_at_events_only() -> None:
    of = numeric("value_avg", Bound(GT, 10))
    quiet = [event(0, 0, bytes="0"), event(1, 1, bytes="15")]
    # At second 600 the 0 leaves, and 15 is left: no event says so, and nothing fires.
    assert figures(of, *quiet) == []
    found = correlated(of, *(("base", e) for e in [*quiet, event(SPAN, 2, bytes="12")]))
    (episode,) = found.episodes
    assert episode.figure == Fraction(27, 2)
    # An episode under way goes on: 12 and 15 hold until 15 leaves, then 12 alone until it leaves.
    assert episode.holds_until_ns == 2 * SPAN * SECOND


def test_a_range_that_is_passed_and_reached_again_is_one_episode() -> None:
    of = correlation(CorrelationKind.EVENT_COUNT, Bound(GT, 2), Bound(LT, 5))
    found = correlated(of, *(("base", event(n, n)) for n in range(6)))
    (episode,) = found.episodes
    # Six are too many; from 601 s on four are left, from 603 s on two.
    assert (episode.figure, episode.holds_until_ns) == (3, 603 * SECOND)


TIMES = st.one_of(st.integers(0, 40), st.integers(0, 4 * SPAN))
VALUES = st.sampled_from(["0", "1", "2", "-3", "7", "0.5", "1000"])
EVENTS = st.lists(st.tuples(TIMES, st.sampled_from("abc"), VALUES, st.booleans()), max_size=14)
BOUNDS = st.lists(
    st.builds(
        Bound,
        st.sampled_from(Operator),
        st.one_of(st.integers(-2, 6), st.sampled_from([Decimal("0.5"), Decimal("2.25")])),
    ),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("kind", CorrelationKind)
@given(given_events=EVENTS, bounds=BOUNDS, percentile=st.integers(0, 100), order=st.randoms())
def test_every_kind_is_what_the_plain_recount_says_in_any_order_of_reading(
    kind: CorrelationKind,
    given_events: list[tuple[int, str, str, bool]],
    bounds: list[Bound],
    percentile: int,
    order: object,
) -> None:
    of = replace(KINDS[kind], bounds=tuple(bounds))
    if of.percentile is not None:
        of = replace(of, percentile=percentile)
    pairs = []
    for number, (seconds, rule, value, twice) in enumerate(given_events):
        found = event(seconds, number, user=value, bytes=value)
        met_rules = {rule, "a"} if twice else {rule}
        pairs += [(name, found) for name in met_rules if name in of.rules]
    expected = recount(of, pairs)
    assert told_by_engine(correlated(of, *pairs)) == expected
    shuffled = [*pairs, *pairs[:3]]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert told_by_engine(correlated(of, *shuffled)) == expected
