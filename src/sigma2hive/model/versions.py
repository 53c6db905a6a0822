"""Versions: which commit of a Git checkout a rule's text is from."""

from __future__ import annotations

from enum import StrEnum

from sigma2hive.records import dataclass


class VersionState(StrEnum):
    """How a file compares with the checkout that it lies in."""

    UNKNOWN = "unknown"  # no checkout, or Git cannot be asked
    COMMITTED = "committed"
    CHANGED = "changed"  # differs from what was committed
    NEW = "new"  # was never committed


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """The commit that brought a file's text into the checkout, as 40 or 64 hexadecimal digits.

    Of a changed file `commit` is the last one that touched it.
    """

    state: VersionState = VersionState.UNKNOWN
    commit: str = ""

    @property
    def is_as_committed(self) -> bool:
        """Whether the commit holds the file's text as it is."""
        return self.state is VersionState.COMMITTED
