"""What is kept of a repository is never stale: after any edits it is what a fresh start makes."""

from __future__ import annotations

import gc
import os
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma2hive.compiler import Compiling
from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.engine import Columns, Engine
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.rules import RuleHead
from sigma2hive.model.values import flatten
from sigma2hive.runner.matching import Matcher
from sigma2hive.sources import batch_of
from sigma2hive.workflows.project import Project, ProjectOptions, load_project
from sigma2hive.workflows.store import without_collection
from tests.several_cores import share_among_three
from tests.workflows import edits

_NUMBERED = """
title: Number {number}
id: 5b5f1d2e-0000-4000-8000-{number:012}
status: test
level: low
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{Image|endswith: '\\numbered{number}.exe'}}
  condition: selection
"""

EVENTS = [flatten(event) for event in edits.EVENTS]


@contextmanager
def cache(where: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", where)
        yield


def shown(folder: Path, profile: str, *, with_repository: bool = False) -> list[str]:
    """All that a start says and knows, and what its rules find, as text."""
    options = ProjectOptions(folder, profile=profile, with_repository=with_repository)
    try:
        project = load_project(options)
    except ConfigurationError as error:
        return [repr(finding) for finding in error.diagnostics]
    compiled = project.compiled
    # Heads first: once a rule was read whole, that is its head.
    heads = list(map(_said_by, compiled.heads))
    assert heads == list(map(_said_by, compiled.rules))
    return [
        *map(repr, project.findings),
        *map(repr, compiled.rules),
        *map(repr, compiled.correlations),
        repr((compiled.ids, compiled.left_out, project.left_out)),
        repr((project.profile, project.mappings)),
        repr(project.repository),
        *map(repr, _hits(project)),
    ]


def _said_by(rule: RuleHead) -> object:
    return repr((rule.info, rule.logsource, rule.indices, rule.fields, rule.silent))


def _hits(project: Project) -> list[object]:
    columns = Columns(EVENTS, EVENTS.__getitem__)
    return list(Engine(project.compiled.rules, project.program).hits_in(columns))


@given(st.lists(edits.steps(), min_size=1, max_size=8))
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_after_any_edits_what_is_kept_says_what_a_fresh_start_says(
    steps: list[edits.Step],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "repository")
        edits.write_first(folder)
        for step in steps:
            step.apply(folder)
            with cache(f"{name}/cache"):
                kept = shown(folder, step.profile, with_repository=step.with_repository)
            with cache("nowhere"):  # no absolute path, so nothing is kept
                fresh = shown(folder, step.profile, with_repository=step.with_repository)
            assert kept == fresh


@pytest.mark.parametrize("changed", ["rule", "filter", "placeholder", "mapping", "nothing"])
def test_a_change_costs_what_it_touches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    folder = tmp_path / "repository"
    edits.write_first(folder)
    compiled: list[str] = []
    add = Compiling.add

    def noted(self: Compiling, rule: object, filters: object) -> object:
        compiled.append(rule.info.title)  # type: ignore[attr-defined]
        return add(self, rule, filters)  # type: ignore[arg-type]

    monkeypatch.setattr(Compiling, "add", noted)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load_project(ProjectOptions(folder, profile="windows-flat"))
    assert len(compiled) == edits.RULES
    compiled.clear()
    touched = {
        "rule": ["Whoami"],
        "filter": ["Whoami"],
        "placeholder": ["Placeholders"],
        "mapping": [],
        "nothing": [],
    }
    edits.touch(folder, changed)
    load_project(ProjectOptions(folder, profile="windows-flat"))
    assert compiled == touched[changed]


#: An exception that ends: the day is a part of what is kept.
_ENDING = """\
title: Lab
id: 22222222-2222-4222-8222-222222222222
logsource: {product: windows, category: process_creation}
filter:
    rules: [whoami]
    lab: {Computer: lab}
    condition: not lab
sigma2hive:
    exception: {owner: somebody, ticket: SOC-1, expires: 2999-12-31}
"""


@pytest.mark.parametrize("has_exception", [False, True])
def test_where_nothing_changed_nothing_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_exception: bool
) -> None:
    folder = tmp_path / "repository"
    edits.write_first(folder)
    if has_exception:
        (folder / "sigma_rules/ending.yml").write_text(_ENDING, encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = ProjectOptions(folder, profile="windows-flat")
    first = load_project(options)
    assert bool(first.exceptions.in_force) == has_exception

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("it was made again")

    monkeypatch.setattr("sigma2hive.workflows.making.make", fail)
    again = load_project(options)
    assert (again.exceptions, again.findings.found) == (first.exceptions, first.findings.found)


def test_of_rules_that_are_met_only_the_heads_are_read_where_nobody_asks_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repository"
    edits.write_first(folder)
    # What a filter takes away is told with the filter, which is read with the rule.
    (folder / "sigma_rules/filter.yml").unlink()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load_project(ProjectOptions(folder, profile="windows-flat"))
    again = load_project(ProjectOptions(folder, profile="windows-flat"))

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a rule was read whole")

    monkeypatch.setattr("sigma2hive.workflows.store.stored_rules.rule_in", fail)
    matcher = Matcher(again.compiled, is_explained=False, program=again.program)
    key = EventKey(EventKeyKind.CONTENT, ("0", "0"))
    events = [Event(key, 0, values, b"{}") for values in EVENTS]
    titles = {match.rule.title for match in matcher.matches_of(batch_of(events))}
    assert "Whoami" in titles
    explaining = Matcher(again.compiled, program=again.program)
    with pytest.raises(AssertionError, match="whole"):
        list(explaining.matches_of(batch_of(events)))


def test_another_profile_reads_no_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repository"
    edits.write_first(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load_project(ProjectOptions(folder, profile="windows-flat"))

    def fail(*_: object) -> None:
        raise AssertionError("a file was read again")

    monkeypatch.setattr("sigma2hive.workflows.store.reading.parse_rule_file", fail)
    assert len(load_project(ProjectOptions(folder, profile="winlogbeat")).compiled.rules)


@pytest.mark.parametrize("is_shared", [False, True])
def test_the_first_start_reads_each_rule_file_once_and_the_next_ones_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_shared: bool
) -> None:
    folder = tmp_path / "repository"
    edits.write_first(folder)
    for number in range(40):
        text = _NUMBERED.format(number=number)
        (folder / f"sigma_rules/numbered{number}.yml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if is_shared:
        share_among_three(monkeypatch)
    # Files that were written a moment ago are read again.
    clock = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: clock() + 10_000_000_000)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a file was read again")

    monkeypatch.setattr("sigma2hive.workflows.store.known_keys.content_of", fail)
    first = load_project(ProjectOptions(folder, profile="windows-flat"))
    monkeypatch.setattr("sigma2hive.workflows.store.reading.read_content", fail)
    other = load_project(ProjectOptions(folder, profile="winlogbeat"))
    monkeypatch.setattr("sigma2hive.workflows.making.make", fail)
    again = load_project(ProjectOptions(folder, profile="windows-flat"))
    assert again.compiled.ids == first.compiled.ids
    assert len(other.compiled.ids) >= 40


def test_a_rule_file_that_changes_in_the_first_start_is_read_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repository"
    edits.write_first(folder)
    rule = folder / "sigma_rules/numbered.yml"
    rule.write_text(_NUMBERED.format(number=1), encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    add = Compiling.add

    def edited_meanwhile(self: Compiling, *given: object) -> object:
        rule.write_text(_NUMBERED.format(number=2), encoding="utf-8")
        return add(self, *given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiling, "add", edited_meanwhile)
        load_project(ProjectOptions(folder, profile="windows-flat"))
    after = load_project(ProjectOptions(folder, profile="windows-flat"))
    titles = [entry.info.title for entry in after.compiled.rules]
    assert "Number 2" in titles
    assert "Number 1" not in titles


def test_a_file_that_changes_while_it_is_read_is_not_taken_for_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repository"
    edits.write_first(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    add = Compiling.add

    def edited_meanwhile(self: Compiling, rule: object, filters: object) -> object:
        edits.touch(folder, "mapping")
        return add(self, rule, filters)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiling, "add", edited_meanwhile)
        before = load_project(ProjectOptions(folder, profile="windows-flat"))
    after = load_project(ProjectOptions(folder, profile="windows-flat"))
    assert before.mappings.alerts.settings.tlp != after.mappings.alerts.settings.tlp


def test_the_folder_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "repository"
    edits.write_first(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "sigma2hive"
    abandoned = kept / ".new-abandoned"
    kept.mkdir(parents=True)
    abandoned.touch()
    os.utime(abandoned, (0, 0))
    for number in range(15):
        rules = (folder / "sigma_rules", folder / f"more{number}")
        rules[1].mkdir()
        load_project(ProjectOptions(folder, rules=rules))
    names = [path.suffix for path in kept.iterdir()]
    assert set(names) == {".made", ".read"}
    assert names.count(".made") == 12
    assert names.count(".read") <= 12


def test_what_a_service_no_longer_needs_is_collected_though_it_loads_its_rules_again() -> None:
    class Version:
        """What the rules were before; as alert builders do, it knows a method of its own."""

        def __init__(self) -> None:
            self.look = self.close

        def close(self) -> None:
            raise NotImplementedError

    try:
        with without_collection():
            version = Version()
        with without_collection():
            again = Version()
        left = weakref.ref(again)
        del again
        with without_collection():
            assert version
        gc.collect()
        assert left() is None
    finally:
        gc.unfreeze()
