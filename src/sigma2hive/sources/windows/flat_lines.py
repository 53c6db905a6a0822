"""Raw Windows events of scanned lines on one level: the same as `flat` makes of them one by one.

Takes scanned lines, each a raw event; gives the fields that they have under Sigma's own names, and
which of the lines are plain: each value one text, number or boolean, or a list of texts, and each
name given once. What is plain is decided by shape, of which logs have few.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from sigma2hive.model.events import TIME_FIELD
from sigma2hive.native import Kind, Mark, Numbered, NumberedFields, Read, Scan
from sigma2hive.sources.windows.flat import NAMED_BY_ELEMENT, NO_NAMES
from sigma2hive.sources.windows.raw import ATTRIBUTES, GUID_LENGTH, TEXT, as_windows_writes

#: Where the time of a raw event stands, its keys with dots between them.
TIME_PATH: Final = f"Event.System.TimeCreated.{ATTRIBUTES}.SystemTime"
_TIME = "TimeCreated"
_SCALARS: Final = frozenset((Kind.TEXT, Kind.LINES, Kind.INTEGER, Kind.BOOLEAN))
_EMPTY: Final = frozenset((Kind.NOTHING, Kind.OBJECT))
_ONLY_TEXTS: Final = frozenset((str,))
_IDS: Final = frozenset((Kind.TEXT, Kind.LINES, Kind.INTEGER))
#: Where the two things lie in System that an event is told by: an EventID may have attributes.
_ID_PATHS: Final = frozenset((("EventID",), ("EventID", TEXT), ("EventRecordID",)))
_ID_NAMES: Final = frozenset(keys[0] for keys in _ID_PATHS)


class _Place(NamedTuple):
    """A field's name; `is_written`: a GUID gets braces; `is_list`: it has several texts."""

    name: str
    is_written: bool = True
    is_list: bool = False


class _Meaning(NamedTuple):
    """What a key's value is: a field, or none; `is_id`: one that an event is told by."""

    place: _Place | None
    is_id: bool = False


#: Only the reader of single events knows.
_NOT_PLAIN: Final = _Meaning(None, True)


class _NotPlainError(Exception):
    """It is for the reader of single events."""


class FlatFields:
    """The fields of those lines that are plain."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._numbers: dict[str, list[Numbered]] = {}
        self._as_they_are: set[int] = set()
        #: For each line whether it is plain.
        self.is_plain = self._read_shapes()

    def __len__(self) -> int:
        """How many fields there are."""
        return len(self._numbers)

    def of(self, path: str) -> list[Numbered]:
        """Return the numbers under which a field's values are."""
        return self._numbers.get(path, [])

    def written_out(self) -> Mapping[str, list[Numbered]]:
        """Return the numbers of every field."""
        return self._numbers

    def read_of(self, number: int) -> Read | None:
        """Return what makes a field's texts of those under a number; None: they are the same."""
        return None if number in self._as_they_are else _WRITTEN

    def fields_of(self, row_of: array[int]) -> NumberedFields:
        """Return the fields of lines that are these rows."""
        return _Written(self._scan, self, row_of)

    def _read_shapes(self) -> list[bool]:
        meanings = {mark: self._meaning_of(mark) for mark in self._marks()}
        plain: dict[Mark, _Meaning] = {}
        is_plain: list[bool] = []
        for marks in self._scan.shapes:
            each = list(map(meanings.__getitem__, marks))
            is_plain.append(_are_plain(each))
            if is_plain[-1]:
                plain.update(zip(marks, each, strict=True))
        self._note(plain)
        shapes = len(is_plain)
        are_plain = [shape < shapes and is_plain[shape] for shape in self._scan.line_shapes]
        for line in self._lines_unlike_others(plain):
            are_plain[line] = False
        return are_plain

    def _lines_unlike_others(self, plain: Mapping[Mark, _Meaning]) -> Iterator[int]:
        """Yield lines that are not plain, though others of their shape are."""
        for (number, kind), (place, is_id) in plain.items():
            if is_id and kind is Kind.TEXT:
                yield from self._scan.empty_lines(number)
            elif place is not None and place.is_list:
                lines = array("i", range(len(self._scan)))
                others = self._scan.column(number, lines).others
                yield from (line for line, raw in others if not _is_list_of_texts(raw))

    def _marks(self) -> set[Mark]:
        return set().union(*self._scan.shapes)

    def _meaning_of(self, mark: Mark) -> _Meaning:
        number, kind = mark
        keys = self._scan.paths.keys_to(number)
        try:
            place = _place_of(keys, kind)
        except _NotPlainError:
            return _NOT_PLAIN
        is_id = place is not None and keys[1] == "System" and keys[2:] in _ID_PATHS
        if is_id and kind not in _IDS:
            return _NOT_PLAIN
        return _Meaning(place, is_id)

    def _note(self, plain: Mapping[Mark, _Meaning]) -> None:
        numbers: dict[str, dict[int, bool]] = {}
        for (number, _), (place, _) in plain.items():
            if place is not None:
                of_name = numbers.setdefault(place.name, {})
                of_name[number] = of_name.get(number, False) or place.is_list
                if not place.is_written:
                    self._as_they_are.add(number)
        self._numbers = {name: list(of_name.items()) for name, of_name in numbers.items()}
        if _TIME in self._numbers:
            self._numbers[TIME_FIELD] = self._numbers[_TIME]


