"""Tests of rules: `NAME.test.yaml` (or `.yml`) beside a rule, `tests` in its own attribute.

Takes paths and the rules that were read from them; gives `RuleTest`s. What is wrong is a finding,
and the rest goes on. Reads no event: paths of event files are checked and kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.mapping_reading import PAP_NAMES, SEVERITY_NAMES, TLP_NAMES
from sigma2hive.model.rule_tests import Count, RuleTest, Sample, WantedAlert
from sigma2hive.model.rules import RuleInfo, place_of
from sigma2hive.model.scalars import address_of
from sigma2hive.model.shapes import Shape
from sigma2hive.records import dataclass
from sigma2hive.repository.rule_files import shown_path
from sigma2hive.yamlmarks import parse_yaml, read_content

CODE = "S2H230"
SUFFIXES = (".test.yml", ".test.yaml")
_KEYS = ("name", "rule", "events", "match", "alert", "alerts")
_ALERT_KEYS = (
    *("title", "severity", "tlp", "pap", "case_template", "assignee", "events", "contains"),
    *("tags", "techniques", "observables", "no_observables", "custom_fields"),
)
_MOST = 1_000_000
_PLACED = re.compile(r"(?P<path>.+)(?P<place>[:#][1-9][0-9]{0,18})", re.DOTALL)
_NO_ADDRESS = "write an address; names of hosts are of the types hostname and fqdn"
_ROOT_MARKS = ("sigma2hive.yml", ".git")


@dataclass(frozen=True, slots=True)
class Where:
    """Where events may be: `folder` is what paths count from, `root` what they must stay in."""

    folder: Path
    root: Path
    diagnostics: Diagnostics


def load_tests(
    paths: Sequence[Path], root: Path, infos: Sequence[RuleInfo], diagnostics: Diagnostics
) -> list[RuleTest]:
    """Return the tests of the rules, in the order of the rules' paths.

    `infos` are all rules that were read, those that a profile has no place for among them.
    """
    by_path: dict[str, list[RuleInfo]] = {}
    for info in infos:
        by_path.setdefault(info.location.path, []).append(info)
    files = {shown_path(file, root): file for file in test_files(paths)}
    found = [
        test
        for info in infos
        for test in _inline_tests(info, _file_of(info, root), root, diagnostics)
    ]
    for shown, file in sorted(files.items()):
        stem = next(shown.removesuffix(end) for end in SUFFIXES if shown.endswith(end))
        rules = [info for end in (".yml", ".yaml") for info in by_path.get(stem + end, ())]
        found += _tests_of_file(file, shown, rules, root, diagnostics)
    return found


def test_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of tests in folders, and beside files of rules."""
    for path in paths:
        if path.is_dir():
            for where, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                # A folder that is called so is told where it is read, not passed over.
                yield from (
                    Path(where, name)
                    for name in sorted((*names, *folders))
                    if name.endswith(SUFFIXES) and name[0] != "."
                )
        else:
            beside = (path.with_name(path.stem + end) for end in SUFFIXES)
            yield from (file for file in beside if file.exists())


def read_tests(shape: Shape, where: Where, rules: Sequence[RuleInfo]) -> list[RuleTest]:
    """Return the tests of the list `tests`; `rules` are those that they may be about."""
    found = []
    names: set[tuple[str, str]] = set()
    for number, child in enumerate(shape.children("tests"), 1):
        mark = len(where.diagnostics.errors)
        test = _read_test(child, where, rules, f"test {number}")
        if test is not None and (test.rule_id, test.name) in names:
            place, hint = child.place("name"), "give each its own: reports tell them by it"
            message = f"another test of the rule is called '{test.name}', too"
            where.diagnostics.warning(CODE, place, message, hint)
        if test is not None:
            names.add((test.rule_id, test.name))
        if test is not None and len(where.diagnostics.errors) == mark:
            found.append(test)
    return found


