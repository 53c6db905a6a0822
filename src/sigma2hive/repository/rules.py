"""Rules folders to a `DetectionRepository`.

Takes paths of files and folders; gives every rule, correlation and filter that can be read. What
cannot is a finding, and the rest goes on. Files are only read, never run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.model.rules import (
    CorrelationRule,
    DetectionRepository,
    DetectionRule,
    FilterRule,
    RefusedCorrelation,
)
from sigma2hive.records import dataclass
from sigma2hive.repository.rule_files import RuleFiles, rule_files, shown_path
from sigma2hive.sigma import Placeholders, SigmaDocument, parse_document
from sigma2hive.yamlmarks import Document, parse_yaml, read_content


@dataclass(frozen=True, slots=True)
class RuleFile:
    """What one file gave: its documents, or the places of those that are left out; why."""

    entries: tuple[SigmaDocument | Location, ...]
    findings: tuple[Diagnostic, ...] = ()


def load_repository(
    paths: Sequence[Path] | RuleFiles,
    root: Path,
    placeholders: Placeholders,
    diagnostics: Diagnostics,
    read: Callable[[Path], RuleFile] | None = None,
) -> DetectionRepository:
    """Return all that lies in `paths`, or in the rule files that were found there.

    Findings name files relative to `root` where inside it.

    A file that is named itself is read whatever its name; in folders those that end in .yml or
    .yaml are, except tests (*.test.yml) and hidden ones. The second rule with an id is left out.
    `read` is asked for each file instead of `read_rule_file`, and gives what that would.
    """
    documents: list[SigmaDocument] = []
    skipped: list[Location] = []
    refused: list[RefusedCorrelation] = []
    found = paths if isinstance(paths, RuleFiles) else rule_files(paths, root)
    diagnostics.found.extend(found.findings)
    for file in found.entries:
        if isinstance(file, Location):
            skipped.append(file)
            continue
        given = read(file) if read else read_rule_file(file, root, placeholders)
        diagnostics.found.extend(given.findings)
        for entry in given.entries:
            if isinstance(entry, Location):
                skipped.append(entry)
            elif isinstance(entry, RefusedCorrelation):
                skipped.append(entry.info.location)
                refused.append(entry)
            else:
                documents.append(entry)
    unique, repeated = _without_repeated_ids(documents, diagnostics)
    skipped += [entry.info.location for entry in repeated]
    refused += [entry.refused() for entry in repeated if isinstance(entry, CorrelationRule)]
    return DetectionRepository(
        rules=tuple(entry for entry in unique if isinstance(entry, DetectionRule)),
        correlations=tuple(entry for entry in unique if isinstance(entry, CorrelationRule)),
        filters=tuple(entry for entry in unique if isinstance(entry, FilterRule)),
        skipped=tuple(skipped),
        refused=tuple(refused),
    )


def read_rule_file(file: Path, root: Path, placeholders: Placeholders) -> RuleFile:
    """Return what a file gives; findings name it relative to `root` where inside it."""
    diagnostics = Diagnostics()
    content = _content(file, root, diagnostics)
    if content is None:
        places = tuple(finding.location for finding in diagnostics.errors)
        return RuleFile(places, tuple(diagnostics))
    return parse_rule_file(shown_path(file, root), content, placeholders)


def parse_rule_file(
    shown: str,
    content: bytes,
    placeholders: Placeholders,
    show: Callable[[Document], object] | None = None,
) -> RuleFile:
    """Return what a file of this content gives; findings name it as `shown`.

    Each document is shown to `show`, whether it can be used or not.
    """
    diagnostics = Diagnostics()
    documents = parse_yaml(shown, content, diagnostics)
    # Reading YAML gives one error for each document that it refuses.
    entries: list[SigmaDocument | Location] = [error.location for error in diagnostics.errors]
    for document in documents:
        if show is not None:
            show(document)
        entries.append(parse_document(document, placeholders, diagnostics) or document.at())
    return RuleFile(tuple(entries), tuple(diagnostics))


def load_placeholders(
    path: Path | None, root: Path, diagnostics: Diagnostics
) -> dict[str, tuple[str, ...]]:
    """Return the values of `|expand`: a YAML map of name → value or list of values.

    None where the file is absent: whoever named it is told by `workflows.project`.
    """
    if path is None or not os.path.lexists(path):
        return {}
    content = _content(path, root, diagnostics)
    if content is None:
        return {}
    values: dict[str, tuple[str, ...]] = {}
    for document in parse_yaml(shown_path(path, root), content, diagnostics):
        if not isinstance(document.value, dict):
            diagnostics.error(
                "S2H402", document.at(), "placeholders are a map of name → values", "see the docs"
            )
            continue
        for name in document.value:
            texts = _texts_of(document, name)
            if texts is None:
                diagnostics.error(
                    "S2H402", document.at(name), f"%{name}% is no text or list of texts", "mend it"
                )
            else:
                values[name.strip("%")] = texts
    return values


def _texts_of(document: Document, name: str) -> tuple[str, ...] | None:
    """Return the texts that stand under a placeholder's name: `010` is no 8, and `yes` no true."""
    given = document.value[name]
    places = (
        [(name, index) for index in range(len(given))] if isinstance(given, list) else [(name,)]
    )
    entries = given if isinstance(given, list) else [given]
    if any(entry is None or isinstance(entry, (dict, list)) for entry in entries):
        return None
    return tuple(document.written(*place) for place in places)


def _content(file: Path, root: Path, diagnostics: Diagnostics) -> bytes | None:
    hint = "split it: one rule a file is the custom"
    return read_content(file, shown_path(file, root), diagnostics, if_larger=hint)


def _without_repeated_ids(
    documents: Sequence[SigmaDocument], diagnostics: Diagnostics
) -> tuple[list[SigmaDocument], list[SigmaDocument]]:
    """Return the first document of each id, and the others."""
    first: dict[str, SigmaDocument] = {}
    repeated = []
    for entry in documents:
        earlier = first.setdefault(entry.info.id, entry)
        if earlier is entry:
            continue
        repeated.append(entry)
        diagnostics.error(
            "S2H208",
            entry.info.location,
            f"the id {entry.info.id} is also that of {earlier.info.location}",
            "give one of the two a new id; alerts are told apart by it",
        )
    return list(first.values()), repeated
