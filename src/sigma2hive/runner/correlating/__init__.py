"""Correlations over cycles and restarts: from recorded matches, no counter lives in memory."""

from sigma2hive.runner.correlating.correlator import CorrelatingSettings, Correlator

__all__ = ["CorrelatingSettings", "Correlator"]
