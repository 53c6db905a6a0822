"""Servers that sigma2hive talks to: one part for each, the only importer of its library."""
