"""Snapshots in profile files: the key `snapshot`, written and read.

Takes snapshots, or the node of a profile file; gives text, or snapshots. The text follows from the
snapshots alone and has one field a line, so that a changed field is a changed line:

    process.name keyword ignore_above=1024 .caseless=keyword,normalizer=lowercase
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sigma2hive.model.snapshots import IndexedField, Normalizer, Snapshot, Subfield
from sigma2hive.schema.nodes import Node

_PATTERN_KEYS = ("pulled", "indices", "closed", "sourceless", "fields")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*\Z")
#: Words that YAML 1.1 does not read as text.
_NO_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
#: One word of a field's line; what stands in quotes is a JSON text.
_WORD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')
_BARE = re.compile(r"[!#-\[\]-~]+\Z")
#: Words that say yes to something, and the attribute that they set.
_FLAGS = {
    "runtime": "is_runtime",
    "script": "has_script",
    "copied": "is_copy",
    "takes_malformed": "takes_malformed",
    "unkept": "is_unkept",
    "closed": "is_closed",
    "disabled": "is_disabled",
}
_UNSEARCHABLE = "unsearchable"


def render_snapshots(snapshots: Sequence[Snapshot]) -> str:
    """Return the key `snapshot` with its value, as YAML; "" where there are none."""
    if not snapshots:
        return ""
    lines = ["snapshot:"]
    for entry in sorted(snapshots, key=lambda entry: entry.pattern):
        lines += _pattern_lines(entry)
    return "\n".join(lines) + "\n"


def field_line(fact: IndexedField) -> str:
    """Return one fact as a line, with where it holds."""
    words = [_quoted(fact.path), _quoted(fact.type), *_field_words(fact)]
    words += [f".{_quoted(entry.name)}={_subfield_word(entry)}" for entry in fact.subfields]
    if fact.indices:
        words.append(f"in={','.join(map(_quoted, fact.indices))}")
    return " ".join(words)


def _pattern_lines(entry: Snapshot) -> Iterator[str]:
    if not entry.indices:
        pulled = f"pulled: {entry.pulled}, " if entry.pulled else ""
        yield f"  {_scalar(entry.pattern)}: {{{pulled}indices: []}}"
        return
    yield f"  {_scalar(entry.pattern)}:"
    if entry.pulled:
        yield f"    pulled: {entry.pulled}"
    for key in ("indices", "closed", "sourceless"):
        names: tuple[str, ...] = getattr(entry, key)
        if names:
            yield f"    {key}:"
            yield from (f"      - {_scalar(name)}" for name in names)
    if entry.fields:
        yield "    fields: |"
        yield from (f"      {field_line(fact)}" for fact in entry.fields)


def _field_words(fact: IndexedField) -> Iterator[str]:
    if fact.ignore_above:
        yield f"ignore_above={fact.ignore_above}"
    if fact.normalizer:
        yield f"normalizer={fact.normalizer.value}"
    if fact.target:
        yield f"target={_quoted(fact.target)}"
    if fact.value is not None:
        yield f"value={json.dumps(fact.value)}"
    if fact.null_value is not None:
        yield f"null_value={json.dumps(fact.null_value)}"
    if not fact.is_searchable:
        yield _UNSEARCHABLE
    yield from (word for word, name in _FLAGS.items() if getattr(fact, name))


def _subfield_word(entry: Subfield) -> str:
    words = [_quoted(entry.type)]
    if entry.ignore_above:
        words.append(f"ignore_above={entry.ignore_above}")
    if entry.normalizer:
        words.append(f"normalizer={entry.normalizer.value}")
    if not entry.is_searchable:
        words.append(_UNSEARCHABLE)
    if entry.has_null_value:
        words.append("null_value")
    return ",".join(words)


def _scalar(text: str) -> str:
    is_plain = _PLAIN.match(text) and text.lower() not in _NO_TEXT
    return text if is_plain else json.dumps(text)


def _quoted(text: str) -> str:
    """Return a name as it is where it is one word without signs that mean something here."""
    is_bare = _BARE.match(text) and not set(",=") & set(text)
    return text if is_bare else json.dumps(text).replace("=", "\\u003d")


def read_snapshots(node: Node) -> tuple[Snapshot, ...]:
    """Return what the value of `snapshot` says; findings where it says something else."""
    if not node.is_mapping("'snapshot'"):
        return ()
    return tuple(_snapshot(pattern, child) for pattern, child in node.pairs())


def _snapshot(pattern: str, node: Node) -> Snapshot:
    if not node.is_mapping("what a pattern has"):
        return Snapshot(pattern)
    node.refuse_unknown_keys(_PATTERN_KEYS)
    indices = tuple(item.text() for item in node.required("indices").children())
    facts = []
    if node.has("fields"):
        fields, reader = node.get("fields"), _LineReader(indices)
        for number, line in enumerate(fields.text().splitlines(), 1):
            try:
                facts.append(reader.fact(line))
            except ValueError as error:
                message = f"line {number} of the fields, {line[:60]!r}: {error}"
                hint = "remove the key `snapshot`, and run `sigma2hive schema pull` again"
                fields.wrong(message, hint)
    return Snapshot(
        pattern,
        indices,
        tuple(facts),
        tuple(item.text() for item in node.items("closed")),
        tuple(item.text() for item in node.items("sourceless")),
        _day(node.get("pulled")) if node.has("pulled") else None,
        node.location,
    )


def _day(node: Node) -> date | None:
    text = node.text()
    try:
        return date.fromisoformat(text)
    except ValueError:
        node.wrong(f"{text!r} is no day", "run `sigma2hive schema pull` again")
        return None


class _LineReader:
    """Reads lines; what stands behind the name is read once, for most fields have it in common."""

    def __init__(self, indices: tuple[str, ...]) -> None:
        self._indices = indices
        self._read: dict[str, dict[str, Any]] = {}

    def fact(self, line: str) -> IndexedField:
        """Return the fact in a line.

        Raises:
            ValueError: it is none; says why.
        """
        name, _, rest = line.partition(" ")
        if '"' in name:
            found = _WORD.match(line)
            name = found.group() if found else name
            rest = line[len(name) + 1 :]
        if rest not in self._read:
            self._read[rest] = self._attributes(rest)
        return IndexedField(_unquoted(name), **self._read[rest])

    def _attributes(self, rest: str) -> dict[str, Any]:
        words = _WORD.findall(rest)
        if not words:
            raise ValueError("it has no name and type")
        if " ".join(words) != rest:
            raise ValueError("a quote is not closed, or there are blanks too many")
        read: dict[str, Any] = {"type": _unquoted(words[0])}
        subfields = []
        for word in words[1:]:
            if word.startswith("."):
                subfields.append(_subfield(word[1:]))
            else:
                read.update(_change(word, self._indices))
        return {**read, "subfields": tuple(subfields)}


def _change(word: str, indices: tuple[str, ...]) -> dict[str, Any]:
    key, equals, text = word.partition("=")
    if not equals:
        if word == _UNSEARCHABLE:
            return {"is_searchable": False}
        if word in _FLAGS:
            return {_FLAGS[word]: True}
    elif key == "ignore_above":
        return {key: _limit(text)}
    elif key == "normalizer":
        return {key: Normalizer(text)}
    elif key in ("target", "value", "null_value"):
        return {key: _unquoted(text)}
    elif key == "in":
        names = tuple(_unquoted(name) for name in _listed(text))
        if unknown := set(names) - set(indices):
            raise ValueError(f"{min(unknown)!r} is not under `indices`")
        return {"indices": names}
    raise ValueError(f"{word!r} is not known")


def _subfield(word: str) -> Subfield:
    name, _, text = word.partition("=")
    kind, *details = _listed(text)
    entry = Subfield(_unquoted(name), _unquoted(kind))
    for detail in details:
        key, _, value = detail.partition("=")
        if key == "ignore_above":
            entry = replace(entry, ignore_above=_limit(value))
        elif key == "normalizer":
            entry = replace(entry, normalizer=Normalizer(value))
        elif detail == _UNSEARCHABLE:
            entry = replace(entry, is_searchable=False)
        elif detail == "null_value":
            entry = replace(entry, has_null_value=True)
        else:
            raise ValueError(f"{detail!r} is not known")
    return entry


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise ValueError(f"{text!r} is no length")
    return int(text)


_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')


def _listed(text: str) -> list[str]:
    found = _ITEM.findall(text)
    if not found or ",".join(found) != text:
        raise ValueError("a value is missing")
    return found


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    read = json.loads(text)
    if not isinstance(read, str):
        raise ValueError(f"{text} is no text")
    return read
