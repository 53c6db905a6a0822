"""What a finding is called by while files change around it.

Takes findings in their order, and the lines that they point into; gives each a fingerprint: the
code, the path, the words without places, and the source line without its indentation. Lines that
are put before it change nothing. Of several that are alike each has a number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.canonical import digest
from sigma2hive.model.checks import Checked
from sigma2hive.repository import SourceFiles

_PLACES = re.compile(r":[0-9]+:[0-9]+|\bline [0-9]+")


def fingerprinted(findings: Iterable[Diagnostic], files: SourceFiles) -> Iterator[Checked]:
    """Yield each finding with its fingerprint."""
    seen: Counter[str] = Counter()
    for finding in findings:
        place = finding.location
        lines = files.lines(place)
        source = lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""
        words = _PLACES.sub("", finding.message)
        name = digest([finding.code, place.path, words, source])[:32]
        seen[name] += 1
        yield Checked(finding, name if seen[name] == 1 else f"{name}-{seen[name]}")
