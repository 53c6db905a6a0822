"""Doubles: servers that tests use where the real one cannot be had."""
