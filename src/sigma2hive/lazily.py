"""Names that a package gives without importing their modules before somebody asks.

A run with stored rules needs no pySigma, one over files no Elasticsearch client: what it does not
import, it does not wait for. Each takes a tenth of a second and more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def importing(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's `__getattr__`: a name of `homes` is imported from the module under it.

    Source: https://peps.python.org/pep-0562/
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find
