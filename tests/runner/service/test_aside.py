"""A document at which this program itself fails is put aside; all others are looked at, once."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.cli.status import standing_as_json, standing_lines
from sigma2hive.clock import FrozenClock
from sigma2hive.model.service import RecordedMatch, Step
from sigma2hive.runner.service import aside
from sigma2hive.runner.service.loop import Loop, LoopSettings
from sigma2hive.runner.service.metrics import Standings
from sigma2hive.runner.service.standing import Standing, standing_of
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.runner.service.test_loop import expected, found, logons, run_cycles, told
from tests.runner.service.world import LOGON, SECOND, SERVICE, START, Log, Site, event_of

NOW = START + 60 * SECOND


def loop_of(log: Log, store: SqliteStore, folder: Path) -> Loop:
    return Loop(Site(folder, log), store, FrozenClock(NOW), LoopSettings(10))


def all_but(log: Log, *numbers: int) -> set[tuple[str, str]]:
    gone = {f"site/{number}" for number in numbers}
    return {(rule, origin) for rule, origin in expected(log) if origin not in gone}


def figures(standing: Standing) -> dict[str, float]:
    """Return the metrics that have one figure."""
    return {
        family.name: family.samples[0].value
        for family in Standings(lambda: standing).collect()
        if len(family.samples) == 1
    }


def test_one_such_document_is_put_aside_and_told_and_the_rest_is_found(
    store: SqliteStore, tmp_path: Path
) -> None:
    log = Log([event_of(number, 7045) for number in range(20)], size=8, poison={5})
    (first, second) = run_cycles(loop_of(log, store, tmp_path), 2)
    assert found(store) == told(store) == all_but(log, 5)
    assert (first.message, first.events) == ("", 19)
    (finding,) = first.aside
    assert (finding.code, str(finding.location)) == ("S2H509", "site-1/5")
    assert "RecursionError: maximum recursion depth exceeded at 5" in finding.message
    assert not second.aside
    standing = standing_of(store, NOW + 20 * SECOND)
    assert not standing.blind  # all rules look on
    assert not standing.is_well
    text = " ".join(" ".join(standing_lines(standing)).split())
    assert "site-1/5" in text
    assert "S2H509: RecursionError: maximum recursion depth exceeded at 5" in text
    (shown,) = standing_as_json(standing)["put_aside"]  # type: ignore[misc]
    assert shown["index"] == "site-1"  # type: ignore[index]
    assert shown["_id"] == "5"  # type: ignore[index]
    assert figures(standing)["sigma2hive_put_aside_documents"] == 1
    # The rules that looked there have it among what they have not seen.
    assert all(entry.gaps for entry in standing.rules)


def test_it_asks_for_a_look_for_a_day(store: SqliteStore, tmp_path: Path) -> None:
    log = Log([event_of(0, 7045)], poison={0})
    loop = loop_of(log, store, tmp_path)
    loop.settings = LoopSettings(25 * 3_600)
    run_cycles(loop, 2)
    standing = standing_of(store, NOW + 25 * 3_600 * SECOND)
    assert (len(standing.put_aside), standing.is_well) == (1, True)


@settings(max_examples=30, deadline=None)
@given(
    poison=st.sets(st.integers(0, 24), max_size=12),
    size=st.integers(1, 25),
    tries=st.integers(8, 40),
)
def test_every_other_match_is_told_once_however_many_there_are(
    poison: set[int], size: int, tries: int
) -> None:
    log = Log([event_of(n, (4625, 7045, 4624)[n % 3]) for n in range(25)], size, poison=poison)
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(aside, "_MOST_TRIES", tries)
        store = SqliteStore(Path(name) / "state.db")
        store.open_sinks(["sink"])
        outcomes = run_cycles(loop_of(log, store, Path(name)), 13)
        assert not outcomes[-1].failed
        findings = [str(finding.location) for done in outcomes for finding in done.aside]
        assert sorted(findings) == sorted(f"site-1/{number}" for number in poison)
        assert found(store) == told(store) == all_but(log, *poison)
        store.close()


class Choosy(SqliteStore):
    """A store that fails at one event, as a mistake of ours in writing it would."""

    def commit(self, step: Step) -> None:
        if any(_is_strange(match) for match in step.matches):
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        super().commit(step)


def _is_strange(match: RecordedMatch) -> bool:
    return match.event.origin == "site/2"


def test_a_document_of_which_the_match_cannot_be_stored_is_put_aside(tmp_path: Path) -> None:
    store = Choosy(tmp_path / "state.db")
    store.open_sinks(["sink"])
    log = Log(logons(*range(4)), size=4)
    (outcome,) = run_cycles(loop_of(log, store, tmp_path), 1)
    assert found(store) == told(store) == all_but(log, 2)
    assert [str(finding.location) for finding in outcome.aside] == ["site-1/2"]
    store.close()


def test_one_that_is_read_again_is_not_told_again_and_found_by_a_version_that_can(
    store: SqliteStore, tmp_path: Path
) -> None:
    log = Log([event_of(0, 7045), event_of(1, 4625)], size=4, poison={1})
    loop = loop_of(log, store, tmp_path)
    run_cycles(loop, 1)
    # As a sweep does.
    store.forget([log.unit])
    (again,) = run_cycles(loop, 1)
    assert not again.aside
    assert not again.failed
    log.poison.clear()
    store.forget([log.unit])
    run_cycles(loop, 1)
    assert found(store) == told(store) == {(SERVICE, "site/0"), (LOGON, "site/1")}
