"""The checks that others publish for pySigma, run on documents.

Takes documents and the name of a suite; gives a finding for each issue. Validators that would fetch
their tables from the internet, and keep them on this machine, are left out: a check neither asks a
server nor writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from importlib import import_module
from inspect import isfunction
from typing import Any

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.validators.base import SigmaValidationIssue, SigmaValidationIssueSeverity

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.yamlmarks import Document

#: Name of a suite → the module with its validators, and the package to install.
SUITES: Mapping[str, tuple[str, str]] = {
    "sigmahq": ("sigma.validators.sigmahq", "pysigma-validators-sigmahq"),
}
_FETCHING = re.compile(r"(?:data|mitre)_\w+")
_RESTS = ("rules", "severity", "description")
#: The module of an issue → the key that it is about.
_KEYS = {"falsepositive": "falsepositives", "condition": "detection", "fieldname": "detection"}


def validate(documents: Iterable[Document], suite: str, diagnostics: Diagnostics) -> None:
    """Report each issue that a suite's validators find, rule by rule.

    Raises:
        ConfigurationError: the suite's package is not installed.
    """
    made = [validator() for validator in _validators(suite)]
    for document in documents:
        rule = _rule_of(document)
        for validator in made if rule is not None else ():
            try:
                issues = validator.validate(rule)
            except Exception:  # noqa: S112 - a validator's own mistake is not the rule's
                continue
            for issue in issues:
                _report(issue, document, suite, diagnostics)


def _validators(suite: str) -> Iterator[Any]:
    module, package = SUITES[suite]
    try:
        known = import_module(module).validators
    except ImportError:
        problem = Diagnostics()
        message = f"the validators '{suite}' are not installed"
        problem.error("S2H101", Location("--validators"), message, f"pip install {package}")
        raise ConfigurationError(problem) from None
    yield from (validator for validator in known.values() if not _is_fetching(validator))


def _is_fetching(validator: type) -> bool:
    methods = (entry for entry in vars(validator).values() if isfunction(entry))
    return any(_FETCHING.fullmatch(name) for method in methods for name in method.__code__.co_names)


def _rule_of(document: Document) -> SigmaRule | SigmaCorrelationRule | None:
    """Return pySigma's rule; None for what it cannot read, of which others tell."""
    if "filter" in document.value:
        return None
    with suppress(SigmaError, ValueError, TypeError, AttributeError, KeyError):
        collection = SigmaCollection.from_dicts([dict(document.value)], collect_errors=True)
        rule = collection.rules[0]
        if isinstance(rule, SigmaRule | SigmaCorrelationRule) and not rule.errors:
            return rule
    return None


def _report(
    issue: SigmaValidationIssue, document: Document, suite: str, diagnostics: Diagnostics
) -> None:
    about = type(issue).__module__.rpartition(".")[2]
    key = _KEYS.get(about, about)
    place = document.at(key) if key in document.value else document.at()
    name = type(issue).__name__.removesuffix("Issue")
    values = (
        f"{entry.name} {getattr(issue, entry.name)}"
        for entry in fields(issue)
        if entry.name not in _RESTS and getattr(issue, entry.name, None)
    )
    more = "; ".join(values)
    message = f"{issue.description}{f' ({more})' if more else ''}"
    is_minor = issue.severity is SigmaValidationIssueSeverity.LOW
    tell = diagnostics.info if is_minor else diagnostics.warning
    tell("S2H236", place, message, f"this is {name} of the validators '{suite}'")
