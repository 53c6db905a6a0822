"""Lines of JSON scanned at once, and the columns of what stands in them.

Takes bytes that end in a line feed; gives for each line whether it surely is one JSON object, each
key given once, with a usual time. Of such lines each field's values can be asked for: numbers of
distinct texts, which are the texts that `sigma2hive.model.values.flatten` gives. Null and empty
lists and objects are no values. Fractions and lists are given as the JSON that they stand as.
"""

from __future__ import annotations

import ctypes
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from ctypes import c_int32, c_uint32
from enum import IntEnum
from functools import cached_property
from itertools import compress
from typing import Any, Final, NamedTuple

from sigma2hive.native.library import ColumnFound, PathSeen, Settings, library
from sigma2hive.native.paths import Paths
from sigma2hive.records import dataclass

_SEPARATOR: Final = "\x1e"
_EDGE: Final = _SEPARATOR.encode()
#: Kinds of plain lines, or of those for the careful reader.
_RUN: Final = re.compile(rb"(\x00+)|\x01+")


class LineKind(IntEnum):
    """What a line is: plain, one for the careful reader, or blank."""

    PLAIN = 0
    CAREFUL = 1
    BLANK = 2


class Kind(IntEnum):
    """What stands under a key.

    `LINES` is a text of nothing but lines' ends, `NOTHING` null or an empty list, `OTHER` a list
    or a fraction.
    """

    TEXT = 0
    LINES = 1
    INTEGER = 2
    BOOLEAN = 3
    OTHER = 5
    NOTHING = 6
    OBJECT = 7

    # That of an enum is worked out from its name.
    __hash__ = int.__hash__


_NO_SHAPE: Final = 0xFFFFFFFF
_KINDS: Final = {int(kind): kind for kind in Kind}


class Read(NamedTuple):
    """What makes a field's texts of those that stand in lines.

    Those that have another `length`, in characters, are the same.
    """

    texts: Callable[[list[str]], list[str]]
    length: int


