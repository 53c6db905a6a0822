"""Worked out bit by bit, correlations find what one pass over everything finds.

Events come in any order, as late as the watermark allows; cycles fall anywhere; the process dies at
any step and starts again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sigma2hive.model.events import Event
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.rules import Compiled
from sigma2hive.runner.correlating.windows import LEAST_KEPT
from tests.runner.correlating.world import (
    WATERMARK,
    KilledError,
    Service,
    compiled_from,
    event,
    joined,
    one_pass,
    rule,
)

MANY = joined("many", "event_count", "failed", "condition: {gte: 3}")
CHAIN = joined("chain", "temporal_ordered", "many, worked")
BY_HOST = MANY.replace("[user]", "[user, host]")
FILTER = (
    "title: Mute\nid: f0000000-0000-4000-8000-000000000001\nlogsource: {product: site}\n"
    "filter:\n    rules: [chain]\n    selection: {account: u1}\n    condition: not selection\n"
)
ALIASED = joined(
    "aliased",
    "temporal",
    "failed, worked",
    "aliases: {who: {failed: user, worked: account}}",
    group_by="who",
)
#: Correlations by what they show; the rules are failed, worked and sent.
CASES: Mapping[str, tuple[str, ...]] = {
    "event_count": (MANY,),
    "range": (joined("few", "event_count", "failed", "condition: {gte: 2, lte: 3}"),),
    "value_count": (
        joined("spray", "value_count", "failed", "condition: {field: account, gte: 3}"),
    ),
    "temporal": (joined("both", "temporal", "failed, worked"),),
    "temporal_ordered": (joined("order", "temporal_ordered", "failed, worked"),),
    "value_sum": (joined("sum", "value_sum", "sent", "condition: {field: bytes, gt: 20}"),),
    "value_avg": (joined("mean", "value_avg", "sent", "condition: {field: bytes, gte: 8}"),),
    "value_median": (joined("mid", "value_median", "sent", "condition: {field: bytes, gte: 8}"),),
    "value_percentile": (
        joined(
            "rank",
            "value_percentile",
            "sent",
            "condition: {field: bytes, gte: 8, percentile: 75}",
        ),
    ),
    "chain": (MANY, CHAIN),
    "chain that generates": (MANY, CHAIN.replace("timespan", "generate: true\n    timespan")),
    "chain that counts episodes": (
        BY_HOST,
        joined("spread", "event_count", "many", "condition: {gte: 2}"),
    ),
    "chain of chains": (MANY, CHAIN, joined("last", "temporal_ordered", "chain, sent")),
    "chain by another field": (MANY.replace("[user]", "[host]"), CHAIN),
    "chain with a filter": (MANY, CHAIN, FILTER),
    "aliases": (ALIASED,),
    "short": (joined("short", "event_count", "failed", "condition: {gte: 2}", timespan="30s"),),
}
#: Seconds from one event to the next, where several windows of 10 minutes have one.
CLOSE = (30, 100, 200, 310)
ACTIONS = ("failed", "failed", "worked", "sent")


@cache
def compiled_once(case: str) -> tuple[Compiled, Mappings]:
    rules = [rule(action) for action in ("failed", "worked", "sent")]
    with TemporaryDirectory() as name:
        return compiled_from(Path(name), *rules, *CASES[case])


@st.composite
def arrivals(draw: st.DrawFn, late_by: int = WATERMARK) -> list[tuple[float, Event]]:
    """Events, each with when it arrives: not later than the watermark, or than so many seconds."""
    found = []
    # Events as close as those of an attack, or with windows that end between them.
    apart = draw(st.sampled_from([(*CLOSE, 0, 1, 7, 599, 600, 601, 1300), CLOSE, (*CLOSE, 599)]))
    users = draw(st.sampled_from([["anna"], ["anna", "anna", "Anna", "ben"]]))
    actions = draw(st.sampled_from([ACTIONS, ("failed", *ACTIONS)]))
    count = draw(st.integers(1, 40))
    seconds = 0
    for number in range(count):
        seconds += draw(st.sampled_from(apart))
        values = {
            "user": draw(st.sampled_from(users)),
            "host": draw(st.sampled_from(["h1", "h2"])),
            "account": draw(st.sampled_from(["anna", "u1", "u2", "u3"])),
            "bytes": draw(st.sampled_from(["1", "5.5", "10", "12", "n/a"])),
        }
        action = draw(st.sampled_from(actions))
        late = draw(st.integers(0, late_by))
        found.append((seconds + late, event(seconds, action, number, **values)))
    return sorted(found, key=lambda arrival: arrival[0])


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=25, deadline=None, print_blob=True, phases=[Phase.explicit, Phase.generate])
@given(
    arriving=arrivals(),
    pauses=st.lists(st.sampled_from([20, 70, 400, 3000]), min_size=1, max_size=20),
    deaths=st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=3),
    # Every window is kept from cycle to cycle, or small ones are not, which is all of these.
    least_kept=st.sampled_from([1, LEAST_KEPT]),
)
def test_cycles_restarts_and_order_change_nothing(
    case: str,
    arriving: list[tuple[float, Event]],
    pauses: list[int],
    deaths: list[tuple[int, bool]],
    least_kept: int,
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        service = Service(folder, *compiled_once(case), least_kept=least_kept)
        waiting, left, now, number = list(arriving), list(deaths), 0.0, 0
        while waiting or now < arriving[-1][0] + 2 * WATERMARK:
            now += pauses[number % len(pauses)]
            number += 1
            come = [entry for at, entry in waiting if at <= now]
            waiting = waiting[len(come) :]
            for each in come:
                service.record([each], now)
            if left and not service.dies_in > 0:
                service.dies_in, service.dies_after = left.pop()
            try:
                service.work(now)
            except KilledError:
                service.end()
                service.start()
        service.dies_in = 0
        service.work(now + WATERMARK)
        found = service.told()
        ids = {entry.info.id for entry in service.compiled.correlations}
        assert ids
        expected = one_pass(service.compiled, service.mappings, [each for _, each in arriving])
        service.end()
        assert found == expected


@pytest.mark.parametrize(
    "case",
    ["event_count", "value_count", "temporal", "temporal_ordered", "short"],
)
@settings(max_examples=15, deadline=None, print_blob=True, phases=[Phase.explicit, Phase.generate])
@given(
    arriving=arrivals(late_by=5000),
    pauses=st.lists(st.sampled_from([20, 70, 400, 3000]), min_size=1, max_size=20),
    least_kept=st.sampled_from([1, LEAST_KEPT]),
)
def test_whatever_comes_late_nothing_is_missed(
    case: str, arriving: list[tuple[float, Event]], pauses: list[int], least_kept: int
) -> None:
    with TemporaryDirectory() as name:
        service = Service(Path(name), *compiled_once(case), least_kept=least_kept)
        waiting, now, number = list(arriving), 0.0, 0
        while waiting:
            now += pauses[number % len(pauses)]
            number += 1
            service.record([each for at, each in waiting if at <= now], now)
            waiting = [entry for entry in waiting if entry[0] > now]
            service.work(now)
        service.work(now + WATERMARK)
        service.work(now + 2 * WATERMARK)
        found = service.told()
        expected = one_pass(service.compiled, service.mappings, [each for _, each in arriving])
        service.end()
        # Of one episode there may be two alerts, and an alert may have more: see the documentation.
        assert {key for _, keys in found for key in keys} == {
            key for _, keys in expected for key in keys
        }
