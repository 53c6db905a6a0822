"""Lines of NDJSON read fast where they are plain: an object, no surprises, a usual time.

Takes lines; gives for each its document where it is surely what the careful reader would make of
it, None where that has to look. What is passed on so is the same event, read much faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import orjson

from sigma2hive.model.times import is_usual_time
from sigma2hive.sources.interface import Limits, SourceOptions
from sigma2hive.sources.parsing import has_large_fraction, is_surely_small
from sigma2hive.sources.windows import FLAT, FLAVOURS, normalise_windows

#: Keys of what is no plain document: raw Windows events, search hits, whole responses.
OTHER_SHAPES = frozenset(("Event", "_source", "hits", "_index"))
#: After a quote, other than one that is surely escaped, which stands in a text.
_BLANK_BEFORE_COLON = re.compile(rb'"(?<![^\\]\\")[ \t\r\n]+:')
#: A line that is no longer has neither too many values nor too long paths, whatever is in it: of n
#: bytes n / 3 can be `"":`, and a path has less than n characters.
_SHORT_LINE = 7_000
#: orjson writes no more objects and arrays inside each other.
_WRITTEN_DEPTH = 254
#: Where a blank after a colon is looked for that tells how a file is written.
_START_BYTES = 200

_Document = Mapping[str, Any]


def plain_times(options: SourceOptions) -> tuple[str, ...]:
    """Return the fields that may have the time of which a plain line is told by."""
    # A dot may be one of the name, or lead into an object: the careful reader knows.
    return tuple(name for name in options.time_fields if "." not in name)


def short_line(limits: Limits) -> int:
    """Return how long a line may be that is within all limits, whatever is in it."""
    return min(_SHORT_LINE, limits.max_bytes, limits.max_fields)


class PlainReader:
    """Reads what is plain."""

    def __init__(self, options: SourceOptions) -> None:
        limits = self._limits = options.limits
        self._times = plain_times(options)
        self._flavour = options.flavour if options.flavour in (FLAT, *FLAVOURS) else None
        self._short = short_line(limits)
        self._is_depth_written = limits.max_depth >= _WRITTEN_DEPTH

    def documents_of(self, lines: Sequence[bytes | None]) -> list[_Document | None]:
        """Return the document of each line that is plain, None for others and for None.

        A line ends in a line feed, or is read more slowly. Of a plain one, some time field surely
        says the time, be it the first or not; of a raw Windows event it is the event's own. Numbers
        beyond 64 bits, and fractions with more digits than a float has, are rounded in it.
        """
        first = lines[0] if lines else None
        is_compact = first is None or b'": ' not in first[:_START_BYTES]
        plain = self._plain
        return [None if line is None else plain(line, is_compact) for line in lines]

    def record_of(self, raw: bytes) -> _Document | None:
        """Return a raw Windows event in the fields of the flavour asked for, where it is plain.

        That is: whole, with its id and time.
        """
        if self._flavour is None:
            return None
        line = raw + b"\n"
        record = self._exact(line, True)
        return None if record is None else self._plain_record(record)

    def _plain(self, line: bytes, is_compact: bool) -> _Document | None:
        document = self._exact(line, is_compact)
        if document is None:
            return None
        if not document.keys().isdisjoint(OTHER_SHAPES):
            return self._plain_record(document)
        for name in self._times:
            time = document.get(name)
            if type(time) is str and is_usual_time(time):
                return document
        return None

    def _plain_record(self, record: dict[str, Any]) -> _Document | None:
        event = record.get("Event")
        system = event.get("System") if type(event) is dict else None
        if type(system) is not dict or not _is_id(system.get("EventRecordID")):
            return None
        return _normalised(record, self._flavour)

    def _exact(self, line: bytes, is_compact: bool) -> dict[str, Any] | None:
        """Return the object that a line is, each key once; None where it may be none or too large.

        Whether it is written without blanks, `is_compact`, may be wrong.
        """
        size = len(line)
        if size > self._short and not self._is_small(line):
            return None
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        if type(document) is not dict:
            return None
        # What is tried first is a matter of time; that equal lines are read alike is not.
        first, second = self._is_as_written, self._has_each_key_once
        if not is_compact:
            first, second = second, first
        return document if first(line, document) or second(line, document) else None

    def _is_small(self, line: bytes) -> bool:
        return len(line) <= self._limits.max_bytes + 1 and is_surely_small(line, self._limits)

    def _is_as_written(self, line: bytes, document: dict[str, Any]) -> bool:
        """Whether writing the document gives the line again, which has each key once then.

        For so has what is written: an object's keys are distinct there, and spelt in one way.
        """
        if not self._is_depth_written:
            return False
        try:
            return orjson.dumps(document, None, orjson.OPT_APPEND_NEWLINE) == line
        except orjson.JSONEncodeError:  # too deep
            return False

    def _has_each_key_once(self, line: bytes, document: dict[str, Any]) -> bool:
        """Whether surely no key is given twice, of which a fast reader keeps one."""
        is_deep = line.count(b"{") + line.count(b"[") > self._limits.max_depth
        if is_deep or _may_have_blanks(line):
            return False
        # A quote before a colon ends a key, or is escaped in a text, or begins a text.
        written = line.count(b'":')
        if written == len(document):
            return True
        if b'\\\\":' in line:  # the end of a key that ends in a backslash?
            return False
        written -= line.count(b'\\":')
        keys, beginning = _quotes_before_colons(document)
        return written == keys or (written == keys + beginning and b"\\u00" not in line)


def _normalised(record: dict[str, Any], flavour: str | None) -> _Document | None:
    # A number that becomes text tells nobody any more that it was rounded.
    if flavour is None or (flavour != FLAT and has_large_fraction(record)):
        return None
    try:
        document = normalise_windows(record, flavour)
    except ValueError:
        return None
    time = document.get("@timestamp")
    return document if type(time) is str and is_usual_time(time) else None


def _is_id(value: Any) -> bool:
    return type(value) is int or (type(value) is str and value != "")


def _may_have_blanks(text: bytes) -> bool:
    """Whether a blank may stand between a key and its colon."""
    # Tabs and carriage returns stand in no text, and a colon after a blank is soon found.
    may_have = b" :" in text or b"\t" in text or b"\r" in text or b"\n:" in text
    return may_have and _BLANK_BEFORE_COLON.search(text) is not None


def _quotes_before_colons(document: _Document) -> tuple[int, int]:
    """Count the keys, and the texts (keys too) that begin with a colon."""
    keys = beginning = 0
    stack: list[Any] = [document]
    while stack:
        node = stack.pop()
        texts: Iterable[Any] = node
        if type(node) is dict:
            keys += len(node)
            texts = chain(node, node.values())
        for part in texts:
            if type(part) is str:
                beginning += part.startswith(":")
            elif type(part) in (dict, list):
                stack.append(part)
    return keys, beginning
