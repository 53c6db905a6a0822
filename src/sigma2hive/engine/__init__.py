"""In-process evaluation: the reference evaluator and correlations."""

from sigma2hive.engine.correlations import Correlated, Episode, Group, correlate
from sigma2hive.engine.reference import Decision, holds, matches, prepare, reasons_for

__all__ = [
    "Correlated",
    "Decision",
    "Episode",
    "Group",
    "correlate",
    "holds",
    "matches",
    "prepare",
    "reasons_for",
]
