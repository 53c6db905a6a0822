"""What the two processes say to each other, pickled: both run the same program."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field

from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine import Program
from sigma2hive.model.events import Event
from sigma2hive.records import dataclass
from sigma2hive.runner.matching import Decided
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.settings import ElasticsearchSettings, ServiceSettings


@dataclass(frozen=True, slots=True)
class Work:
    """What is worked with: the program of the rules, and how their slices are read.

    `computed` has by index pattern the paths that only the index knows; `excluded` are patterns of
    indices that are not read. Credentials are each process's own to read.
    """

    program: Program
    elasticsearch: ElasticsearchSettings
    service: ServiceSettings
    computed: Mapping[str, Collection[str]]
    excluded: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """Asks for a slice. Numbers rise, and answers come in their order."""

    number: int
    part: Slice


@dataclass(frozen=True, slots=True)
class Forget:
    """Asks for nothing more of the slice with this number, nor of those before it."""

    number: int


@dataclass(frozen=True, slots=True)
class Page:
    """A batch that was decided, with the events of the rows that meet any rule."""

    decided: Decided
    events: Mapping[int, Event] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ready:
    """Says that slices can be asked for."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Says that a slice was read to its end."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Says why not all of a slice came."""

    error: ServerError


@dataclass(frozen=True, slots=True)
class Broken:
    """Says how the program itself failed."""

    reason: str


#: What comes of the slice with a number, 0 for none.
Answer = tuple[int, Page | Diagnostic | Ready | Ended | Failed | Broken]
