"""sigma2hive: Sigma rules in Git to TheHive alerts."""

__version__ = "0.1.0"
