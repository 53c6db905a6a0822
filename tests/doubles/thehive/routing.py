"""Which function answers which request.

Takes a method and a path; gives the route, whose path is written as in TheHive's description so
that the description can be asked about it. Modules register their routes with `@route` on import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

from tests.doubles.thehive.world import Entity, World


@dataclass(frozen=True, slots=True)
class File:
    """A file of a multipart body."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in which organisation, with which permissions there."""

    user: Entity
    organisation: str
    permissions: frozenset[str]

    @property
    def login(self) -> str:
        return str(self.user.fields["login"])


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was understood: `body` is its JSON, also that of a multipart's `_json`.

    `unset` are the fields that it has as null: an update takes them away, `body` lacks them.
    """

    world: World
    caller: Caller
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    files: Mapping[str, list[File]] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: JSON, or text or bytes as they are, or nothing."""

    status: int
    body: Any = None
    kinds: str = ""
    """For a query: what its items are, so that they can be checked."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; `doing` is what TheHive calls it where it refuses."""

    method: str
    path: str
    handler: Callable[[Request], Answer]
    permission: str
    doing: str


ROUTES: list[Route] = []


def route(
    method: str, path: str, permission: str = "", doing: str = ""
) -> Callable[[Callable[[Request], Answer]], Callable[[Request], Answer]]:
    """Register the function below it. Without `permission` every user of the organisation may."""

    def register(handler: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        words = doing or handler.__name__.replace("_", " ")
        ROUTES.append(Route(method, path, handler, permission, words))
        return handler

    return register


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route and the values of its parameters; a fixed path wins over a parameter."""
    parts = path.strip("/").split("/")
    found: list[tuple[Route, dict[str, str]]] = []
    for one in _of_length(method, len(parts)):
        wanted = one.path.strip("/").split("/")
        pairs = list(zip(wanted, parts, strict=True))
        if all(template.startswith("{") or template == part for template, part in pairs):
            # Decoded after splitting: a slash in a name is no separator.
            names = {t.strip("{}"): unquote(part) for t, part in pairs if t.startswith("{")}
            found.append((one, names))
    return min(found, key=lambda one: len(one[1]), default=None)


@cache
def _of_length(method: str, parts: int) -> list[Route]:
    """Return the routes of a method with so many parts; asked for only once all are registered."""
    return [one for one in ROUTES if one.method == method and one.path.count("/") == parts]
