"""MITRE ATT&CK for Enterprise: which technique belongs to which tactic, and what became of it.

Takes ids as Sigma's tags have them; gives names, tactics and successors, from a table that we ship.
Knows no server.

Source: MITRE ATT&CK v19, data/attack/enterprise.json with its notice; made by tools/make_attack.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache

from sigma2hive.data import SHIPPED
from sigma2hive.records import dataclass

_TECHNIQUE = re.compile(r"attack\.(t[0-9]{4}(?:\.[0-9]{3})?)", re.IGNORECASE)
_PREFIX = "attack."
SITE = "https://attack.mitre.org"


@dataclass(frozen=True, slots=True)
class Tactic:
    """A tactic: TA0006, credential-access, Credential Access."""

    id: str
    short_name: str
    name: str


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique or sub-technique; `tactics` are short names, sorted."""

    id: str
    name: str
    tactics: tuple[str, ...]

    @property
    def parent(self) -> str:
        """The id of the technique that it is, or is a part of."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Attack:
    """The table: tactics by short name, techniques by id, what took the place of former ones."""

    version: str
    tactics: Mapping[str, Tactic]
    techniques: Mapping[str, Technique]
    revoked: Mapping[str, str]
    former_tactics: Mapping[str, tuple[str, ...]]

    def technique(self, technique_id: str) -> Technique | None:
        """Return the technique of today for an id; None where there is none."""
        current = self.revoked.get(technique_id, technique_id)
        return self.techniques.get(current)

    def tactics_named(self, name: str) -> tuple[Tactic, ...]:
        """Return the tactics of today for a short name, of which a former one may have become two.

        Older rules write them with underscores.
        """
        short = name.lower().replace("_", "-")
        names = self.former_tactics.get(short, (short,))
        return tuple(self.tactics[entry] for entry in names if entry in self.tactics)

    def techniques_in(self, tags: Iterable[str]) -> tuple[Technique, ...]:
        """Return the techniques that a rule's tags name, once each, in their order."""
        named = (_TECHNIQUE.fullmatch(tag) for tag in tags)
        found = (self.technique(match[1].upper()) for match in named if match)
        return tuple(dict.fromkeys(entry for entry in found if entry is not None))

    def tactics_in(self, tags: Iterable[str]) -> tuple[Tactic, ...]:
        """Return the tactics that a rule's tags name, once each, in their order."""
        names = (tag[len(_PREFIX) :] for tag in tags if tag.lower().startswith(_PREFIX))
        return tuple(dict.fromkeys(tactic for name in names for tactic in self.tactics_named(name)))


@cache
def attack() -> Attack:
    """Return the table that we ship."""
    text = SHIPPED.joinpath("attack/enterprise.json").read_text(encoding="utf-8")
    data = json.loads(text)
    return Attack(
        version=data["version"],
        tactics={
            short: Tactic(identifier, short, name)
            for short, (identifier, name) in data["tactics"].items()
        },
        techniques={
            identifier: Technique(identifier, name, tuple(tactics))
            for identifier, (name, tactics) in data["techniques"].items()
        },
        revoked=data["revoked"],
        former_tactics={name: tuple(now) for name, now in data["former_tactics"].items()},
    )
