"""Objects of our own data model as bytes, and back.

Takes and gives what `model`, findings and the engine's program are made of. Of bytes, whoever wrote
them, nothing else is ever made: no function is called and no other class is looked at.
"""

from __future__ import annotations

import gc
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache
from io import BytesIO
from operator import attrgetter
from typing import Any

_OWN_MODULES = ("sigma2hive.model.", "sigma2hive.diagnostics", "sigma2hive.engine.program")
_OTHER_CLASSES = frozenset(
    {
        ("sigma2hive.workflows.made", "Made"),
        ("sigma2hive.compiler.exceptions", "Exceptions"),
        ("sigma2hive.compiler.rules", "Outcome"),
        ("sigma2hive.workflows.store.compiling", "Layer"),
        ("datetime", "date"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("ipaddress", "IPv4Network"),
        ("ipaddress", "IPv6Network"),
        ("ipaddress", "IPv4Address"),
        ("ipaddress", "IPv6Address"),
        ("pathlib", "PosixPath"),
        ("pathlib", "WindowsPath"),
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("collections", "OrderedDict"),
    }
)

_Reducer = Callable[[Any], tuple[type, tuple[Any, ...]]]


def dumped(*values: object) -> bytes:
    """Return the bytes that `loaded` makes equal values of, one after the other."""
    stream = BytesIO()
    pickler = pickle.Pickler(stream, pickle.HIGHEST_PROTOCOL)
    # By itself, pickle asks a frozen dataclass for its state in Python, field by field.
    pickler.dispatch_table = _reducers(len(sys.modules))
    for value in values:
        pickler.dump(value)
    return stream.getvalue()


def loaded(content: bytes | memoryview) -> Any:
    """Return what was dumped, of several the first.

    Raises:
        Exception: any, where the bytes are no such thing.
    """
    return _OwnUnpickler(BytesIO(content)).load()


def loaded_both(content: bytes | memoryview) -> tuple[Any, Any]:
    """Return the first two of what was dumped.

    Raises:
        Exception: any, where the bytes are no such thing.
    """
    unpickler = _OwnUnpickler(BytesIO(content))
    return unpickler.load(), unpickler.load()


@contextmanager
def without_collection() -> Iterator[None]:
    """Look for no garbage meanwhile: where nearly all stays, looking doubles the time.

    What is there the first time is not looked at later either. Not so what is there when a service
    loads its rules again: of that, some may be garbage.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():
                gc.freeze()
            gc.enable()


class _OwnUnpickler(pickle.Unpickler):
    """Makes objects of our own data model, and of nothing that could do anything."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        return _class_named(module_name, global_name, super().find_class)


_FOUND: dict[tuple[str, str], type] = {}


def _class_named(module_name: str, name: str, find: Callable[[str, str], Any]) -> type:
    found = _FOUND.get((module_name, name))
    if found is not None:
        return found
    is_own = module_name.startswith(_OWN_MODULES)
    if is_own or (module_name, name) in _OTHER_CLASSES:
        found = find(module_name, name)
        # A module also has the names that it imports.
        is_home = not is_own or getattr(found, "__module__", "") == module_name
        if is_home and isinstance(found, type) and not issubclass(found, BaseException):
            _FOUND[module_name, name] = found
            return found
    raise pickle.UnpicklingError(f"{module_name}.{name} is not stored here")


@cache
def _reducers(_modules: int) -> dict[type, _Reducer]:
    """Return how the data classes are made again, of the modules that are there by now."""
    return {
        kind: _reducer(kind)
        for name, module in list(sys.modules.items())
        if name.startswith(_OWN_MODULES)
        for kind in vars(module).values()
        if isinstance(kind, type)
        and kind.__module__ == name
        and is_dataclass(kind)
        and all(field.init for field in fields(kind))
    }


def _reducer(kind: type) -> _Reducer:
    names = [field.name for field in fields(kind)]
    if not names:
        return lambda _: (kind, ())
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda value: (kind, (only(value),))
    every = attrgetter(*names)
    return lambda value: (kind, every(value))
