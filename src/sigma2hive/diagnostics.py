"""Findings about files, rules, mappings and servers, as data.

Takes nothing but plain values; gives `Diagnostic` objects and the collector that gathers them.
Never prints and never exits: the CLI renders (see `sigma2hive.cli.rendering`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from sigma2hive.records import dataclass


class Severity(StrEnum):
    """How much a finding matters: an error leaves its subject out, a warning does not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file of the repository.

    `path` is relative to the repository where the file lies inside it. `line` and `column` count
    from 1; 0 means that the place inside the file is unknown.
    """

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.path
        return f"{self.path}:{self.line}:{self.column}"


#: Every code, what it means. The documentation page of the codes is made from this table.
CODES: dict[str, str] = {
    # 1xx: files and YAML
    "S2H101": "file cannot be read",
    "S2H102": "not valid YAML",
    "S2H103": "duplicate key",
    "S2H104": "file is too large",
    "S2H105": "YAML aliases or nesting expand too far",
    "S2H106": "not text in UTF-8",
    "S2H107": "the document has the wrong shape",
    "S2H108": "path does not exist",
    "S2H109": "file cannot be written, or is not ours to replace",
    "S2H110": "a committed artefact is not what the rules make",
    "S2H111": "a link leads to rules elsewhere",
    # 2xx: rules
    "S2H201": "rule has no id",
    "S2H202": "rule id is not a UUID",
    "S2H203": "unknown modifier",
    "S2H204": "invalid rule field",
    "S2H205": "condition cannot be parsed",
    "S2H206": "condition names no selection",
    "S2H207": "value does not fit its modifier",
    "S2H208": "duplicate rule id",
    "S2H209": "invalid correlation",
    "S2H210": "referenced rule is missing",
    "S2H211": "invalid filter",
    "S2H212": "placeholder has no values",
    "S2H213": "level is missing",
    "S2H214": "correlation is of a kind that is not supported",
    "S2H215": "regular expression is invalid or not supported",
    "S2H216": "filter applies to no rule",
    "S2H217": "rule is silent because its correlation is left out",
    "S2H218": "YAML reads an unquoted value otherwise than it is written",
    "S2H219": "regular expression may take exponential time",
    "S2H220": "field's name is nearly another that is known",
    "S2H221": "duplicate title",
    "S2H222": "date is no date",
    "S2H223": "status is missing",
    "S2H224": "ATT&CK has no such technique or tactic",
    "S2H225": "ATT&CK has replaced a technique or tactic",
    "S2H226": "selection is never used",
    "S2H227": "condition is always true or never true",
    "S2H228": "value can never match",
    "S2H229": "search is slow on the index",
    "S2H230": "test cannot be used",
    "S2H231": "rule has too few tests",
    "S2H232": "test fails",
    "S2H233": "comment ignores what is not found",
    "S2H234": "comment ignores without a reason or a code",
    "S2H235": "entry of the baseline is found no more",
    "S2H236": "published validator has found an issue",
    "S2H237": "exception has ended, or soon will",
    "S2H238": "exception takes nothing away",
    # 3xx: what a target cannot say
    "S2H301": "a part of the rule cannot be said exactly in the target's language",
    "S2H302": "the target cannot say the correlation",
    "S2H303": "the rule is too large for the target",
    "S2H311": "ElastAlert 2 counts otherwise than the correlation",
    "S2H312": "ElastAlert 2 would put something else in the place of a text",
    "S2H330": "the rule only feeds correlations, and gets no file of its own",
    # 4xx: mappings and settings
    "S2H401": "unknown setting",
    "S2H402": "invalid setting",
    "S2H403": "unknown profile",
    "S2H404": "log source has no place in the profile",
    "S2H405": "invalid mapping",
    "S2H406": "template cannot be rendered",
    "S2H407": "a credential stands in a file",
    "S2H408": "alerts would get other names than before",
    "S2H409": "alerts ask for a field that nothing knows",
    "S2H410": "rule can never match in the cluster's indices",
    "S2H411": "field is missing in the cluster's indices",
    "S2H412": "field cannot hold the rule's value",
    "S2H413": "the rule's value is longer than the index keeps",
    "S2H414": "field differs between the cluster's indices",
    "S2H415": "no index fits the index patterns",
    "S2H416": "the index does not keep documents, or not whole",
    "S2H417": "snapshot of the cluster's fields is old",
    "S2H418": "snapshot says something else than the cluster",
    "S2H419": "TheHive lacks what mappings or rules name",
    # 5xx: events, sources, sinks
    "S2H501": "event cannot be read",
    "S2H502": "event is larger than the limit",
    "S2H503": "event has no usable time",
    "S2H504": "event file is damaged",
    "S2H505": "event source cannot be opened",
    "S2H506": "sink cannot be written",
    "S2H507": "a server did not do what it was asked",
    "S2H508": "no event is of any rule's log source",
    "S2H509": "sigma2hive itself fails at a document",
    "S2H510": "expression takes too long on a value",
}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what, where, why, and what to do.

    `code` is a key of `CODES`; `message` says what is wrong and why; `hint` says what to do.
    `count` is how many subjects it speaks of: more than one where a file gave too many findings to
    name each.
    """

    code: str
    severity: Severity
    location: Location
    message: str
    hint: str = ""
    count: int = 1

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"diagnostic code {self.code!r} is not in the table")


