"""What a check is given and what it says.

Takes nothing; gives the types. A check looks at one thing and says what it saw and what to do; it
changes nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, StrEnum
from pathlib import Path

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.errors import ServerError
from sigma2hive.clients.thehive import TheHiveClient
from sigma2hive.diagnostics import ConfigurationError
from sigma2hive.records import dataclass
from sigma2hive.sinks import SinkRequest
from sigma2hive.workflows.project import Project


class Status(StrEnum):
    """How it is. With a warning alerts arrive; with a problem some do not, or not whole."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


class Cause(Enum):
    """Where a problem lies, which decides the exit code."""

    FOUND = "found"
    CONFIGURATION = "configuration"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, and what to do about it; `names` are the things that it is about."""

    status: Status
    seen: str
    to_do: str = ""
    names: tuple[str, ...] = ()
    cause: Cause = Cause.FOUND


@dataclass(frozen=True, slots=True)
class Line:
    """A finding of the check `check` about `part`: local, elasticsearch, thehive or a sink."""

    part: str
    check: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined.

    `sinks` are those that a run would deliver to. `check_state` and `check_naming` look at the
    state without writing; they raise what a run would. `environment` has the secrets.
    """

    project: Project
    sinks: tuple[SinkRequest, ...]
    environment: Mapping[str, str]
    check_state: Callable[[], None]
    check_naming: Callable[[], None]
    sends_test_alert: bool = False


@dataclass(frozen=True, slots=True)
class LocalCheck:
    """Looks at files and settings."""

    look: Callable[[Subject], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class ElasticsearchCheck:
    """Asks Elasticsearch; may raise a `ServerError`."""

    look: Callable[[Subject, ElasticsearchClient], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class TheHiveCheck:
    """Asks TheHive, once for each organisation; may raise a `ServerError`."""

    look: Callable[[Subject, TheHiveClient], Iterable[Finding]]


Check = LocalCheck | ElasticsearchCheck | TheHiveCheck


def counted(number: int, word: str, words: str = "") -> str:
    """Return "1 rule", "2 rules"; `words` are several of it, where an s is not enough."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def shown(path: Path) -> str:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def ok(seen: str, *names: str) -> Finding:
    """Return that all is well."""
    return Finding(Status.OK, seen, names=names)


def warning(seen: str, to_do: str, names: Iterable[str] = ()) -> Finding:
    """Return what should be looked at, although alerts arrive."""
    return Finding(Status.WARNING, seen, to_do, tuple(names))


def problem(seen: str, to_do: str, names: Iterable[str] = ()) -> Finding:
    """Return what keeps alerts, or parts of them, from arriving."""
    return Finding(Status.PROBLEM, seen, to_do, tuple(names))


def skipped(seen: str, to_do: str = "") -> Finding:
    """Return that something was not looked at."""
    return Finding(Status.SKIPPED, seen, to_do)


def of_server_error(error: ServerError) -> Finding:
    """Return a server's error as a problem."""
    cause = Cause.UNREACHABLE if error.passes else Cause.FOUND
    return Finding(Status.PROBLEM, error.message, error.hint, cause=cause)


def of_configuration_error(error: ConfigurationError) -> Iterator[Finding]:
    """Yield what is wrong with the settings, each as a problem."""
    for found in error.diagnostics:
        seen = f"{found.location}: {found.message}"
        yield Finding(Status.PROBLEM, seen, found.hint, cause=Cause.CONFIGURATION)
