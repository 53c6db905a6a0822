"""Measurements: programs that print a table. See bench/README.md."""