@dataclass(slots=True)
class Diagnostics:
    """Collects findings, so that one bad file never hides the next."""

    found: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, location: Location, message: str, hint: str = "") -> None:
        """Add a finding that leaves its subject out."""
        self.found.append(Diagnostic(code, Severity.ERROR, location, message, hint))

    def warning(self, code: str, location: Location, message: str, hint: str = "") -> None:
        """Add a finding that leaves its subject in."""
        self.found.append(Diagnostic(code, Severity.WARNING, location, message, hint))

    def info(self, code: str, location: Location, message: str, hint: str = "") -> None:
        """Add a finding that is worth knowing, and no mistake."""
        self.found.append(Diagnostic(code, Severity.INFO, location, message, hint))

    def extend(self, other: Diagnostics) -> None:
        """Take over all findings of `other`."""
        self.found.extend(other.found)

    def show_from(self, root: Path) -> None:
        """Name files inside `root` by their path from there."""
        prefix = f"{root.as_posix().rstrip('/')}/"
        self.found = [
            replace(finding, location=replace(finding.location, path=path[len(prefix) :]))
            if (path := finding.location.path).startswith(prefix)
            else finding
            for finding in self.found
        ]

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that left something out."""
        return [finding for finding in self.found if finding.severity is Severity.ERROR]

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a hint for a word that is not known: the nearest that is.

    Where none is near, `otherwise`, or without it all that are known; a set has no order of its own
    and is sorted.
    """
    words = sorted(known) if isinstance(known, (set, frozenset)) else list(known)
    close = get_close_matches(word.lower(), words, n=1) or get_close_matches(word, words, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return otherwise or f"known are {', '.join(words)}"


class Sigma2hiveError(Exception):
    """Base of every error that this package raises on purpose.

    Sigma2hiveError
    ├── ConfigurationError   settings, mappings or profile cannot be used (exit code 3)
    ├── SourceError          events could not be read to their end (exit code 4)
    ├── ServerError          a server did not do what it was asked (sigma2hive.clients.errors)
    ├── StorageError         a local database cannot be used (sigma2hive.storage)
    └── SinkError            a sink cannot be written
    """


class ConfigurationError(Sigma2hiveError):
    """Settings, mappings or a profile cannot be used; carries the findings that say why.

    `root` is the folder that the findings' paths are seen from, None for the current one.
    """

    def __init__(self, diagnostics: Diagnostics, root: Path | None = None) -> None:
        super().__init__("; ".join(finding.message for finding in diagnostics))
        self.diagnostics, self.root = diagnostics, root


class SourceError(Sigma2hiveError):
    """Events could not be read to their end; what is missing may have held matches."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SinkError(Sigma2hiveError):
    """A sink cannot be written.

    `code` is the finding's, `passes` says that it may work later with nothing changed.
    """

    def __init__(
        self, message: str, hint: str = "", *, code: str = "S2H506", passes: bool = False
    ) -> None:
        super().__init__(message)
        self.hint, self.code, self.passes = hint, code, passes
