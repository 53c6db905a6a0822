"""Correlations over cycles and restarts: from recorded matches, no counter lives in memory."""

from sigma2hive.runner.correlating.correlator import CorrelatingSettings, Correlator
from sigma2hive.runner.correlating.priming import past_in

__all__ = ["CorrelatingSettings", "Correlator", "past_in"]
