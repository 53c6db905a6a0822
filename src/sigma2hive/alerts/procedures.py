"""ATT&CK in an alert: procedures and links, from a rule's tags.

Takes Sigma tags (`attack.t1059.001`, `attack.execution`, `attack.g0016`); gives TheHive procedures
and Markdown links. Which technique belongs to which tactic is not known here, so a tactic is given
only where the rule leaves no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sigma2hive.model.alerts import Procedure

_TECHNIQUE = re.compile(r"attack\.(t[0-9]{4})(\.[0-9]{3})?", re.IGNORECASE)
_OTHER = re.compile(r"attack\.([gs][0-9]{4})", re.IGNORECASE)
_SITE = "https://attack.mitre.org"
_OTHER_PAGES: Mapping[str, str] = {"G": "groups", "S": "software"}

#: Tactics of ATT&CK Enterprise; defense-evasion until v18, stealth and defense-impairment after it.
#: Source: https://attack.mitre.org/tactics/enterprise/
TACTICS = frozenset(
    {
        "reconnaissance",
        "resource-development",
        "initial-access",
        "execution",
        "persistence",
        "privilege-escalation",
        "defense-evasion",
        "stealth",
        "defense-impairment",
        "credential-access",
        "discovery",
        "lateral-movement",
        "collection",
        "command-and-control",
        "exfiltration",
        "impact",
    }
)


def techniques_of(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the techniques as T1059.001, once each, in the rule's order."""
    found = (_TECHNIQUE.fullmatch(tag) for tag in tags)
    return tuple(dict.fromkeys((m[1] + (m[2] or "")).upper() for m in found if m))


def tactics_of(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tactics as credential-access; older rules write them with underscores."""
    names = (tag[len("attack.") :].lower().replace("_", "-") for tag in tags if _is_attack(tag))
    return tuple(dict.fromkeys(name for name in names if name in TACTICS))


def procedures_of(tags: Iterable[str], occurred_ns: int) -> tuple[Procedure, ...]:
    """Return one procedure a technique, with its tactic where the rule can mean no other.

    That is when it names one tactic and one technique (a technique and its sub-technique are one).
    """
    tags = tuple(tags)
    techniques, tactics = techniques_of(tags), tactics_of(tags)
    parents = {technique.partition(".")[0] for technique in techniques}
    tactic = tactics[0] if len(tactics) == 1 and len(parents) == 1 else ""
    return tuple(Procedure(technique, occurred_ns, tactic) for technique in techniques)


def attack_links(tags: Iterable[str]) -> tuple[str, ...]:
    """Return Markdown links for techniques, groups and software. Only checked ids get in."""
    tags = tuple(tags)
    links = [
        f"[{technique}]({_SITE}/techniques/{technique.replace('.', '/')}/)"
        for technique in techniques_of(tags)
    ]
    for found in filter(None, map(_OTHER.fullmatch, tags)):
        name = found[1].upper()
        links.append(f"[{name}]({_SITE}/{_OTHER_PAGES[name[0]]}/{name}/)")
    return tuple(dict.fromkeys(links))


def _is_attack(tag: str) -> bool:
    return tag.lower().startswith("attack.")
