"""In-process evaluation: the reference evaluator and correlations."""

from sigma2hive.engine.correlations import Episode, find_episodes
from sigma2hive.engine.reference import holds, matches, reasons_for

__all__ = ["Episode", "find_episodes", "holds", "matches", "reasons_for"]
