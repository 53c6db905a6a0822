"""What a rule says about itself: dates, status and ATT&CK tags.

Takes a document; gives findings with the place of each key or item.

Source: https://github.com/SigmaHQ/sigma-specification (Sigma 2.1: rules, tags appendix)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.attack import attack
from sigma2hive.yamlmarks import Document

#: The second form is that of Sigma 1.
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{4})/([0-9]{2})/([0-9]{2})")
_PREFIX = "attack."
_TECHNIQUE = re.compile(r"t[0-9]{4}(?:\.[0-9]{3})?")
#: Groups, software, campaigns, mitigations and data sources have ids that we do not ship, and so
#: have the techniques of the ICS matrix.
_NOT_KNOWN_HERE = re.compile(r"(?:g|s|c|m|ds)[0-9]{4}|t0[0-9]{3}(?:\.[0-9]{3})?")


def lint_metadata(document: Document, findings: Diagnostics) -> None:
    """Report dates that are none, a missing status, and tags that ATT&CK does not have."""
    dates = {key: _lint_date(document, key, findings) for key in ("date", "modified")}
    first, last = dates["date"], dates["modified"]
    if first and last and last < first:
        message = f"the rule was modified before its date, {first}"
        findings.warning("S2H222", document.at("modified"), message, "mend one of the two")
    value = document.value
    if value.get("status") is None and "filter" not in value:
        message = "the rule has no status, so nobody knows how far it has been tried"
        hint = "add `status:` with experimental, test or stable"
        findings.info("S2H223", document.at(), message, hint)
    tags = value.get("tags")
    for position, tag in enumerate(tags if isinstance(tags, list) else ()):
        if isinstance(tag, str) and tag.lower().startswith(_PREFIX):
            _lint_attack(document, position, tag.lower()[len(_PREFIX) :], findings)


def _lint_date(document: Document, key: str, findings: Diagnostics) -> date | None:
    """Return the date that stands there, None where there is none or it is wrong."""
    value = document.value.get(key)
    if value is None or isinstance(value, (Mapping, list)):
        return None
    written = document.written(key).strip()
    found = _DATE.fullmatch(written)
    try:
        if found is not None:
            year, month, day = (int(group) for group in found.groups() if group)
            return date(year, month, day)
    except ValueError:
        pass
    message = f"`{key}` is '{written}', which is no date"
    hint = "write an existing day as YYYY-MM-DD, as 2026-01-31"
    findings.warning("S2H222", document.value_at(key), message, hint)
    return None


def _lint_attack(document: Document, position: int, name: str, findings: Diagnostics) -> None:
    table, place = attack(), document.at("tags", position)
    if _TECHNIQUE.fullmatch(name) and not _NOT_KNOWN_HERE.fullmatch(name):
        technique = name.upper()
        if technique in table.techniques:
            return
        successor = table.technique(technique)
        if successor is not None:
            message = (
                f"ATT&CK revoked {technique}; {successor.id} ({successor.name}) took its place"
            )
            hint = f"write attack.{successor.id.lower()}"
            findings.warning("S2H225", place, message, hint)
            return
        message = f"ATT&CK for Enterprise {table.version} has no technique {technique}"
        hint = "look it up on https://attack.mitre.org; deprecated ones are gone"
        findings.warning("S2H224", place, message, hint)
        return
    tactic = name.replace("_", "-")
    known = {entry.id.lower() for entry in table.tactics.values()}
    if _NOT_KNOWN_HERE.fullmatch(name) or tactic in table.tactics or name in known:
        return
    if now := table.tactics_named(tactic):
        names = " and ".join(entry.short_name for entry in now)
        message = f"in ATT&CK {table.version} the tactic {tactic} has become {names}"
        findings.info("S2H225", place, message, "take the one that the technique belongs to")
        return
    hint = nearest(tactic, table.tactics, "write a tactic's name or a technique's id")
    message = f"ATT&CK for Enterprise {table.version} has no '{name}'"
    findings.warning("S2H224", place, message, hint)
