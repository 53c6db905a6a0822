"""The sourceRef of an alert, by which TheHive and our own store know it again."""

from __future__ import annotations

from sigma2hive.model.canonical import digest
from sigma2hive.model.matches import Match


def source_ref(match: Match) -> str:
    """Return the match's sourceRef: 64 hexadecimal digits (TheHive takes 128 characters)."""
    return digest(match.identity)
