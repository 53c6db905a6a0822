"""Rule files read once more, for what a run does not look at.

Takes files; gives findings, and where the conditions of rules are written. What cannot be read is
told by whoever reads the rules themselves, so nothing is said of it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.repository.linting.metadata import lint_metadata
from sigma2hive.repository.linting.titles import report_repeated_titles
from sigma2hive.repository.rule_files import shown_path
from sigma2hive.sigma import is_sigma_document, unused_selections
from sigma2hive.yamlmarks import Document, parse_yaml, read_content


@dataclass(frozen=True, slots=True)
class Linted:
    """Findings, and where each rule's condition stands, by its file and its place in the file."""

    findings: Diagnostics = field(default_factory=Diagnostics)
    conditions: Mapping[tuple[str, int], Location] = field(default_factory=dict)


def lint_files(files: Iterable[Path], root: Path, suites: Iterable[str] = ()) -> Linted:
    """Return what there is to say; findings name files relative to `root` where inside it.

    `suites` are names of published validators to run besides.

    Raises:
        ConfigurationError: the package of a suite is not installed.
    """
    findings = Diagnostics()
    conditions: dict[tuple[str, int], Location] = {}
    documents = [entry for file in files for entry in _documents(file, root)]
    for document in documents:
        lint_metadata(document, findings)
        _report_unused(document, findings)
        section = "filter" if "filter" in document.value else "detection"
        place = document.value_at(section, "condition")
        conditions[document.path, document.index] = place
    report_repeated_titles(documents, findings)
    for suite in suites:
        # Here, since it imports more of pySigma than anything else needs.
        from sigma2hive.sigma.validators import validate  # noqa: PLC0415

        validate(documents, suite, findings)
    return Linted(findings, conditions)


def _documents(file: Path, root: Path) -> list[Document]:
    shown, unheard = shown_path(file, root), Diagnostics()
    content = read_content(file, shown, unheard)
    if content is None:
        return []
    return [entry for entry in parse_yaml(shown, content, unheard) if is_sigma_document(entry)]


def _report_unused(document: Document, findings: Diagnostics) -> None:
    for section, name in unused_selections(document):
        findings.warning(
            "S2H226",
            document.at(section, name),
            f"the condition never uses the selection '{name}'",
            "name it in the condition, or remove it",
        )