def sample_of(text: str, where: Where, place: Location, code: str = CODE) -> Sample | None:
    """Return the events of a path: `FILE`, `FILE:LINE` or `FILE#RECORD`; None with a finding."""
    placed = _PLACED.fullmatch(text)
    name, one = (placed["path"], placed["place"]) if placed is not None else (text, "")
    path = where.folder / name.replace("\0", "")
    real, inside = os.path.realpath(path), os.path.realpath(where.root)
    if os.path.commonpath([real, inside]) != inside:
        # A rule of somebody else's must not make a test print any file of this machine.
        where.diagnostics.error(
            code,
            place,
            f"the events {text} lie outside of the repository",
            "put them into it, and name them from the test's folder",
        )
        return None
    if not os.path.exists(real):  # noqa: PTH110
        where.diagnostics.error(
            code, place, f"there are no events at {text}", "name them from the test's folder"
        )
        return None
    shown = shown_path(Path(os.path.normpath(path)), where.root)
    return Sample(shown + one, path, one)


def _file_of(info: RuleInfo, root: Path) -> Path:
    """Return the file of a rule; its place is from the root, or where it lies outside as typed."""
    inside = root / info.location.path
    return inside if inside.exists() else Path.cwd() / info.location.path


def _root_for(file: Path, root: Path) -> Path:
    """Return what event paths must stay in: the repository that the file is in.

    Outside of ours that is the nearest folder above with settings or of a Git repository.
    """
    absolute = Path(os.path.realpath(file))
    if absolute.is_relative_to(os.path.realpath(root)):
        return root
    for folder in absolute.parents:
        if any(os.path.lexists(folder / mark) for mark in _ROOT_MARKS):
            return folder
    return absolute.parent


def _inline_tests(
    info: RuleInfo, file: Path, root: Path, diagnostics: Diagnostics
) -> list[RuleTest]:
    if "tests" not in info.custom:
        return []

    def at(*keys: str | int) -> Location:
        return place_of(info.custom_places, keys) or info.location

    shape = Shape({"tests": info.custom["tests"]}, at, diagnostics, CODE)
    where = Where(file.parent, _root_for(file, root), diagnostics)
    return read_tests(shape, where, [info])


def _tests_of_file(
    file: Path, shown: str, rules: Sequence[RuleInfo], root: Path, diagnostics: Diagnostics
) -> Iterator[RuleTest]:
    if not rules:
        is_there = any(_beside(file, end).exists() for end in (".yml", ".yaml"))
        message = "there is no rule beside this file that it could test"
        hint = "name it as the rule's file: RULE.test.yaml"
        if is_there:
            message = "the rule that this file tests cannot be used"
            hint = "what is wrong with the rule is told above"
        diagnostics.error(CODE, Location(shown), message, hint)
        return
    content = read_content(file, shown, diagnostics, if_larger="put events into files of their own")
    for document in parse_yaml(shown, content, diagnostics) if content is not None else ():
        if not isinstance(document.value, Mapping):
            diagnostics.error(
                CODE, document.at(), "a file of tests is a map", "start with `tests:`"
            )
            continue
        shape = Shape(document.value, document.at, diagnostics, CODE)
        shape.allow(("tests",))
        yield from read_tests(shape, Where(file.parent, _root_for(file, root), diagnostics), rules)


def _beside(file: Path, ending: str) -> Path:
    """Return the file of rules that a file of tests belongs to."""
    stem = next(file.name.removesuffix(end) for end in SUFFIXES if file.name.endswith(end))
    return file.with_name(stem + ending)


