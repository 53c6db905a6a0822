"""Frozen dataclasses that are made, and make their objects, in less than half of the time.

Takes a class with annotations; gives what the library's `dataclass(frozen=True, slots=True)` gives.
That writes and compiles six functions for each class, which takes half a millisecond: for two
hundred classes a quarter of a short command. Here they are compiled once for as many fields. Its
objects set their fields by name; here each slot is set by its own descriptor. Fields, `replace` and
patterns are the library's. What asks for more, it makes itself.
"""

from __future__ import annotations

import dataclasses
import inspect
from functools import cache
from types import CodeType, FunctionType
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
    if "self" in inspect.get_annotations(cls):
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
    """Return the methods that are called very often, by name."""
    fields = dataclasses.fields(cls)
    known: dict[str, Any] = {"_MISSING": dataclasses.MISSING, "__name__": cls.__module__}
    defaults: list[Any] = []
    is_made: list[bool] = []
    for number, field in enumerate(fields):
        known[f"_set{number}"] = vars(cls)[field.name].__set__
        is_made.append(field.default_factory is not dataclasses.MISSING)
        if is_made[-1]:
            known[f"_make{number}"] = field.default_factory
            defaults.append(dataclasses.MISSING)
        elif field.default is not dataclasses.MISSING:
            defaults.append(field.default)
    compared = [field.name for field in fields if field.compare]
    codes = {
        "__init__": _with_names(_init_code(tuple(is_made)), [field.name for field in fields]),
        "__eq__": _with_names(_eq_code(len(compared)), compared),
        "__hash__": _with_names(_hash_code(len(compared)), compared),
    }
    methods = {}
    for name, code in codes.items():
        method = FunctionType(code, known, name, tuple(defaults) if name == "__init__" else None)
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        methods[name] = method
    return methods


# Compiling takes as long as all else of a class, so methods of so many fields are compiled once,
# with `_0` and so on for the names of fields.


@cache
def _init_code(is_made: tuple[bool, ...]) -> CodeType:
    names = [f"_{number}" for number in range(len(is_made))]
    lines = [
        f" _set{number}(self, _make{number}() if {name} is _MISSING else {name})"
        if made
        else f" _set{number}(self, {name})"
        for number, (name, made) in enumerate(zip(names, is_made, strict=True))
    ]
    return _code("\n".join((f"def _(self, {', '.join(names)}):", *(lines or [" pass"]))))


@cache
def _eq_code(count: int) -> CodeType:
    mine, others = _tuple_of("self", count), _tuple_of("other", count)
    return _code(
        "def _(self, other):\n"
        " if other.__class__ is self.__class__:\n"
        f"  return {mine} == {others}\n"
        " return NotImplemented"
    )


@cache
def _hash_code(count: int) -> CodeType:
    return _code(f"def _(self):\n return hash({_tuple_of('self', count)})")


def _tuple_of(owner: str, count: int) -> str:
    return "(" + "".join(f"{owner}._{number}," for number in range(count)) + ")"


def _code(text: str) -> CodeType:
    known: dict[str, Any] = {}
    exec(text, known)  # noqa: S102  # names of our own only, as the library does
    code: CodeType = known["_"].__code__
    return code


def _with_names(code: CodeType, names: list[str]) -> CodeType:
    """Return code with the names of fields, which are parameters or attributes."""
    real = {f"_{number}": name for number, name in enumerate(names)}
    return code.replace(
        co_varnames=tuple(real.get(name, name) for name in code.co_varnames),
        co_names=tuple(real.get(name, name) for name in code.co_names),
    )


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
