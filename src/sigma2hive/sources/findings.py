"""Findings of one file, the first of each code named and the others counted.

Takes findings in the order of the file; tells which are named, and gives one more for each code
that had too many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from sigma2hive.diagnostics import Diagnostic

#: Findings of one code in one file that are named each; further ones are counted.
MAX_NAMED_FINDINGS = 1_000


class FewFindings:
    """Counts findings beyond `MAX_NAMED_FINDINGS` of their code."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()
        self._unnamed: Counter[str] = Counter()
        self._last: dict[str, Diagnostic] = {}

    def is_named(self, finding: Diagnostic) -> bool:
        """Count a finding; return whether it is one of those that are named."""
        self._found[finding.code] += 1
        if self._found[finding.code] <= MAX_NAMED_FINDINGS:
            return True
        self._last[finding.code] = finding
        self._unnamed[finding.code] += finding.count
        return False

    def unnamed(self) -> Iterator[Diagnostic]:
        """Yield the last one of each code that has unnamed ones, standing for all of them."""
        for code in sorted(self._last):
            yield replace(self._last[code], count=self._unnamed[code])

    def rest(self) -> Iterator[Diagnostic]:
        """Yield the same in words."""
        for finding in self.unnamed():
            named = f"{finding.count:,} more like the {MAX_NAMED_FINDINGS:,} above"
            yield replace(finding, message=f"{named}; the last: {finding.message}")
