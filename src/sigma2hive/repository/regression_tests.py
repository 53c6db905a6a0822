"""SigmaHQ's own tests: `info.yml` files that name a rule and the samples that it must find.

Takes the file that a rule names (`regression_tests_path`), or folders to look for such files in;
gives `RuleTest`s. What a test asks beyond its sample and count (pipelines, filters) is passed over:
the profile says where fields are.

Source: https://github.com/SigmaHQ/sigma/blob/master/regression_data/README.md, and the appendix
"sigmahq regression testing conventions" of the specification
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.rule_tests import Count, RuleTest, Sample
from sigma2hive.model.rules import RuleInfo
from sigma2hive.model.shapes import Shape
from sigma2hive.repository.rule_files import shown_path
from sigma2hive.repository.tests import CODE, Where, sample_of
from sigma2hive.yamlmarks import parse_yaml, read_content

_NAME = "info.yml"
#: Types of samples that are read; others are skipped, and counted so.
_READ = ("evtx", "json", "ndjson", "jsonl")


def load_regression_tests(
    paths: Sequence[Path], root: Path, infos: Sequence[RuleInfo], diagnostics: Diagnostics
) -> list[RuleTest]:
    """Return the tests of the files that rules name, and of those in `paths`, each once."""
    rules = {info.id: info for info in infos}
    files: dict[str, Path] = {}
    for info in infos:
        if info.regression_tests:
            file = _named_file(info, root, diagnostics)
            if file is not None:
                files.setdefault(os.path.realpath(file), file)
    for path in paths:
        found = sorted(path.rglob(_NAME)) if path.is_dir() else [path]
        if not found or not path.exists():
            message = f"there is no {_NAME} here" if path.exists() else "there is no such file"
            place = Location(shown_path(path, root))
            diagnostics.error("S2H108", place, message, "check the path of --regression-data")
            continue
        files.update((os.path.realpath(file), file) for file in found)
    return [test for file in files.values() for test in _tests_of(file, root, rules, diagnostics)]


def _named_file(info: RuleInfo, root: Path, diagnostics: Diagnostics) -> Path | None:
    """Return the file that a rule names: from its own folder, or from one above."""
    beside = Path(os.path.abspath(root / info.location.path))  # noqa: PTH100
    for folder in beside.parents:
        file = folder / info.regression_tests
        is_inside = os.path.realpath(file).startswith(os.path.realpath(root) + os.sep)
        if is_inside and file.is_file():
            return file
        if folder == root:
            break
    diagnostics.warning(
        CODE,
        info.location,
        f"regression_tests_path: there is no {info.regression_tests}",
        "check the path; it counts from the rule's folder, or from one above it",
    )
    return None


def _tests_of(
    file: Path, root: Path, rules: Mapping[str, RuleInfo], diagnostics: Diagnostics
) -> Iterator[RuleTest]:
    shown = shown_path(file, root)
    content = read_content(file, shown, diagnostics)
    for document in parse_yaml(shown, content, diagnostics) if content is not None else ():
        if not isinstance(document.value, Mapping):
            diagnostics.error(CODE, document.at(), "an info.yml is a map of keys", "see SigmaHQ's")
            continue
        shape = Shape(document.value, document.at, diagnostics, CODE)
        wanted = [child.text("id") for child in shape.children("rule_metadata")]
        for rule_id in wanted:
            if rule_id is not None and rule_id.lower() in rules:
                yield from _read_tests(shape, file, root, rule_id.lower())


def _read_tests(shape: Shape, file: Path, root: Path, rule_id: str) -> Iterator[RuleTest]:
    for child in shape.children("regression_tests_info"):
        name, kind = child.text("name") or "regression test", child.text("type") or ""
        path = child.text("path")
        count = child.integer("match_count", 0, 1_000_000)
        least = 1 if count is None else count
        unusable = "" if kind in _READ else f"samples of type '{kind}' are not read"
        samples: tuple[Sample, ...] = ()
        if path is None:
            child.report("path", "the test names no sample", "write `path:`")
            continue
        if not unusable:
            sample = _sample(path, file, root, child)
            if sample is None:
                continue
            samples = (sample,)
        yield RuleTest(
            rule_id=rule_id,
            name=f"{name} ({kind})",
            location=child.place(),
            samples=samples,
            # SigmaHQ's own runner only warns of more.
            count=Count(least, None if least else 0),
            unusable=unusable,
        )


def _sample(path: str, file: Path, root: Path, shape: Shape) -> Sample | None:
    """Return the sample: its path is from the checkout's root, wherever that is above the file."""
    for folder in Path(os.path.abspath(file)).parents:  # noqa: PTH100
        if (folder / path).is_file():
            inside = root if folder.is_relative_to(root) else folder
            return sample_of(path, Where(folder, inside, shape.diagnostics), shape.place("path"))
    shape.report("path", f"there is no sample {path}", "it counts from the checkout's root")
    return None
