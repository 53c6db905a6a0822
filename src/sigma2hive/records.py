"""Frozen dataclasses that are made, and make their objects, in less than half of the time.

Takes a class with annotations; gives what the library's `dataclass(frozen=True, slots=True)` gives.
That writes and compiles six functions for each class, which takes half a millisecond: for two
hundred classes a quarter of a short command. Its objects set their fields by name; here each slot
is set by its own descriptor. Fields, `replace` and patterns are the library's. What asks for more,
it makes itself.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, **options):
        """Return a dataclass, as the library's decorator of this name does."""

        def made(given):
            is_usual = options == {"frozen": True, "slots": True} and _is_plain(given)
            return _record(given) if is_usual else dataclasses.dataclass(**options)(given)

        return made if cls is None else made(cls)


def _is_plain(cls: type) -> bool:
    """Whether a class inherits nothing, and asks for nothing but fields with or without default."""
    if cls.__bases__ != (object,) or hasattr(cls, "__post_init__"):
        return False
    if "__eq__" in vars(cls):  # Python takes the hash from such a class
        return False
    given = [value for value in vars(cls).values() if isinstance(value, dataclasses.Field)]
    annotations = " ".join(map(str, inspect.get_annotations(cls).values()))
    is_special = any(word in annotations for word in ("ClassVar", "InitVar", "KW_ONLY"))
    return not is_special and all(
        field.init and field.kw_only is not True and field.hash is None for field in given
    )


def _record(cls: type) -> type:
    # What is left to the library: the fields, their order and defaults, slots, `__match_args__`.
    # Under its other name, since type checkers read decorators of this one.
    make = dataclasses.dataclass
    made: type = make(init=False, repr=False, eq=False, slots=True)(cls)
    for name, method in (_compiled(made) | _COMMON).items():
        if name not in vars(cls):  # what a class says itself counts
            setattr(made, name, method)
    made.__dataclass_params__.frozen = True  # type: ignore[attr-defined]  # for who inherits
    return made


def _compiled(cls: type) -> dict[str, Any]:
    """Return the methods that are called very often, by name; compiled at once."""
    fields = dataclasses.fields(cls)
    known: dict[str, Any] = {"_MISSING": dataclasses.MISSING}
    parameters, settings = ["self"], []
    for field in fields:
        name = field.name
        known[f"_set_{name}"] = vars(cls)[name].__set__
        value = name
        if field.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = field.default_factory
            parameters.append(f"{name}=_MISSING")
            value = f"_make_{name}() if {name} is _MISSING else {name}"
        elif field.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        settings.append(f" _set_{name}(self, {value})")
    compared = [field.name for field in fields if field.compare]
    mine, others = _tuple_of("self", compared), _tuple_of("other", compared)
    text = "\n".join(
        (
            f"def __init__({', '.join(parameters)}):",
            *(settings or [" pass"]),
            "def __eq__(self, other):",
            " if other.__class__ is self.__class__:",
            f"  return {mine} == {others}",
            " return NotImplemented",
            "def __hash__(self):",
            f" return hash({mine})",
        )
    )
    exec(text, known)  # noqa: S102  # names of fields only, as the library does
    methods = {name: known[name] for name in ("__init__", "__eq__", "__hash__")}
    for name, method in methods.items():
        method.__module__, method.__qualname__ = cls.__module__, f"{cls.__qualname__}.{name}"
    return methods


def _tuple_of(owner: str, names: list[str]) -> str:
    return "(" + "".join(f"{owner}.{name}," for name in names) + ")"


def _repr(self: Any) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}"
        for field in dataclasses.fields(self)
        if field.repr
    )
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _state(self: Any) -> tuple[object, ...]:
    return tuple(getattr(self, field.name) for field in dataclasses.fields(self))


def _set_state(self: Any, state: tuple[object, ...]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


def _refuse_to_set(_: object, name: str, __: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_COMMON = {
    "__repr__": _repr,
    "__getstate__": _state,
    "__setstate__": _set_state,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
}
