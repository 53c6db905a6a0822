"""In-process evaluation: the reference evaluator and correlations."""

from sigma2hive.engine.batches import Engine, Hits
from sigma2hive.engine.columns import Columns, rows_of
from sigma2hive.engine.correlations import Correlated, Episode, Group, correlate, least_count
from sigma2hive.engine.grouping import group_values
from sigma2hive.engine.reference import Decision, holds, matches, prepare, reasons_for

__all__ = [
    "Columns",
    "Correlated",
    "Decision",
    "Engine",
    "Episode",
    "Group",
    "Hits",
    "correlate",
    "group_values",
    "holds",
    "least_count",
    "matches",
    "prepare",
    "reasons_for",
    "rows_of",
]
