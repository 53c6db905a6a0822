"""In-process evaluation: the reference evaluator and correlations."""

from sigma2hive.engine.correlations import Correlated, Episode, Group, correlate, least_count
from sigma2hive.engine.grouping import group_values
from sigma2hive.engine.reference import Decision, holds, matches, prepare, reasons_for

__all__ = [
    "Correlated",
    "Decision",
    "Episode",
    "Group",
    "correlate",
    "group_values",
    "holds",
    "least_count",
    "matches",
    "prepare",
    "reasons_for",
]
