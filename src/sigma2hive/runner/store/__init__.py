"""What the service remembers; `interface` says what a store promises."""

from typing import TYPE_CHECKING

from sigma2hive.lazily import importing

if TYPE_CHECKING:
    from sigma2hive.runner.store.opening import open_state, open_store

__all__ = ["open_state", "open_store"]

__getattr__ = importing(__name__, dict.fromkeys(__all__, "opening"))
