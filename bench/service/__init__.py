"""Measurements of the service; `bench.runner` runs them."""