#: A key's number among the paths of a scan, and what stands there.
Mark = tuple[int, Kind]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a plain line may be at most, as `sources.Limits` says; `short` bytes are always less.

    `max_lines` are scanned at once.
    """

    max_bytes: int
    max_fields: int
    max_depth: int
    max_path_bytes: int
    short: int
    max_lines: int


#: Of a value in a document that an index gave there is no bound: it gave it.
_UNBOUNDED: Final = Bounds(*[0xFFFFFFFF] * 6)
_SOURCE: Final = "_source"


class Names(NamedTuple):
    """Keys that say what a line is.

    `times` are where the time may be and `strange` what no plain line has: keys without dots in
    them, with dots between those that lead to another. `root` is the key in which the event lies
    where it is not the whole. With `has_shapes` lines are told apart by their shapes.
    """

    times: Sequence[str]
    strange: Sequence[str] = ()
    root: str = ""
    has_shapes: bool = False


class Scanner:
    """Scans lines."""

    def __init__(self, loaded: ctypes.CDLL, bounds: Bounds, names: Names) -> None:
        self._library = loaded
        self._root = names.root
        # Kept here, since a structure keeps only where they stand.
        self._names = _joined(names.times), _joined(names.strange)
        largest = 0xFFFFFFFF
        self._settings = Settings(
            max_line=min(bounds.max_bytes, largest),
            max_values=min(bounds.max_fields, largest),
            max_depth=min(bounds.max_depth, largest),
            max_path_bytes=bounds.max_path_bytes,
            short_line=bounds.short,
            max_lines=bounds.max_lines,
            times=self._names[0],
            strange=self._names[1],
            times_size=len(self._names[0]),
            strange_size=len(self._names[1]),
            has_shapes=names.has_shapes,
        )

    def scan(self, text: bytes, end: int) -> Scan:
        """Return what stands in the first lines before `end`, where one ends.

        Raises:
            MemoryError: there is not enough.
        """
        found = self._library.s2h_scan(text, end, ctypes.byref(self._settings))
        if not found:
            raise MemoryError("no memory for scanning events")
        return Scan(self._library, found, text, self._library.s2h_taken(found), self._root)

    def scan_answer(self, text: bytes) -> Answer | None:
        """Return the hits of an answer of Elasticsearch as lines; None where it is not plain."""
        found = self._library.s2h_scan_answer(text, len(text), ctypes.byref(self._settings))
        if not found:
            return None
        start, end = self._library.s2h_hits_start(found), self._library.s2h_hits_end(found)
        hits = Scan(self._library, found, text, len(text), self._root)
        return Answer(hits, text[:start] + b"[]" + text[end:])


def scanner_of(bounds: Bounds, times: Sequence[str], strange: Sequence[str]) -> Scanner | None:
    """Return a scanner; None where there is no library, or no name of a time."""
    loaded = library()
    usable = [name for name in times if "\n" not in name]
    if loaded is None or not usable:
        return None
    return Scanner(loaded, bounds, Names(usable, strange))


def shape_scanner(bounds: Bounds, time: str) -> Scanner | None:
    """Return what scans lines and tells their shapes, of which each has its time at a path.

    None where there is no library.
    """
    loaded = library()
    return None if loaded is None else Scanner(loaded, bounds, Names([time], has_shapes=True))


def answer_scanner(time: str) -> Scanner | None:
    """Return what scans answers, whose documents have their time in a field.

    None where there is no library. A hit with `fields` besides its document is not plain.
    """
    loaded = library()
    names = Names([f"{_SOURCE}.{time}"], ["fields"], _SOURCE)
    return None if loaded is None else Scanner(loaded, _UNBOUNDED, names)


def _joined(names: Sequence[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


class Answer(NamedTuple):
    """An answer of Elasticsearch: its hits, and the JSON of all else with an empty list of hits."""

    hits: Scan
    envelope: bytes


class Scan:
    """Some lines, scanned."""

    def __init__(
        self, loaded: ctypes.CDLL, found: int, text: bytes, end: int, root: str = ""
    ) -> None:
        self.text = text
        #: Where the last line's ending ends.
        self.end = end
        self._root = root
        self._library = loaded
        self._found = found
        self._freed = loaded.s2h_free
        count = loaded.s2h_lines(found)
        # Of no hits there is nothing anywhere.
        self._starts = (c_uint32 * count).from_address(loaded.s2h_line_starts(found) or found)
        self._ends = (c_uint32 * count).from_address(loaded.s2h_line_ends(found) or found)
        #: The kind of each line.
        self.kinds = ctypes.string_at(loaded.s2h_line_kinds(found) or found, count)
        #: For each line 1 where a text of it has an ASCII character or a slash escaped that most
        #: would write otherwise.
        self.odd = ctypes.string_at(loaded.s2h_line_odd(found) or found, count)

    def __del__(self) -> None:
        """Give its memory back."""
        self._freed(self._found)

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.kinds)

    def runs(self, is_plain: Sequence[bool] | None = None) -> Iterator[tuple[range, bool]]:
        """Yield lines that follow each other, and whether they are plain, but for blank ones.

        `is_plain` tells of each line whether it is where more is asked than that it is one here.
        """
        kinds = self.kinds
        if is_plain is not None:
            careful = [kind or not plain for kind, plain in zip(kinds, is_plain, strict=True)]
            kinds = bytes(careful)
        for found in _RUN.finditer(kinds):
            yield range(*found.span()), found.group(1) is not None

    def line(self, number: int) -> bytes:
        """Return a line without its ending, by its number among these."""
        return self.text[self._starts[number] : self._ends[number]]

    def size_of(self, part: range) -> int:
        """Return how many bytes lines that follow each other have; not none of them."""
        return int(self._ends[part.stop - 1] - self._starts[part.start])

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins."""
        return list(self._starts)

    @cached_property
    def line_shapes(self) -> list[int]:
        """The number of each line's shape; that of one which is not plain is none."""
        return _numbers(c_uint32, self._library.s2h_line_shapes(self._found), len(self))

    @property
    def marks(self) -> int:
        """How many keys all shapes have."""
        return int(self._library.s2h_marks(self._found))

    @cached_property
    def shapes(self) -> list[list[Mark]]:
        """What lines of each shape have alike: their keys in their order, and what stands there.

        A key that leads to others comes before them. Two shapes may be alike.
        """
        starts = (c_uint32 * self._library.s2h_shapes(self._found))()
        marks = (c_uint32 * self._library.s2h_marks(self._found))()
        self._library.s2h_shapes_seen(self._found, starts, marks)
        numbers = marks[:]  # at once, and not one by one
        known = {mark: (mark >> 3, _KINDS[mark & 7]) for mark in set(numbers)}
        each = list(map(known.__getitem__, numbers))
        ends = [*starts, len(each)][1:]
        return [each[start:end] for start, end in zip(starts, ends, strict=True)]

    def alike(self, numbers: Sequence[int]) -> list[list[int]]:
        """Return plain lines of the same shape with the same texts under some paths' numbers.

        Where chance, or somebody, makes many texts look the same at first, several may be alike.

        Raises:
            MemoryError: there is not enough.
        """
        wanted = (c_uint32 * len(numbers))(*numbers)
        groups = (c_uint32 * len(self))()
        if not self._library.s2h_alike(self._found, wanted, len(numbers), groups):
            raise MemoryError("no memory for telling events apart")
        lines: dict[int, list[int]] = {}
        for line, group in enumerate(groups):
            lines.setdefault(group, []).append(line)
        lines.pop(_NO_SHAPE, None)
        return list(lines.values())

    @cached_property
    def paths(self) -> Paths:
        """The paths at which values stand."""
        count = self._library.s2h_paths(self._found)
        seen = (PathSeen * count)()
        self._library.s2h_paths_seen(self._found, seen)
        return Paths(self.text, seen, self._root)

    def empty_lines(self, number: int) -> list[int]:
        """Return the lines whose text under a path's number is empty.

        Raises:
            MemoryError: there is not enough.
        """
        column = self._by_line(number)
        return column.rows_unlike(bool) if column.may_have_empty else []

    def lines_unlike(self, number: int, is_usual: Callable[[str], bool]) -> list[int]:
        """Return the lines whose text under a path's number is there, and not a usual one.

        Raises:
            MemoryError: there is not enough.
        """
        return self._by_line(number).rows_unlike(is_usual)

    def _by_line(self, number: int) -> Column:
        """Return the values under a path's number, with lines as rows."""
        return self.column(number, array("i", range(len(self))))

    def column(
        self, number: int, row_of: array[int], wanted: bytes | None = None, read: Read | None = None
    ) -> Column:
        """Return the values under a path's number.

        `row_of` gives each line's row, -1 for none; rows rise. `wanted` is a bitmap of rows, the
        first in the lowest bit of the first byte; None asks for all. `read` makes of the
        distinct texts what the field has.

        Raises:
            MemoryError: there is not enough.
        """
        address, _ = row_of.buffer_info()
        found = self._library.s2h_column(
            self._found, number, address, wanted, 0 if wanted is None else len(wanted)
        )
        if not found:
            raise MemoryError("no memory for a column")
        return Column(self._library, found, self.text, read)


