"""What several targets say alike of one place, said once with all of their names.

Takes findings of several targets, in any order; gives them for people. Programs get each by itself,
so that it stays the same finding whatever targets are asked beside its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from sigma2hive.compiler import TARGETS
from sigma2hive.diagnostics import Diagnostic

#: What messages of targets begin with.
_NAMES = (*TARGETS, "ElastAlert 2")
_NAMED = re.compile(rf"({'|'.join(map(re.escape, _NAMES))}) (?=\w)")


def said_once(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the findings; of those that differ only by the target, one, which counts for all."""
    alike: dict[Diagnostic, list[Diagnostic]] = {}
    for finding in findings:
        alike.setdefault(_without_name(finding), []).append(finding)
    return [found[0] if len(found) == 1 else _joined(rest, found) for rest, found in alike.items()]


def _without_name(finding: Diagnostic) -> Diagnostic:
    named = _NAMED.match(finding.message)
    return finding if named is None else replace(finding, message=finding.message[named.end() :])


def _joined(rest: Diagnostic, found: list[Diagnostic]) -> Diagnostic:
    names = dict.fromkeys(named[1] for one in found if (named := _NAMED.match(one.message)))
    count = sum(finding.count for finding in found)
    if len(names) < 2:
        return replace(found[0], count=count)
    *first, last = names
    return replace(rest, message=f"{', '.join(first)} and {last} {rest.message}", count=count)
