"""ATT&CK as detection rules have it: techniques below the tactics that they serve.

Takes a rule's tags; gives `threat`. A technique stands below those of its tactics that the rule
names, or below all of them where the rule names none, and never below one that is not its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from sigma2hive.model.attack import SITE, Attack, Tactic, Technique, attack

Json = dict[str, object]


def threat_of(tags: Iterable[str]) -> list[Json]:
    """Return one entry a tactic, in the order of their ids."""
    tags, table = tuple(tags), attack()
    named = {tactic.short_name: tactic for tactic in table.tactics_in(tags)}
    below: dict[str, set[Technique]] = {name: set() for name in named}
    for technique in table.techniques_in(tags):
        own = [name for name in technique.tactics if name in named] or technique.tactics
        for name in own:
            below.setdefault(name, set()).add(technique)
    entries = [(table.tactics[name], techniques) for name, techniques in below.items()]
    return [
        {
            "framework": "MITRE ATT&CK",
            "tactic": _tactic(tactic),
            "technique": _techniques(techniques, table),
        }
        for tactic, techniques in sorted(entries, key=lambda entry: entry[0].id)
    ]


def _tactic(tactic: Tactic) -> Json:
    return {
        "id": tactic.id,
        "name": tactic.name,
        "reference": f"{SITE}/tactics/{tactic.id}/",
    }


def _techniques(techniques: Iterable[Technique], table: Attack) -> list[Json]:
    """Return techniques, each with those of its parts that are named."""
    parents: dict[str, list[Technique]] = {}
    for technique in sorted(techniques, key=lambda entry: entry.id):
        parts = parents.setdefault(technique.parent, [])
        if technique.id != technique.parent:
            parts.append(technique)
    return [
        _technique(table.techniques[identifier])
        | ({"subtechnique": [_technique(part) for part in parts]} if parts else {})
        for identifier, parts in sorted(parents.items())
    ]


def _technique(technique: Technique) -> Json:
    path = technique.id.replace(".", "/")
    return {
        "id": technique.id,
        "name": technique.name,
        "reference": f"{SITE}/techniques/{path}/",
    }
