"""In-process evaluation: the reference evaluator and correlations."""

from sigma2hive.engine.batches import Engine, Hits
from sigma2hive.engine.columns import Columns, rows_of
from sigma2hive.engine.correlations import (
    Correlated,
    Episode,
    Group,
    correlate,
    least_count,
    occurrences_of,
)
from sigma2hive.engine.grouping import Found, Occurrence, group_values
from sigma2hive.engine.reference import Decision, holds, matches, prepare, reasons_for
from sigma2hive.engine.tallies import CORRELATIONS

__all__ = [
    "CORRELATIONS",
    "Columns",
    "Correlated",
    "Decision",
    "Engine",
    "Episode",
    "Found",
    "Group",
    "Hits",
    "Occurrence",
    "correlate",
    "group_values",
    "holds",
    "least_count",
    "matches",
    "occurrences_of",
    "prepare",
    "reasons_for",
    "rows_of",
]
