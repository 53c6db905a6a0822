"""The past of a correlation is fetched once, and what could not be fetched is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sigma2hive.cli.status import standing_as_json, standing_lines
from sigma2hive.clients.errors import IncompleteError
from sigma2hive.model.events import Event
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.service import Interval, Searched, SearchStatus, Step
from sigma2hive.model.times import render_time, shown_time
from sigma2hive.runner.correlating.trees import Tree
from sigma2hive.runner.querying import Window
from sigma2hive.runner.service.standing import standing_of
from tests.runner.correlating.world import (
    SECOND,
    START,
    WATERMARK,
    Service,
    compiled_from,
    joined,
    many,
    rule,
    seconds_of,
)

MANY = joined("many", "event_count", "failed", "condition: {gte: 3}")


class Past:
    """Events that happened before the service began, all of which meet the rule."""

    def __init__(self, events: list[Event], *, fails: bool = False) -> None:
        self.events, self.fails, self.asked = events, fails, list[Window]()

    def __call__(self, _: CompiledRule, __: Tree, window: Window) -> Iterator[Event]:
        self.asked.append(window)
        found = [e for e in self.events if window.start_ns <= e.time_ns < window.end_ns]
        yield from found[: len(found) // 2] if self.fails else found
        if self.fails:
            raise IncompleteError("1 of 2 shards failed", "look at the cluster")


def service_of(folder: Path, past: Past) -> Service:
    compiled, mappings = compiled_from(folder, rule("failed"), MANY)
    return Service(folder, compiled, mappings, since=1000, search=past)


def alerts(service: Service) -> list[list[float]]:
    due = service.store.due("sink", 2**62, 100)
    return sorted(seconds_of(entry.alert.events) for entry in due)


def note_of(service: Service) -> Any:
    ((_, note),) = service.store.notes().items()
    return note


def test_a_window_that_began_before_the_service_is_exact(tmp_path: Path) -> None:
    past = Past(many("failed", 0, 100, 200, 399, 950, 990))
    service = service_of(tmp_path, past)
    service.work(1000)
    assert alerts(service) == []
    service.record(many("failed", 1010), 1011)
    service.work(1010 + WATERMARK)
    assert alerts(service) == [[950, 990, 1010]]
    # It is asked for once, as far back as the window reaches, over restarts too.
    service.end()
    service.start()
    service.work(2000)
    assert past.asked == [Window(START + 400 * SECOND, START + 1000 * SECOND)]
    assert note_of(service) == {
        "blind": [],
        "exact_from_ns": START + 1000 * SECOND,
        "not_fetched": {},
    }
    service.end()


def test_what_cannot_be_fetched_is_told_and_tried_again(tmp_path: Path) -> None:
    past = Past(many("failed", 980, 990), fails=True)
    service = service_of(tmp_path, past)
    service.work(1000)
    service.work(1100)
    (leaf,) = service.compiled.correlations[0].leaves
    assert note_of(service)["not_fetched"] == {leaf: "1 of 2 shards failed"}
    assert note_of(service)["exact_from_ns"] == START + 1600 * SECOND
    status = standing_of(service.store, START + 1100 * SECOND)
    told = " ".join(line.strip() for line in standing_lines(status))
    assert f"exact from {shown_time(START + 1600 * SECOND)} on" in told
    assert [entry.rule_id for entry in status.blind_correlations] == [
        service.compiled.correlations[0].info.id
    ]
    assert not status.is_well
    assert f"{leaf}: 1 of 2 shards failed" in told
    service.record(many("failed", 1010), 1100)
    service.work(1200)
    assert alerts(service) == []
    past.fails = False
    service.work(1700)
    service.work(1700 + WATERMARK)
    assert len(past.asked) == 2
    assert alerts(service) == [[980, 990, 1010]]
    assert note_of(service)["not_fetched"] == {}
    assert not standing_of(service.store, START + 1800 * SECOND).blind_correlations
    service.end()


def test_a_gap_of_a_base_rule_makes_its_correlation_blind_there(tmp_path: Path) -> None:
    service = service_of(tmp_path, Past([]))
    gap = Interval(START + 1100 * SECOND, START + 1200 * SECOND)
    failed = Searched("u", "site-*", gap, SearchStatus.FAILED, "a shard failed", ("site-*",))
    service.store.commit(Step(searched=(failed,)))
    service.work(1300)
    ((told),) = note_of(service)["blind"]
    assert (told["start_ns"], told["end_ns"], told["reason"]) == (
        gap.start_ns,
        gap.end_ns,
        "a shard failed",
    )
    status = standing_of(service.store, START + 1300 * SECOND)
    assert "Correlations that do not see everything (1)" in list(standing_lines(status))
    assert all(len(line) <= 80 for line in standing_lines(status))
    assert not status.blind_correlations  # it is searched again
    ((shown),) = standing_as_json(status)["correlations"]  # type: ignore[misc]
    ((gap_shown),) = shown["gaps"]
    assert gap_shown["from"] == render_time(gap.start_ns)
    assert gap_shown["reason"] == "a shard failed"
    service.work(1900)
    assert note_of(service)["blind"] == []
    status = standing_of(service.store, START + 1900 * SECOND)
    assert "Correlations" not in " ".join(standing_lines(status))
    service.end()
