"""What the service remembers; `interface` says what a store promises."""

from sigma2hive.lazily import importing

__all__ = ["open_state", "open_store"]

__getattr__ = importing(__name__, dict.fromkeys(__all__, "opening"))
