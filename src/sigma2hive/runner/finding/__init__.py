"""The ways to find what meets rules in a slice; all of them find the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sigma2hive.runner.finding.asking import Query
from sigma2hive.runner.finding.choosing import Auto
from sigma2hive.runner.finding.costs import AUTO, QUERY, STREAM
from sigma2hive.runner.finding.interface import Batch, Finder, Means
from sigma2hive.runner.finding.streaming import Stream

#: Every way that `service.way` may name, and what makes it.
WAYS: Mapping[str, Callable[[Means], Finder]] = {
    STREAM: lambda means: Stream(means.reader, means.matcher, means.decider),
    QUERY: Query,
    AUTO: Auto,
}

__all__ = ["WAYS", "Batch", "Finder", "Means", "Stream"]
