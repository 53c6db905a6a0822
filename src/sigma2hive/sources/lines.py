"""Lines of NDJSON read fast where they are plain: an object, no surprises, a usual time.

Takes lines; gives for each its document where it is surely what the careful reader would make of
it, None where that has to look. What is passed on so is the same event, read much faster.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sigma2hive.model.times import is_usual_time
from sigma2hive.sources.interface import Limits
from sigma2hive.sources.parsing import is_surely_small
from sigma2hive.sources.windows import flat_document

#: Keys of what is no plain document: raw Windows events, search hits, whole responses.
_OTHER_SHAPES = ("Event", "_source", "hits", "_index")
_BLANK_BEFORE_COLON = re.compile(rb'"[ \t\r\n]+:')
_SHORT_LINE = 4096

_Document = Mapping[str, Any]


def plain_documents(
    lines: Sequence[bytes], limits: Limits, time_fields: Sequence[str]
) -> list[_Document | None]:
    """Return the document of each line that is plain, None for others; `lines` are not blank.

    Of a plain one, some field of `time_fields` surely says the time, be it the first or not.
    Numbers beyond 64 bits, and fractions with more digits than a float has, are rounded in it.
    """
    # A dot may be one of the name, or lead into an object: the careful reader knows.
    times = tuple(name for name in time_fields if "." not in name)
    documents = [_plain(raw, limits, times) for raw in lines]
    if _may_have_blanks(b"\n".join(lines)):
        for position, raw in enumerate(lines):
            if _may_have_blanks(raw):
                documents[position] = None
    return documents


def plain_record(raw: bytes, limits: Limits) -> _Document | None:
    """Return a raw Windows event on one level where it is plain: whole, with its id and time."""
    record = _object(raw, limits)
    if record is None or _may_have_blanks(raw):
        return None
    event = record.get("Event")
    system = event.get("System") if type(event) is dict else None
    if type(system) is not dict or not _is_id(system.get("EventRecordID")):
        return None
    try:
        document = flat_document(record)
    except ValueError:
        return None
    time = document.get("@timestamp")
    return document if type(time) is str and is_usual_time(time) else None


def _is_id(value: Any) -> bool:
    return type(value) is int or (type(value) is str and value != "")


def _plain(raw: bytes, limits: Limits, times: Sequence[str]) -> _Document | None:
    document = _object(raw, limits)
    if document is None:
        return None
    for key in _OTHER_SHAPES:
        if key in document:
            return None
    for name in times:
        time = document.get(name)
        if type(time) is str and is_usual_time(time):
            return document
    return None


def _object(raw: bytes, limits: Limits) -> dict[str, Any] | None:
    """Return the object that a line is, each key once; None where it may be none or too large."""
    if len(raw) > limits.max_bytes:
        return None
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if type(document) is not dict:
        return None
    if len(raw) <= _SHORT_LINE and len(raw) <= limits.max_fields:
        # Then only its depth can be too much.
        is_small = raw.count(b"{") + raw.count(b"[") <= limits.max_depth
    else:
        is_small = is_surely_small(raw, limits)
    # Of a key that is given twice, a fast reader keeps one.
    written = _keys_written(raw)
    has_each_once = written == len(document) or written == _keys_in(document)
    return document if is_small and has_each_once else None


def _keys_written(text: bytes) -> int:
    """Count keys that a colon follows at once; in a text, a quote before a colon is escaped."""
    return text.count(b'":') - text.count(b'\\":')


def _may_have_blanks(text: bytes) -> bool:
    """Whether a blank may stand between a key and its colon."""
    # Tabs and carriage returns stand in no text, and a colon after a blank is soon found.
    may_have = b" :" in text or b"\t" in text or b"\r" in text
    return may_have and _BLANK_BEFORE_COLON.search(text) is not None


def _keys_in(document: _Document) -> int:
    keys = 0
    stack: list[Any] = [document]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            keys += len(node)
            stack.extend(part for part in node.values() if type(part) in (dict, list))
        else:
            stack.extend(part for part in node if type(part) in (dict, list))
    return keys
