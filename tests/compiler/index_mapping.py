"""An index as a profile describes it, as far as the test server knows the types."""

from typing import Any

from sigma2hive.schema import INDEX_SETTINGS, mapping_of

SETTINGS: dict[str, Any] = dict(INDEX_SETTINGS)

__all__ = ["SETTINGS", "mapping_of"]
