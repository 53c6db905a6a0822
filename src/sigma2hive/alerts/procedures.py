"""ATT&CK in an alert: procedures and links, from a rule's tags.

Takes Sigma tags (`attack.t1059.001`, `attack.execution`, `attack.g0016`); gives TheHive procedures
and Markdown links. A tactic is given only where the rule names it and leaves no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from sigma2hive.model.alerts import Procedure
from sigma2hive.model.attack import SITE, attack

_TECHNIQUE = re.compile(r"attack\.(t[0-9]{4})(\.[0-9]{3})?", re.IGNORECASE)
_OTHER = re.compile(r"attack\.([gs][0-9]{4})", re.IGNORECASE)
_PREFIX = "attack."
_OTHER_PAGES: Mapping[str, str] = {"G": "groups", "S": "software"}


def techniques_of(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the techniques as T1059.001, once each, in the rule's order."""
    found = (_TECHNIQUE.fullmatch(tag) for tag in tags)
    return tuple(dict.fromkeys((m[1] + (m[2] or "")).upper() for m in found if m))


def procedures_of(tags: Iterable[str], occurred_ns: int) -> tuple[Procedure, ...]:
    """Return one procedure a technique, with its tactic where the rule can mean no other.

    That is when ATT&CK has the technique under just one of the tactics that the rule names. Both
    are called as the rule calls them, for TheHive's catalogue may be older than the table here.
    """
    return tuple(
        Procedure(technique, occurred_ns, tactic) for technique, tactic in _named_by(tuple(tags))
    )


@lru_cache(maxsize=1024)  # all alerts of a rule have the same
def _named_by(tags: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the techniques of a rule, each with its tactic."""
    techniques = techniques_of(tags)
    tactics = tactics_of(tags) if techniques else {}
    return tuple((technique, _tactic_of(technique, tactics)) for technique in techniques)


def tactics_of(tags: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return the tactics that a rule names, as credential-access, each with its names of today."""
    names = (tag[len(_PREFIX) :] for tag in tags if tag.lower().startswith(_PREFIX))
    written = dict.fromkeys(name.lower().replace("_", "-") for name in names)
    found = {name: attack().tactics_named(name) for name in written}
    return {
        name: frozenset(tactic.short_name for tactic in today)
        for name, today in found.items()
        if today
    }


def _tactic_of(technique_id: str, tactics: Mapping[str, frozenset[str]]) -> str:
    if not tactics:
        return ""
    technique = attack().technique(technique_id)
    if technique is None:
        return ""
    fitting = [name for name, today in tactics.items() if today.intersection(technique.tactics)]
    return fitting[0] if len(fitting) == 1 else ""


def attack_links(tags: Iterable[str]) -> tuple[str, ...]:
    """Return Markdown links for techniques, groups and software. Only checked ids get in."""
    tags = tuple(tags)
    links = [
        f"[{technique}]({SITE}/techniques/{technique.replace('.', '/')}/)"
        for technique in techniques_of(tags)
    ]
    for found in filter(None, map(_OTHER.fullmatch, tags)):
        name = found[1].upper()
        links.append(f"[{name}]({SITE}/{_OTHER_PAGES[name[0]]}/{name}/)")
    return tuple(dict.fromkeys(links))