class Column:
    """Values of one path: in `rows` those of `codes`, which number the `texts`."""

    def __init__(
        self, loaded: ctypes.CDLL, found: Any, text: bytes, read: Read | None = None
    ) -> None:
        self._library = loaded
        self._found = found
        self._read = read
        self._freed = loaded.s2h_free_column
        self._text = text
        self._content: ColumnFound = found.contents

    def __del__(self) -> None:
        """Give its memory back."""
        self._freed(self._found)

    def __len__(self) -> int:
        """How many values there are, others aside."""
        return int(self._content.count)

    @property
    def changed_length(self) -> int | None:
        """The length in characters of texts that may stand otherwise in lines; None: all are so."""
        return None if self._read is None else self._read.length

    @property
    def stored(self) -> tuple[int | None, int | None, int]:
        """Where the distinct texts are, as they stand in lines, and where their ends; how many."""
        found = self._content
        return found.texts, found.ends, found.distinct

    @property
    def numbered(self) -> tuple[int | None, int | None, int]:
        """Where the rows are, and where the numbers of their texts; how many."""
        found = self._content
        return found.rows, found.codes, found.count

    @property
    def may_have_empty(self) -> bool:
        """Whether one of the texts may be empty; False where none is."""
        found = self._content
        if not found.distinct:
            return False
        joined = _EDGE + ctypes.string_at(found.texts, found.size) + _EDGE
        return _EDGE + _EDGE in joined

    @property
    def distinct(self) -> int:
        """How many distinct texts there are."""
        return int(self._content.distinct)

    @property
    def size(self) -> int:
        """How many bytes they have."""
        return int(self._content.size)

    @cached_property
    def texts(self) -> list[str]:
        """Each distinct text; one that is written in several ways may be here more than once."""
        return self._as_read(self._stored_texts())

    def texts_of(self, codes: Sequence[int]) -> list[str]:
        """Return some of the texts, by their numbers."""
        if 2 * len(codes) > self.distinct or "texts" in self.__dict__:
            return [self.texts[code] for code in codes]
        found = self._content
        ends = (c_uint32 * found.distinct).from_address(found.ends)
        starts = [ends[code - 1] + 1 if code else 0 for code in codes]
        places = zip(starts, codes, strict=True)
        texts = [ctypes.string_at(found.texts + at, ends[code] - at) for at, code in places]
        return self._as_read([text.decode() for text in texts])

    def rows_unlike(self, is_usual: Callable[[str], bool]) -> list[int]:
        """Return the rows whose text is not a usual one."""
        odd = {code for code, text in enumerate(self.texts) if not is_usual(text)}
        if not odd:
            return []
        return [row for row, code in zip(self.rows, self.codes, strict=True) if code in odd]

    def _as_read(self, texts: list[str]) -> list[str]:
        return texts if self._read is None else self._read.texts(texts)

    def _stored_texts(self) -> list[str]:
        found = self._content
        if not found.distinct:
            return []
        joined = ctypes.string_at(found.texts, found.size)
        if found.is_parted:
            return joined.decode().split(_SEPARATOR)
        ends = (c_uint32 * found.distinct).from_address(found.ends)[:]
        starts = [0, *(end + 1 for end in ends)]
        return [joined[start:end].decode() for start, end in zip(starts, ends, strict=False)]

    @property
    def rows(self) -> list[int]:
        """The row of each value, in rising order."""
        return _numbers(c_int32, self._content.rows, self._content.count)

    @property
    def codes(self) -> list[int]:
        """The number of the text of each value."""
        return _numbers(c_uint32, self._content.codes, self._content.count)

    @property
    def cells(self) -> Sequence[str]:
        """The text of each of the rows."""
        return list(map(self.texts.__getitem__, self.codes))

    @property
    def others(self) -> list[tuple[int, bytes]]:
        """Rows with a list or a fraction, as the JSON that it is."""
        found = self._content
        columns = (
            _numbers(c_uint32, found.other_rows, found.others),
            _numbers(c_uint32, found.other_starts, found.others),
            _numbers(c_uint32, found.other_lengths, found.others),
        )
        text = self._text
        return [(row, text[at : at + size]) for row, at, size in zip(*columns, strict=True)]

    @property
    def mask(self) -> int:
        """The rows as a bitmap."""
        bits = (ctypes.c_char * self.width)()
        self._library.s2h_rows(self._found, bits, len(bits))
        return int.from_bytes(bits, "little")

    def mask_of(self, codes: Iterable[int]) -> int:
        """Return the rows that have one of some texts, as a bitmap."""
        groups = [-1] * self.distinct
        for code in codes:
            groups[code] = 0
        return self.masks(groups, 1)[0]

    def masks(self, groups: Sequence[int], count: int) -> list[int]:
        """Return `count` bitmaps of rows.

        `groups` gives for each text the number of the one that its rows are in, -1 for none.
        """
        width = self.width
        bits = (ctypes.c_char * (width * count))()
        of_codes = (c_int32 * len(groups))(*groups)
        self._library.s2h_group_rows(self._found, of_codes, bits, width)
        raw = bytes(bits)
        return [
            int.from_bytes(raw[start : start + width], "little")
            for start in range(0, width * count, width)
        ]

    @property
    def width(self) -> int:
        """How many bytes a bitmap of the rows has."""
        count, rows = self._content.count, self._content.rows
        return 1 + (c_int32.from_address(rows + 4 * (count - 1)).value >> 3) if count else 0


