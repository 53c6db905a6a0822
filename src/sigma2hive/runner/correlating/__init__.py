"""Correlations over cycles and restarts: from recorded matches, no counter lives in memory."""
