"""Documents of rule files looked at for what a run does not need to know.

Takes documents, or files to be read once more; gives findings, and where the conditions of rules
are written. What cannot be read is told by whoever reads the rules themselves, so nothing is said
of it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.records import dataclass
from sigma2hive.repository.linting.metadata import lint_metadata
from sigma2hive.repository.linting.titles import report_repeated_titles, title_of
from sigma2hive.repository.rule_files import shown_path
from sigma2hive.sigma import is_sigma_document, unused_selections
from sigma2hive.yamlmarks import Document, parse_yaml, read_content


@dataclass(frozen=True, slots=True)
class LintedDocument:
    """What there is to say of one document by itself.

    `index` is its place in the file, `condition` where its condition stands, `title` what its title
    says and where, None where another one may say the same.
    """

    index: int
    findings: tuple[Diagnostic, ...]
    condition: Location
    title: tuple[str, Location] | None


@dataclass(frozen=True, slots=True)
class Linted:
    """Findings, and where each rule's condition stands, by its file and its place in the file."""

    findings: Diagnostics = field(default_factory=Diagnostics)
    conditions: Mapping[tuple[str, int], Location] = field(default_factory=dict)


def lint_documents(documents: Iterable[Document]) -> tuple[LintedDocument, ...]:
    """Return what there is to say of each that means to be a rule, a correlation or a filter."""
    return tuple(_linted(document) for document in documents if is_sigma_document(document))


def lint_files(
    files: Sequence[Path],
    root: Path,
    suites: Iterable[str] = (),
    known: Mapping[Path, Sequence[LintedDocument]] | None = None,
) -> Linted:
    """Return what there is to say; findings name files relative to `root` where inside it.

    `suites` are names of published validators to run besides, `known` what `lint_documents` gave of
    files: they are not read for it again.

    Raises:
        ConfigurationError: the package of a suite is not installed.
    """
    findings = Diagnostics()
    conditions: dict[tuple[str, int], Location] = {}
    titles: list[tuple[str, Location]] = []
    for file in files:
        documents = known.get(file) if known else None
        if documents is None:
            documents = lint_documents(_documents(file, root))
        for document in documents:
            findings.found.extend(document.findings)
            conditions[document.condition.path, document.index] = document.condition
            if document.title is not None:
                titles.append(document.title)
    report_repeated_titles(titles, findings)
    for suite in suites:
        # Here, since it imports more of pySigma than anything else needs.
        from sigma2hive.sigma.validators import validate  # noqa: PLC0415

        validate((entry for file in files for entry in _documents(file, root)), suite, findings)
    return Linted(findings, conditions)


def _documents(file: Path, root: Path) -> list[Document]:
    shown, unheard = shown_path(file, root), Diagnostics()
    content = read_content(file, shown, unheard)
    if content is None:
        return []
    return [entry for entry in parse_yaml(shown, content, unheard) if is_sigma_document(entry)]


def _linted(document: Document) -> LintedDocument:
    findings = Diagnostics()
    lint_metadata(document, findings)
    _report_unused(document, findings)
    section = "filter" if "filter" in document.value else "detection"
    return LintedDocument(
        document.index,
        tuple(findings),
        document.value_at(section, "condition"),
        title_of(document),
    )


def _report_unused(document: Document, findings: Diagnostics) -> None:
    for section, name in unused_selections(document):
        findings.warning(
            "S2H226",
            document.at(section, name),
            f"the condition never uses the selection '{name}'",
            "name it in the condition, or remove it",
        )