class MadeColumn:
    """A column in which other texts stand in place of another's, None where there is nothing."""

    def __init__(self, column: Column | MadeColumn, texts: Sequence[str | None]) -> None:
        self._column: Column = column if isinstance(column, Column) else column._column
        self.texts = texts
        self._are_all_there = None not in texts

    @cached_property
    def _cells(self) -> tuple[Sequence[int], Sequence[int]]:
        rows, codes = self._column.rows, self._column.codes
        if self._are_all_there:
            return rows, codes
        is_there = [self.texts[code] is not None for code in codes]
        return list(compress(rows, is_there)), list(compress(codes, is_there))

    @property
    def rows(self) -> Sequence[int]:
        """The row of each value, in rising order."""
        return self._cells[0]

    @property
    def codes(self) -> Sequence[int]:
        """The number of the text of each value."""
        return self._cells[1]

    @property
    def cells(self) -> Sequence[str]:
        """The text of each of the rows."""
        return [text for code in self.codes if (text := self.texts[code]) is not None]

    @cached_property
    def mask(self) -> int:
        """The rows as a bitmap."""
        if self._are_all_there:
            return self._column.mask
        return self._column.masks([-1 if text is None else 0 for text in self.texts], 1)[0]

    def masks(self, groups: Sequence[int], count: int) -> list[int]:
        """Return bitmaps of rows as `Column.masks` does; the group of nothing is -1."""
        return self._column.masks(groups, count)


def _numbers(kind: Any, address: int | None, count: int) -> list[int]:
    if not count or address is None:
        return []
    numbers: list[int] = (kind * count).from_address(address)[:]
    return numbers
