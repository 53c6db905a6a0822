"""What lint finds in files and rules, partly by whoever read them on several cores.

Takes a project; gives findings. A file that was read in earnest is looked into while its documents
and rules are at hand; one that an earlier start had read is read once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from sigma2hive.compiler import lint_compiled, lint_condition
from sigma2hive.diagnostics import Diagnostic, Diagnostics, Location
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import CompiledRule, DetectionRule
from sigma2hive.records import dataclass
from sigma2hive.repository import LintedDocument, lint_documents, lint_files
from sigma2hive.workflows.made import Look, RulesOfFile
from sigma2hive.workflows.project import Project
from sigma2hive.yamlmarks import Document


@dataclass(frozen=True, slots=True)
class LintedRule:
    """What there is to say of a rule: of its condition, and of it on the indices of the profile."""

    condition: tuple[Diagnostic, ...]
    compiled: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class LintedFile:
    """What there is to say of a file; `rules` are by their place in it."""

    documents: Sequence[LintedDocument]
    rules: Mapping[int, LintedRule]


def lint_of(profile: Profile) -> Look:
    """Return what looks into a file."""
    return partial(_look, profile)


def lint(
    project: Project, files: Sequence[Path], suites: Sequence[str], findings: Diagnostics
) -> None:
    """Report what is wrong with the files of a project, and with its rules.

    Raises:
        ConfigurationError: the package of a suite of validators is not installed.
    """
    seen: Mapping[Path, LintedFile] = project.looked
    known = {file: looked.documents for file, looked in seen.items()}
    linted = lint_files(files, project.settings.root, suites, known)
    findings.extend(linted.findings)
    of_rules = {
        (document.condition.path, document.index): looked.rules[document.index]
        for looked in seen.values()
        for document in looked.documents
        if document.index in looked.rules
    }
    compiled = project.compiled.by_id()
    for rule in project.repository.rules:
        at = rule.info.location.path, rule.info.document
        found = of_rules.get(at)
        if found is None:
            place = linted.conditions.get(at, rule.info.location)
            found = _linted(project.profile, rule, compiled.get(rule.info.id), place)
        findings.found.extend(found.condition)
        if rule.info.id in compiled:
            findings.found.extend(found.compiled)


def _look(profile: Profile, documents: Sequence[Document], rules: RulesOfFile) -> LintedFile:
    linted = lint_documents(documents)
    places = {document.index: document.condition for document in linted}
    return LintedFile(
        linted,
        {
            rule.info.document: _linted(
                profile, rule, made, places.get(rule.info.document, rule.info.location)
            )
            for rule, made in rules
        },
    )


def _linted(
    profile: Profile, rule: DetectionRule, made: CompiledRule | None, place: Location
) -> LintedRule:
    of_condition, of_compiled = Diagnostics(), Diagnostics()
    lint_condition(rule, place, of_condition)
    if made is not None:
        lint_compiled(made, profile, of_compiled)
    return LintedRule(tuple(of_condition), tuple(of_compiled))