def _are_plain(meanings: Sequence[_Meaning]) -> bool:
    """Whether an event is plain in which all of these stand."""
    if _NOT_PLAIN in meanings:
        return False
    places = [(place.name, is_id) for place, is_id in meanings if place is not None]
    names = {name for name, _ in places}
    # What is the time stands under both names.
    if len(names) < len(places) or _TIME not in names or TIME_FIELD in names:
        return False
    return {name for name, is_id in places if is_id} == _ID_NAMES


def _written(texts: list[str]) -> list[str]:
    return [as_windows_writes(text) if len(text) == GUID_LENGTH else text for text in texts]


_WRITTEN: Final = Read(_written, GUID_LENGTH)
_MAY_BE_GUID: Final = re.compile(rb'"[0-9A-F]{8}-')


class _Written(NumberedFields):
    """Fields whose lists of texts are written as others are."""

    def others(self, path: str) -> Iterator[list[tuple[int, bytes]]]:
        """Yield rows with a list at a path, in rising order, and its JSON."""
        for found in super().others(path):
            yield [(row, _written_list(raw)) for row, raw in found]


def _written_list(raw: bytes) -> bytes:
    return orjson.dumps(_written(orjson.loads(raw))) if _MAY_BE_GUID.search(raw) else raw


def _is_list_of_texts(raw: bytes) -> bool:
    found = orjson.loads(raw)
    return type(found) is list and _ONLY_TEXTS.issuperset(map(type, found))


@lru_cache(maxsize=4096)  # logs have few shapes, which batches repeat
def _place_of(keys: tuple[str, ...], kind: Kind) -> _Place | None:
    """Return the field that a key's value is, None where it is none.

    Raises:
        _NotPlainError: only the reader of single events knows.
    """
    if keys[0] != "Event":
        return None
    if len(keys) < 3:
        _refuse(kind not in _ALLOWED.get(keys[-1] if len(keys) > 1 else "", frozenset(Kind)))
        return None
    section, inside = keys[1], keys[2:]
    if section == "System":
        return _place_in_system(inside, kind)
    if section == "EventData":
        return None if inside[0] in NO_NAMES else _place_in_event_data(inside, kind)
    if section == "UserData":
        return _place_in_user_data(inside, kind)
    if section == "RenderingInfo" and inside[0] == "Message":
        return _single(inside, kind)
    return None


#: Section → what may stand there as a whole; "" is the event.
_ALLOWED: Final[Mapping[str, frozenset[Kind]]] = {
    "": frozenset((Kind.OBJECT,)),
    "System": frozenset((Kind.OBJECT,)),
    "EventData": _EMPTY,
    "UserData": _EMPTY,
}


def _place_in_system(inside: Sequence[str], kind: Kind) -> _Place | None:
    name = inside[0]
    if len(inside) == 1:
        _refuse(kind is Kind.OTHER or not name)
        if kind not in _SCALARS:
            return None
        _refuse(name == _TIME)
        return _Place(name, is_written=False)
    is_attribute = len(inside) == 3 and inside[1] == ATTRIBUTES and inside[2] not in NO_NAMES
    if len(inside) == 2 and inside[1] == ATTRIBUTES:
        _refuse(kind not in _EMPTY)
        return None
    _refuse(not is_attribute and not (len(inside) == 2 and inside[1] == TEXT))
    full = f"{name}_{inside[2]}" if is_attribute else name
    named = NAMED_BY_ELEMENT.get(full, full)
    # Of a time the scanner has seen that it is one, where that is the text of its attribute.
    is_time = named == _TIME
    _refuse(is_time and not (is_attribute and kind is Kind.TEXT and name == _TIME))
    return _single((named,), kind)


def _place_in_event_data(inside: Sequence[str], kind: Kind) -> _Place | None:
    """Return the field of a value, be it that or the text of an element of its name."""
    if len(inside) == 1 and kind is Kind.OBJECT:
        return None  # what is in it says more
    is_element = len(inside) == 2 and inside[1] == TEXT
    return _several(inside[:1] if is_element else inside, kind)


def _place_in_user_data(inside: Sequence[str], kind: Kind) -> _Place | None:
    """Return the field of a text in an element, or of an attribute, by its own name alone."""
    _refuse(inside[0] in NO_NAMES)
    keys = [key for key in inside[1:] if key != TEXT]
    if ATTRIBUTES in keys:
        # A name may stand for that of the element, and is told apart by the whole.
        attribute = keys[keys.index(ATTRIBUTES) + 1 :]
        _refuse(attribute[:1] == ["Name"] or len(attribute) > 1 or TEXT in inside)
        if not attribute:
            _refuse(kind not in _EMPTY)
        if not attribute or attribute[0].startswith("xmlns"):
            return None
    if kind in _EMPTY:
        return None
    if not keys:
        _refuse(kind not in _SCALARS)
        return None
    return _several(keys[-1:], kind)


def _several(inside: Sequence[str], kind: Kind) -> _Place | None:
    """Return the field of one text, number or boolean, or of a list of texts."""
    if kind is Kind.OTHER and len(inside) == 1 and inside[0]:
        return _Place(inside[0], is_list=True)
    return _single(inside, kind)


def _single(inside: Sequence[str], kind: Kind) -> _Place | None:
    """Return the field of one text, number or boolean."""
    if kind is Kind.NOTHING and len(inside) == 1:
        return None
    _refuse(len(inside) > 1 or not inside[0] or kind not in _SCALARS)
    return _Place(inside[0])


def _refuse(is_refused: bool) -> None:
    if is_refused:
        raise _NotPlainError
