"""The events of a test.

Takes samples; gives events, and findings for what was put aside. An inline event without a time of
its own gets one: a rule's test is seldom about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rule_tests import Sample
from sigma2hive.model.times import NANOSECONDS, parse_time_ns, render_time
from sigma2hive.sources import Piece, SourceOptions, read_event, read_events
from sigma2hive.workflows.testing.sigma_names import SigmaNames

#: The time of a test's first inline event that has none; each further one is a second later.
START = "2026-01-01T00:00:00Z"
_START_NS = parse_time_ns(START) or 0


def load_samples(
    samples: Sequence[Sample], names: SigmaNames, logsources: Sequence[Logsource]
) -> Iterator[Event | Diagnostic]:
    """Yield the events of all samples, in order, in the fields of the profile.

    Inline ones go by their place in the test's file; `logsources` are those of the rules that the
    test is about.
    """
    for number, sample in enumerate(samples):
        if sample.path is None:
            time_ns = _START_NS + number * NANOSECONDS
            read = _inline(sample, time_ns, names.options)
            if isinstance(read, Event):
                read = names.translated(read, logsources, is_inline=True)
            yield read
            continue
        for entry in read_events([sample.path], names.options):
            if isinstance(entry, Diagnostic):
                yield entry
            elif entry.origin.endswith(sample.place):
                yield names.translated(entry, logsources, is_inline=False)


def _inline(sample: Sample, time_ns: int, options: SourceOptions) -> Event | Diagnostic:
    document = sample.inline
    if not _has_own_time(document):
        document = {"@timestamp": render_time(time_ns), **document}
    raw = json.dumps(document, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
    read = read_event(Piece(raw, sample.origin, time_ns), options)
    return read if isinstance(read, Event) else replace(read, hint="mend the event in the test")


def _has_own_time(document: Mapping[str, Any]) -> bool:
    """Whether a time stands in it, or where a raw Windows event or a hit has its own."""
    return any(key in document for key in ("@timestamp", "Event", "_source"))
