"""YAML with the place of every key.

Takes a file or its content; gives its documents as plain Python values together with the line and
column of each key and item. Never executes tags, never lets aliases or nesting grow beyond a limit,
and refuses duplicate keys, which PyYAML takes silently.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Any

import yaml

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.records import dataclass

#: A rule, mapping or settings file above this is refused unread.
MAX_FILE_BYTES = 1024 * 1024
#: Values in one document with every alias written out; the largest SigmaHQ rule has about 4,000.
MAX_NODES = 50_000
MAX_DEPTH = 60

_STANDARD = "tag:yaml.org,2002:"
_TEXT, _LIST, _MAP = (_STANDARD + name for name in ("str", "seq", "map"))
_PLAIN_TAGS = frozenset({_LIST, _MAP})
_NUMBER_TAGS = frozenset({f"{_STANDARD}int", f"{_STANDARD}float"})
#: Values that stay the text that was written. Only its field knows whether a date is one.
_TEXT_TAGS = frozenset(_STANDARD + name for name in ("str", "timestamp", "value", "merge"))
_VALUE_TAGS = _NUMBER_TAGS | {f"{_STANDARD}bool", f"{_STANDARD}null"}
_MERGE_TAG = f"{_STANDARD}merge"
#: A longer number is none that anybody means, and costs quadratic time to read.
_MAX_DIGITS = 400

try:
    _SAFE_LOADER: Any = yaml.CSafeLoader
except AttributeError:  # a PyYAML built without libyaml
    _SAFE_LOADER = yaml.SafeLoader

_IMPLICIT: Mapping[str, Sequence[tuple[str, re.Pattern[str]]]] = (
    _SAFE_LOADER.yaml_implicit_resolvers
)


class _Loader(_SAFE_LOADER):  # type: ignore[misc]  # one of two
    """PyYAML's safe loader, which finds the tag of a node in fewer steps: it is asked for each."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        """Return the tag of a node that has none; no path and no wildcard says one here."""
        if kind is not yaml.ScalarNode:
            return _LIST if kind is yaml.SequenceNode else _MAP
        if implicit[0]:  # it is not in quotes
            for tag, pattern in _IMPLICIT.get(value[:1], ()):
                if pattern.match(value):
                    return tag
        return _TEXT


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its plain `value`, its `index` in the file and the place of its parts."""

    path: str
    value: Any
    index: int
    _root: yaml.Node

    def at(self, *keys: str | int) -> Location:
        """Return the place of the key (or list item) reached through `keys`.

        Where a key is missing, the place of the deepest one that is there.
        """
        node, mark = self._root, self._root.start_mark
        for key in keys:
            step = _step(node, key)
            if step is None:
                break
            node, mark = step
        return Location(self.path, mark.line + 1, mark.column + 1)

    def places_of_items(self, *keys: str | int) -> list[Location]:
        """Return the place of each item of the list reached through `keys`."""
        node = self._root
        for key in keys:
            step = _step(node, key)
            if step is None:
                return []
            node = step[0]
        items = node.value if isinstance(node, yaml.SequenceNode) else ()
        marks = (item.start_mark for item in items)
        return [Location(self.path, mark.line + 1, mark.column + 1) for mark in marks]

    def places_below(self, *keys: str | int) -> dict[tuple[str | int, ...], Location]:
        """Return the place of what `keys` lead to and of everything below it, by the keys on."""
        node, mark = self._root, self._root.start_mark
        for key in keys:
            step = _step(node, key)
            if step is None:
                return {}
            node, mark = step
        return dict(self._places(node, mark, ()))

    def _places(
        self, node: yaml.Node, mark: yaml.Mark, keys: tuple[str | int, ...]
    ) -> Iterator[tuple[tuple[str | int, ...], Location]]:
        yield keys, Location(self.path, mark.line + 1, mark.column + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield from self._places(value, key.start_mark, (*keys, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                yield from self._places(item, item.start_mark, (*keys, index))

    def value_of(self, *keys: str | int) -> Any:
        """Return the value reached through `keys`, which must be there."""
        value = self.value
        for key in keys:
            value = value[key]
        return value

    def written(self, *keys: str | int) -> str:
        """Return the text of the single value reached through `keys`, without its quotes.

        Raises:
            ValueError: there is no single value.
        """
        node = self._root
        for key in keys:
            step = _step(node, key)
            node = step[0] if step is not None else self._root
        if not isinstance(node, yaml.ScalarNode):
            raise ValueError(f"no single value at {keys}")
        text: str = node.value
        return text

    def value_at(self, *keys: str | int) -> Location:
        """Return the place where the value reached through `keys` starts, not its key."""
        node = self._root
        for key in keys:
            step = _step(node, key)
            if step is None:
                break
            node = step[0]
        return Location(self.path, node.start_mark.line + 1, node.start_mark.column + 1)


def _step(node: yaml.Node, key: str | int) -> tuple[yaml.Node, yaml.Mark] | None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if key_node.value == str(key):
                return value_node, key_node.start_mark
    elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        item = node.value[key]
        return item, item.start_mark
    return None


class _Refused(Exception):
    def __init__(self, code: str, mark: yaml.Mark, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.mark, self.message, self.hint = code, mark, message, hint


def read_content(
    path: Path,
    shown: str,
    diagnostics: Diagnostics,
    max_bytes: int = MAX_FILE_BYTES,
    if_larger: str = "make it smaller",
) -> bytes | None:
    """Return what a regular file within the limit holds; None with a finding.

    Findings name it as `shown`; `if_larger` is the hint for a file that is too large, of which no
    more is read than tells so.
    """
    place = Location(shown)
    try:
        with open(path, "rb", opener=open_at_once) as stream:
            status = os.fstat(stream.fileno())
            if not S_ISREG(status.st_mode):
                # A pipe or a device could be read for ever.
                diagnostics.error(
                    "S2H101", place, "the path is no regular file", "name a file of YAML text"
                )
                return None
            # To ask for all that may be read makes room for it, which takes longer than to read.
            content = stream.read(min(status.st_size, max_bytes) + 1)
            if len(content) > status.st_size:  # it grew meanwhile
                content += stream.read(max_bytes + 1 - len(content))
            size = os.fstat(stream.fileno()).st_size
    except IsADirectoryError:
        message = "a file is expected here, and this is a folder"
        diagnostics.error("S2H101", place, message, "move the folder away")
        return None
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        diagnostics.error("S2H101", place, message, "check that it is there and may be read")
        return None
    if len(content) > max_bytes:
        message = f"the file has {size:,} bytes; the limit is {max_bytes:,}"
        diagnostics.error("S2H104", place, message, if_larger)
        return None
    return content


def open_at_once(path: str, flags: int) -> int:
    """Open a file as `open` has it; opening a pipe does not wait for whoever writes to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def texts_of(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield where each value that may hold a # begins and ends, as line and column from 1.

    What stands behind the sign of a block (`|`, `>`) is no part of it. A syntax error ends them.
    """
    try:
        for token in yaml.scan(text, Loader=_SAFE_LOADER):
            if isinstance(token, yaml.ScalarToken) and not token.plain:
                start, end = token.start_mark, token.end_mark
                first = (start.line + 1, start.column + 1)
                if token.style in ("|", ">"):
                    first = (start.line + 2, 1)
                yield first, (end.line + 1, end.column + 1)
    except yaml.YAMLError:
        return


def parse_yaml(
    path: str, content: bytes, diagnostics: Diagnostics, max_bytes: int = MAX_FILE_BYTES
) -> list[Document]:
    """Return the documents of a YAML file that can be used; the others become findings.

    Empty documents are left out. A syntax error keeps the documents before it.
    """
    text = _decode(path, content, diagnostics, max_bytes)
    if text is None:
        return []
    documents: list[Document] = []
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:
        _report_syntax(path, text, error, diagnostics)
        return []
    try:
        index = 0
        while loader.check_node():
            node = loader.get_node()
            try:
                value = _Builder(loader).build(node)
            except _Refused as refused:
                place = Location(path, refused.mark.line + 1, refused.mark.column + 1)
                diagnostics.error(refused.code, place, refused.message, refused.hint)
            else:
                if value is not None:
                    documents.append(Document(path, value, index, node))
            index += 1
    except yaml.YAMLError as error:
        _report_syntax(path, text, error, diagnostics)
    finally:
        loader.dispose()
    return documents


def _decode(path: str, content: bytes, diagnostics: Diagnostics, max_bytes: int) -> str | None:
    if len(content) > max_bytes:
        diagnostics.error(
            "S2H104",
            Location(path),
            f"the file has {len(content):,} bytes; the limit is {max_bytes:,}",
            "make it smaller",
        )
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        diagnostics.error(
            "S2H106",
            Location(path, line, column),
            f"byte 0x{content[error.start]:02x} is not UTF-8, so this is no YAML text",
            "save the file as UTF-8, or leave binary files out of the rules folder",
        )
        return None


def _place_of_character(path: str, text: str, position: int | None) -> Location:
    # Characters that YAML forbids are reported by libyaml without a line.
    if position is None or position >= len(text):
        return Location(path)
    before = text[:position]
    return Location(path, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _report_syntax(path: str, text: str, error: yaml.YAMLError, diagnostics: Diagnostics) -> None:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        place = Location(path, mark.line + 1, mark.column + 1)
    else:
        place = _place_of_character(path, text, getattr(error, "position", None))
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    context = getattr(error, "context", None)
    if "nesting depth" in str(problem):
        diagnostics.error("S2H105", place, "the YAML is nested too deeply", "flatten the document")
        return
    message = f"{problem} ({context})" if context else str(problem)
    diagnostics.error("S2H102", place, message, "mend the YAML at this place, then run again")


def _shown_tag(tag: str) -> str:
    return f"the tag '!!{tag.removeprefix(_STANDARD)}'" if _STANDARD in tag else f"the tag '{tag}'"


class _Builder:
    """Builds plain values from one document's nodes, within the limits."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._count = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, depth: int = 0) -> Any:
        self._count += 1
        if self._count > MAX_NODES:
            raise _Refused(
                "S2H105",
                node.start_mark,
                f"with its aliases written out the document has more than {MAX_NODES:,} values",
                "write the values without YAML aliases",
            )
        if depth > MAX_DEPTH or id(node) in self._open:
            raise _Refused(
                "S2H105",
                node.start_mark,
                "an alias contains itself" if id(node) in self._open else "nested too deeply",
                f"write the values without YAML aliases, at most {MAX_DEPTH} levels deep",
            )
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.tag == _TEXT else self._scalar(node)
        if node.tag not in _PLAIN_TAGS:
            raise _Refused(
                "S2H107",
                node.start_mark,
                f"{_shown_tag(node.tag)} is not plain YAML, and no tag is run",
                "write plain lists and maps, without a tag",
            )
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, depth + 1) for item in node.value]
            return self._mapping(node, depth)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.Node, depth: int) -> dict[Any, Any]:
        built: dict[Any, Any] = {}
        places: dict[Any, yaml.Mark] = {}
        for key_node, value_node in node.value:
            self._count += 1
            key = self._key(key_node)
            if key in built:
                first = places[key].line + 1
                raise _Refused(
                    "S2H103",
                    key_node.start_mark,
                    f"the key {key!r} was already given in line {first}",
                    "keep one of the two; YAML would silently use the last",
                )
            places[key] = key_node.start_mark
            built[key] = self.build(value_node, depth + 1)
        return built

    def _key(self, node: yaml.Node) -> str:
        """Return a key as the text that stands there: a field may be called `no` or `404`."""
        if node.tag == _MERGE_TAG:
            raise _Refused(
                "S2H107",
                node.start_mark,
                "the merge key '<<' is not plain YAML, and its keys would have no place",
                "write out the keys that it stands for",
            )
        if not isinstance(node, yaml.ScalarNode):
            raise _Refused("S2H107", node.start_mark, "a list or map is used as a key", "quote it")
        key: str = node.value
        return key

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag in _TEXT_TAGS:
            return node.value
        if node.tag not in _VALUE_TAGS:
            raise _Refused(
                "S2H107",
                node.start_mark,
                f"{_shown_tag(node.tag)} is not plain YAML, and no tag is run",
                "leave the tag out, or quote the value if the '!' belongs to it",
            )
        if node.tag in _NUMBER_TAGS and len(node.value) > _MAX_DIGITS:
            raise _Refused(
                "S2H102",
                node.start_mark,
                f"the number has {len(node.value):,} characters; the limit is {_MAX_DIGITS}",
                "quote the value if it is text",
            )
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError, KeyError):
            raise _Refused(
                "S2H102",
                node.start_mark,
                f"'{node.value}' is not what {_shown_tag(node.tag)} says",
                "leave the tag out, or mend the value",
            ) from None
