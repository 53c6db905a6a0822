"""Our frozen dataclasses beside the library's: whoever uses one cannot tell which it is."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import pytest

from sigma2hive.records import dataclass as ours


class Plain:
    """A class with each kind of field that is ours to make."""

    number: int
    text: str = "a"
    seen: list[int] = field(default_factory=list)
    place: str = field(default="here", compare=False)
    hidden: int = field(default=0, repr=False)

    @property
    def doubled(self) -> int:
        return 2 * self.number


class Empty:
    """Nothing."""


class HashedOtherwise:
    """Its own hash counts."""

    text: str
    rest: dict[str, int] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.text)


class EqualOtherwise:  # noqa: PLW1641  # that is what it is for
    """Its own equality counts; Python takes the hash from such a class."""

    text: str

    def __eq__(self, other: object) -> bool:
        return self.text.lower() == getattr(other, "text", "").lower()


def made(decorator: Any, kind: type) -> Any:
    """Return a class as a decorator makes it, where pickle finds it."""
    copied = type(
        kind.__name__,
        (),
        {k: v for k, v in vars(kind).items() if k[:6] != "__dict" and k != "__weakref__"},
    )
    return decorator(frozen=True, slots=True)(copied)


Ours = made(ours, Plain)
Theirs = made(dataclasses.dataclass, Plain)
Ours.__qualname__ = "Ours"  # pickle finds a class by its name


def outcome(do: Callable[[], object]) -> object:
    try:
        return do()
    except Exception as error:
        return type(error), str(error).replace("Ours", "Plain")


@pytest.mark.parametrize(
    "do",
    [
        lambda kind: kind(1) == kind(1, "a", [], "elsewhere"),
        lambda kind: kind(1) == kind(2),
        lambda kind: kind(1) == (1, "a", [], 0),
        lambda kind: kind(1) != kind(1, hidden=3),
        lambda kind: repr(kind(1, "b", [2])).replace("Ours", "Plain"),
        lambda kind: hash(kind(1, seen=())) == hash((1, "a", (), 0)),
        lambda kind: hash(kind(1)),
        lambda kind: kind(),
        lambda kind: kind(1, nothing=2),
        lambda kind: setattr(kind(1), "number", 2),
        lambda kind: delattr(kind(1), "text"),
        lambda kind: dataclasses.asdict(dataclasses.replace(kind(1, "b", [2]), number=3)),
        lambda kind: [entry.name for entry in dataclasses.fields(kind)],
        lambda kind: kind.__match_args__,
        lambda kind: kind.__slots__,
        lambda kind: kind(2).doubled,
        lambda kind: kind(1).seen is kind(1).seen,
        lambda kind: dataclasses.asdict(copy.deepcopy(kind(1, "b", [2], "c", 5))),
        lambda kind: list(inspect.signature(kind).parameters),
        lambda kind: kind.__doc__,
        lambda kind: hasattr(kind(1), "__dict__"),
    ],
)
def test_the_same_comes_of_it(do: Callable[[Any], object]) -> None:
    assert outcome(lambda: do(Ours)) == outcome(lambda: do(Theirs))


def test_nothing_else_is_set_either() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="'unknown'"):
        Ours(1).unknown = 2


def test_it_is_pickled_with_all_fields() -> None:
    one = Ours(1, "b", [2], "there", 4)
    again = pickle.loads(pickle.dumps(one, pickle.HIGHEST_PROTOCOL))
    assert (again, again.place) == (one, "there")


def test_a_pattern_takes_its_fields() -> None:
    match Ours(7):
        case Ours(number, text):
            assert (number, text) == (7, "a")


def test_a_class_without_fields_is_one_value() -> None:
    kind = made(ours, Empty)
    assert kind() == kind()
    assert hash(kind()) == hash(made(dataclasses.dataclass, Empty)())
    assert repr(kind()) == "Empty()"


class Named:
    """Names that our own code has, too."""

    hash: int
    other: str = "a"
    _set0: int = 0
    _1: list[int] = field(default_factory=list)
    _MISSING: int = 3


class OfItself:
    """A field that is called as methods call their object."""

    self: int
    cls: int = 2


@pytest.mark.parametrize("kind", [Named, OfItself])
def test_fields_may_have_any_name(kind: type) -> None:
    ours_made, theirs = (made(decorator, kind) for decorator in (ours, dataclasses.dataclass))
    assert repr(ours_made(1)) == repr(theirs(1))
    assert ours_made(1) == ours_made(1)
    assert ours_made(1) != ours_made(2)
    (first, *_) = (entry.name for entry in dataclasses.fields(theirs))
    assert dataclasses.astuple(ours_made(**{first: 5})) == dataclasses.astuple(theirs(5))


def test_a_method_says_whose_it_is() -> None:
    for name in ("__init__", "__eq__", "__hash__"):
        method = getattr(Ours, name)
        assert (method.__name__, method.__qualname__) == (name, f"Plain.{name}")
        assert method.__module__ == __name__


def test_what_a_class_says_itself_counts() -> None:
    one, other = (made(ours, HashedOtherwise)("a", {name: 1}) for name in "bc")
    assert hash(one) == hash(other) == hash("a")
    assert one != other


def test_a_class_with_its_own_equality_has_the_hash_of_the_library_s() -> None:
    ours_made, theirs = (made(kind, EqualOtherwise) for kind in (ours, dataclasses.dataclass))
    assert ours_made("a") == ours_made("A")
    assert hash(ours_made("a")) == hash(theirs("a"))


def test_what_asks_for_more_is_made_by_the_library() -> None:
    @ours(frozen=True, slots=True)
    class Checked:
        number: int
        named: int = field(kw_only=True, default=1)
        made: int = field(init=False, default=2)
        kept: ClassVar[int] = 3

        def __post_init__(self) -> None:
            if self.number < 0:
                raise ValueError("negative")

    @ours(slots=True)
    class Changing:
        number: int

    @ours(frozen=True, slots=True)
    class Below(Ours):  # type: ignore[misc]  # made above
        more: int = 0

    with pytest.raises(ValueError, match="negative"):
        Checked(-1)
    assert [entry.name for entry in dataclasses.fields(Checked)] == ["number", "named", "made"]
    changing = Changing(1)
    changing.number = 2
    assert changing == Changing(2)
    assert Below(1, more=2) == Below(1, more=2)
