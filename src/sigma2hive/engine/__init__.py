"""In-process evaluation: the reference evaluator and correlations."""

from sigma2hive.engine.correlations import Episode, find_episodes
from sigma2hive.engine.reference import Decision, holds, matches, prepare, reasons_for

__all__ = ["Decision", "Episode", "find_episodes", "holds", "matches", "prepare", "reasons_for"]