def _read_test(
    shape: Shape, where: Where, rules: Sequence[RuleInfo], default_name: str
) -> RuleTest | None:
    shape.allow(_KEYS)
    rule = _rule_of(shape, rules)
    alerts = tuple(_read_alert(child) for child in shape.children("alerts"))
    each = shape.child("alert")
    match = shape.value.get("match", bool(alerts or each) or None)
    wanted = _wanted(shape, match, len(alerts))
    samples = tuple(_samples(shape, where))
    if rule is None or wanted is None:
        return None
    is_every, count = wanted
    return RuleTest(
        rule_id=rule.id,
        name=shape.text("name", 200) or default_name,
        location=shape.place(),
        samples=samples,
        is_every=is_every,
        count=count,
        each_alert=None if each is None else _read_alert(each),
        alerts=alerts,
    )


def _rule_of(shape: Shape, rules: Sequence[RuleInfo]) -> RuleInfo | None:
    """Return the rule that is named; without a name the last of the file, a correlation often."""
    asked = shape.text("rule")
    if asked is None:
        return rules[-1]
    for info in rules:
        if asked.lower() in (info.id.lower(), info.name.lower() or None, info.title.lower()):
            return info
    shape.report("rule", f"'{asked}' is no rule of this file", "give its id, name or title")
    return None


def _wanted(shape: Shape, match: object, alerts: int) -> tuple[bool, Count] | None:
    """Return whether every event must match, and else how many alerts are wanted."""
    if isinstance(match, bool):
        if alerts:
            if not match:
                shape.report("match", "nothing is to match, and yet `alerts` are wanted")
            return False, Count(alerts, alerts)
        return (True, Count(1, None)) if match else (False, Count(0, 0))
    if isinstance(match, int) and 0 <= match <= _MOST:
        if alerts and match != alerts:
            shape.report("match", f"{match} are to match, and {alerts} `alerts` are listed")
        return False, Count(match, match)
    hint = "write `match: true`, `match: false`, or how many alerts there must be"
    if match is None:
        shape.report("match", "the test does not say what it wants", hint)
    else:
        shape.report("match", "'match' is neither true, false nor a number", hint)
    return None


def _samples(shape: Shape, where: Where) -> Iterator[Sample]:
    given = shape.value.get("events")
    entries = given if isinstance(given, list) else [given]
    if given is None or not entries:
        shape.report("events", "the test has no events", "name a file, or write events here")
        return
    for index, entry in enumerate(entries):
        keys: tuple[str | int, ...] = ("events", index) if isinstance(given, list) else ("events",)
        place = shape.place(*keys)
        if isinstance(entry, str):
            sample = sample_of(entry, where, place)
            if sample is not None:
                yield sample
        elif isinstance(entry, Mapping):
            yield Sample(f"{place.path}:{place.line}", inline=entry)
        else:
            shape.report(keys, f"'{entry}' is neither a path nor an event", "see docs/testing.md")


def _read_alert(shape: Shape) -> WantedAlert:
    shape.allow(_ALERT_KEYS)
    fields = shape.child("custom_fields")
    return WantedAlert(
        location=shape.place(),
        title=shape.text("title"),
        severity=shape.integer("severity", 1, 4, SEVERITY_NAMES),
        tlp=shape.integer("tlp", 0, 4, TLP_NAMES),
        pap=shape.integer("pap", 0, 3, PAP_NAMES),
        case_template=shape.text("case_template"),
        assignee=shape.text("assignee"),
        events=shape.integer("events", 1, _MOST),
        contains=shape.texts("contains"),
        tags=shape.texts("tags"),
        techniques=shape.texts("techniques"),
        observables=tuple(_pairs(shape)),
        no_observables=shape.texts("no_observables"),
        custom_fields={} if fields is None else dict(fields.value),
    )


def _pairs(shape: Shape) -> Iterator[tuple[str, str]]:
    for child in shape.children("observables"):
        child.allow(("type", "data"))
        kind, data = child.text("type"), child.text("data")
        if kind is None or data is None:
            child.report("type", "an observable has type and data", "write {type: ip, data: '…'}")
        elif kind == "ip" and address_of(data) is None:
            child.report("data", f"'{data}' is no address, so no observable is it", _NO_ADDRESS)
        else:
            yield kind, data
