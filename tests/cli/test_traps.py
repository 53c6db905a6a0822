r"""Mistakes that programs like this one make, each with a rule and events that show it.

What is right follows from the Sigma specification. Every trap is decided by the reference
evaluator, by the engine, by `run --events` and by `sigma2hive test`, all rules on all events
together, so that one rule or event cannot mislead another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main
from sigma2hive.engine import Columns, Engine, matches
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.model.events import Event
from sigma2hive.sources import batch_of, read_events
from sigma2hive.workflows.explain import source_options
from sigma2hive.workflows.project import Project, ProjectOptions, load_project

SITE = """\
profile: site
title: A site's own
field_types: {Address: ip}
logsources:
    - {product: windows, service: security, indices: [site-*], keyword_fields: ['*']}
"""
BOTH = ("site", "windows-flat")
Json = dict[str, Any]


@dataclass(frozen=True)
class Trap:
    """A detection, events that meet it, and events that do not."""

    name: str
    detection: str
    met: tuple[Json, ...]
    unmet: tuple[Json, ...]
    profiles: tuple[str, ...] = BOTH

    @property
    def rule_id(self) -> str:
        return str(uuid5(NAMESPACE_OID, self.name))


def trap(name: str, items: str, met: list[Json], unmet: list[Json], *profiles: str) -> Trap:
    """One selection that is the condition, or a whole detection."""
    whole = items if "condition:" in items else f"selection: {items}\ncondition: selection"
    return Trap(name, whole, tuple(met), tuple(unmet), profiles or BOTH)


def values(name: str, *texts: object) -> list[Json]:
    return [{name: text} for text in texts]


def raw(data: object, **system: object) -> Json:
    return {"Event": {"System": {"Channel": "Security", "EventID": 1, **system}, "EventData": data}}


DASHES = "-/\u2013\u2014\u2015"
TRAPS = [
    trap("a field that no event has", "{Nowhere: x}", [], values("A", "x")),
    trap(
        "a field that no event has beside one that some have",
        "[{Nowhere: x}, {A: besides}]",
        values("A", "besides"),
        values("A", "x"),
    ),
    trap(
        "an exception by a field that no event has",
        "selection: {A: except}\nfilter: {Nowhere: x}\ncondition: selection and not filter",
        values("A", "except"),
        values("A", "x"),
    ),
    trap(
        "an exception by a field that some events lack",
        "selection: {A: lacking}\nfilter: {B: b}\ncondition: selection and not filter",
        [{"A": "lacking"}, {"A": "lacking", "B": "c"}, {"A": "lacking", "B": None}],
        [{"A": "lacking", "B": "b"}],
    ),
    trap(
        "EventData without names",
        "{Data|contains: unnamed}",
        [raw({"Data": ["one", "an unnamed value"]}), raw({"Data": "UNNAMED"})],
        [raw({"Data": ["one", "two"]}), raw({"Other": "unnamed"})],
        "windows-flat",
    ),
    trap(
        "EventData without names, as lines of converters have it",
        "{Data|contains: without}",
        values("Data", ["one", "without a name"], "without"),
        [{"Data": ["one"]}, {"Other": "without"}],
    ),
    trap(
        "keywords",
        "keywords: [needle, 'two words']\ncondition: keywords",
        [{"Any": "hay NEEDLE hay"}, {"Deep": {"er": ["x", "two words"]}}],
        [{"Any": "need le"}, {"needle": "only a name"}, {"Any": "two", "Other": "words"}],
    ),
    trap(
        "all keywords",
        "keywords: {'|all': [first, second]}\ncondition: keywords",
        [{"A": "first and second"}, {"A": "first", "B": "second"}],
        values("A", "first", "second"),
    ),
    trap("an empty string", "{Void: ''}", values("Void", ""), [{"Void": None}, {"A": 1}], "site"),
    trap(
        "null",
        "{A: isnull, Void: null}",
        [{"A": "isnull"}, {"A": "isnull", "Void": None}, {"A": "isnull", "Void": []}],
        [{"A": "isnull", "Void": ""}, {"A": "isnull", "Void": "x"}, {"A": "isnull", "Void": 0}],
        "site",
    ),
    trap(
        "an empty string where Windows writes it for nothing",
        "{A: isempty, Void: ''}",
        [{"A": "isempty", "Void": ""}, {"A": "isempty"}],
        [{"A": "isempty", "Void": "x"}],
        "windows-flat",
    ),
    trap(
        "a boolean written as text",
        "{Initiated: 'true'}",
        values("Initiated", True, "true", "True"),
        values("Initiated", False, "false", 1, "truer"),
    ),
    trap(
        "a boolean",
        "{Signed: false}",
        values("Signed", False, "false", "FALSE"),
        values("Signed", True, "true", 0, ""),
    ),
    trap("no trailing blank", "{Blank: x}", values("Blank", "x"), values("Blank", "x ", " x")),
    trap("a trailing blank", "{Blanks: 'x '}", values("Blanks", "x "), values("Blanks", "x")),
    trap(
        "a trailing blank of endswith",
        "{End|endswith: 'cmd.exe '}",
        values("End", r"C:\cmd.exe "),
        values("End", r"C:\cmd.exe"),
    ),
    trap(
        "a trailing backslash",
        "{Folder: 'C:\\'}",
        values("Folder", "c:\\"),
        values("Folder", "c:", "c:\\x"),
    ),
    trap(
        "an escaped backslash",
        r"{Path|endswith: '\\srv'}",
        values("Path", r"a\srv"),
        values("Path", "srv", r"a\srv\x"),
    ),
    trap(
        "a backslash before a wildcard",
        r"{Below: 'C:\\*'}",
        values("Below", "C:\\", r"C:\x"),
        values("Below", "C:*", "C:"),
    ),
    trap(
        "an escaped asterisk",
        r"{Star: 'a\*c'}",
        values("Star", "a*c"),
        values("Star", "abc", r"a\*c", r"a\bc"),
    ),
    trap(
        "an escaped question mark",
        r"{Asked: 'a\?c'}",
        values("Asked", "A?C"),
        values("Asked", "abc", r"a\?c"),
    ),
    trap(
        "windash in all forms",
        "{Line|windash|contains: ' -enc '}",
        values("Line", *(f"powershell {dash}ENC x" for dash in DASHES)),
        values("Line", "powershell enc x", "powershell +enc x", "powershell --enc x"),
    ),
    trap(
        "windash with all",
        "{Lines|windash|contains|all: [' -a ', ' -b ']}",
        values("Lines", "x /a \u2013b ", "x -a -a -b "),
        values("Lines", "x /a /a "),
    ),
    trap(
        "cidr",
        "{Source|cidr: [10.0.0.0/8, 'fe80::/10']}",
        values("Source", "10.1.2.3", "fe80::1", "febf::1"),
        values("Source", "110.1.2.3", "10.1.2.3.example", "10.1.2", "fec0::1", "-", ""),
    ),
    trap(
        "cidr in a field of addresses",
        "{Address|cidr: 10.0.0.0/8}",
        values("Address", "10.255.255.255", "::ffff:10.1.2.3"),
        values("Address", "11.0.0.0", "::10.1.2.3"),
    ),
    trap(
        "re",
        "{Sensitive|re: 'wh.ami'}",
        values("Sensitive", "xwhoamix"),
        values("Sensitive", "WHOAMI"),
    ),
    trap(
        "re without letter case",
        "{Insensitive|re|i: '^wh.am[i]$'}",
        values("Insensitive", "whoami", "WHOAMI"),
        values("Insensitive", "xwhoami", "wh\nami"),
    ),
    trap(
        "a field of another field's value",
        "{Left|fieldref: Right}",
        [
            {"Left": "a", "Right": "A"},
            {"Left": ["b", "c"], "Right": "c"},
            {"Left": 7, "Right": "7"},
        ],
        [{"Left": "a", "Right": "b"}, {"Left": "Right"}, {"Right": "a"}, {"A": "neither"}],
    ),
    trap(
        "a field that begins with another's value",
        "{Whole|fieldref|startswith: Begin}",
        [{"Whole": r"C:\Tools\a.exe", "Begin": r"c:\tools"}],
        [{"Whole": "a*", "Begin": "*b"}, {"Whole": "abc", "Begin": "bc"}, {"Whole": "abc"}],
    ),
    trap(
        "names that differ in letter case only",
        "{Image: upper}",
        [{"Image": "upper"}, {"Image": "UPPER", "image": "x"}],
        [{"image": "upper"}, {"IMAGE": "upper"}, {"Image": "x", "image": "upper"}],
    ),
    trap(
        "the same names the other way round",
        "{image: lower}",
        [{"image": "lower"}, {"image": "lower", "Image": "x"}],
        [{"Image": "lower"}, {"image": "x", "Image": "lower"}],
    ),
    trap("one of two rules alike", "{Twin: x}", values("Twin", "x"), values("Twin", "y")),
    trap("the other of two rules alike", "{Twin: x}", values("Twin", "X"), values("Twin", "z")),
]


def rule_of(entry: Trap) -> str:
    """The text of a rule with its tests; all of them are in files of one name."""
    indented = "\n".join(f"    {line}" for line in entry.detection.splitlines())
    tests = [
        {"match": is_match, "events": list(events)}
        for is_match, events in ((True, entry.met), (False, entry.unmet))
        if events
    ]
    return (
        f"title: {json.dumps(entry.name)}\nid: {entry.rule_id}\nlevel: low\n"
        f"logsource: {{product: windows, service: security}}\ndetection:\n{indented}\n"
        f"sigma2hive: {{tests: {json.dumps(tests)}}}\n"
    )


@dataclass(frozen=True)
class World:
    """What each way to decide found: rule id → places of events."""

    places: dict[str, list[int]]
    by: dict[str, dict[str, set[int]]]
    tests: dict[str, Json]


def dated(event: Json, number: int) -> Json:
    """The event with a time that no other has, and in the log that the rules are about."""
    time = f"2026-11-20T{number // 60:02}:{number % 60:02}:00.000Z"
    if "Event" in event:
        system = {**event["Event"]["System"], "TimeCreated": {"#attributes": {"SystemTime": time}}}
        return {"Event": {**event["Event"], "System": system}}
    return {"@timestamp": time, "Channel": "Security", **event}


@pytest.fixture(scope="module", params=BOTH)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """All traps of a profile, decided in every way."""
    folder = tmp_path_factory.mktemp("traps")
    (folder / "mappings" / "schemas").mkdir(parents=True)
    (folder / "mappings" / "schemas" / "site.yml").write_text(SITE)
    (folder / "sigma2hive.yml").write_text(f"profile: {request.param}\n")
    chosen = [entry for entry in TRAPS if request.param in entry.profiles]
    events: list[Json] = []
    places: dict[str, list[int]] = {}
    for number, entry in enumerate(chosen):
        file = folder / "sigma_rules" / str(number) / "rule.yml"
        file.parent.mkdir(parents=True)
        both = [*entry.met, *entry.unmet]
        places[entry.rule_id] = list(range(len(events), len(events) + len(both)))
        file.write_text(rule_of(entry), "utf-8")
        events += both
    lines = [json.dumps(dated(event, number)) for number, event in enumerate(events)]
    (folder / "events.ndjson").write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        project = load_project(ProjectOptions(folder))
        assert not project.findings.errors, [entry.message for entry in project.findings]
        read = list(read_events([folder / "events.ndjson"], source_options(project)))
        assert all(isinstance(entry, Event) for entry in read)
        found = [entry for entry in read if isinstance(entry, Event)]
        by = {
            "reference": by_reference(project, found),
            "engine": by_engine(project, found),
            "run": by_run(),
        }
        told = CliRunner().invoke(main, ["test", "--json"]).stdout
        tests = {rule["id"]: rule for rule in json.loads(told)["rules"]}
        yield World(places, by, tests)


def by_reference(project: Project, events: list[Event]) -> dict[str, set[int]]:
    return {
        rule.info.id: {number for number, event in enumerate(events) if matches(rule, event)}
        for rule in project.compiled.rules
    }


def by_engine(project: Project, events: list[Event]) -> dict[str, set[int]]:
    rows = batch_of(events)
    columns = Columns(rows.documents, rows.values_of)
    rules = project.compiled.rules
    return {
        rules[hits.rule].info.id: set(rows_of(hits.rows)) for hits in Engine(rules).hits_in(columns)
    }


def by_run() -> dict[str, set[int]]:
    arguments = ["run", "--once", "--dry-run", "--json", "--events", "events.ndjson"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["left_out"] == 0
    found: dict[str, set[int]] = {}
    for alert in told["alerts"]:
        hours, minutes = alert["date"][11:16].split(":")
        found.setdefault(alert["rule_id"], set()).add(int(hours) * 60 + int(minutes))
    return found


@pytest.mark.parametrize("entry", TRAPS, ids=lambda entry: entry.name)
@pytest.mark.parametrize("way", ["reference", "engine", "run"])
def test_a_trap_is_none(world: World, entry: Trap, way: str) -> None:
    if entry.rule_id not in world.places:
        pytest.skip("the profile decides otherwise, as another trap says")
    own = world.places[entry.rule_id]
    found = world.by[way].get(entry.rule_id, set())
    assert [number in found for number in own] == [True] * len(entry.met) + [False] * len(
        entry.unmet
    )


@pytest.mark.parametrize("entry", TRAPS, ids=lambda entry: entry.name)
def test_a_trap_is_none_where_rules_are_tested(world: World, entry: Trap) -> None:
    if entry.rule_id not in world.places:
        pytest.skip("the profile decides otherwise, as another trap says")
    tests = world.tests[entry.rule_id]["tests"]
    assert len(tests) == bool(entry.met) + bool(entry.unmet)
    assert [(test["outcome"], test["failures"]) for test in tests] == [("passed", [])] * len(tests)


def test_rules_alike_are_two_rules(world: World) -> None:
    one, other = (
        entry.rule_id for entry in TRAPS if entry.detection.startswith("selection: {Twin")
    )
    for found in world.by.values():
        assert len(found[one]) == 2
        assert found[one] == found[other]
