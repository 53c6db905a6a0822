"""TheHive as a sink: each alert arrives once, whole where TheHive takes it whole."""

from sigma2hive.sinks.thehive.sink import check_thehive, open_thehive, thehive_courier

__all__ = ["check_thehive", "open_thehive", "thehive_courier"]
