"""One profile file, read strictly.

Takes a parsed YAML document; gives a `ProfileFile`, exactly what is written, nothing inherited.
Every key, type and shape that the format has not is a finding with its place (S2H405).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.fields import EVERY_FIELD, Derived, Field, FieldType, Part, TypeTable
from sigma2hive.model.profiles import Conjunction, LogsourceEntry, WindowsEvents
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.records import dataclass
from sigma2hive.schema.nodes import Node
from sigma2hive.schema.snapshots import read_snapshots
from sigma2hive.schema.types import known_type_tables, load_type_table, merge_type_tables
from sigma2hive.yamlmarks import Document

_PROFILE_KEYS = (
    "profile",
    "title",
    "part",
    "extends",
    "windows_events",
    "time_fields",
    "alert_names",
    "types",
    "field_types",
    "derived",
    "logsources",
    "snapshot",
)
_ROW_KEYS = (
    "product",
    "category",
    "service",
    "indices",
    "any_of",
    "fields",
    "keyword_fields",
    "default_prefix",
    "also_read",
    "blanks",
    "dropped",
    "empty_is_absent",
    "types",
)
_PART_KEYS = ("path", "prefix", "suffix", "replace", "upper", "hex_digits", "only_if")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
#: Elasticsearch's rules for index names, with wildcards and a remote cluster's name before a colon.
#: Source: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create
_INDEX_PATTERN = re.compile(r"(?:[a-z0-9*][\w*.-]*:)?[a-z0-9.*][a-z0-9_.*+-]*\Z")
#: Defender's names have blanks inside, "Threat Name".
_PATH = re.compile(r"[^\s.*]+(?: [^\s.*]+)*(?:\.[^\s.*]+(?: [^\s.*]+)*)*\Z")
_NO_SPACES = "write it as in the index, with dots between the levels"


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """What one file says; None is "as the parents". Other profiles' names keep their place."""

    name: str
    title: str
    location: Location
    part: bool = False
    extends: tuple[tuple[str, Location], ...] = ()
    windows_events: WindowsEvents | None = None
    time_fields: tuple[str, ...] | None = None
    alert_names: tuple[str, Location] | None = None
    types: TypeTable = field(default_factory=TypeTable)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    rows: tuple[LogsourceEntry, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()


def read_profile(document: Document, diagnostics: Diagnostics) -> ProfileFile | None:
    """Return what the document says, or None where any of it is wrong."""
    before = len(diagnostics.errors)
    node = Node(document, document.value, (), diagnostics)
    profile = _profile(node)
    return None if len(diagnostics.errors) > before else profile


def _profile(node: Node) -> ProfileFile | None:
    if not node.is_mapping("a profile"):
        return None
    node.refuse_unknown_keys(_PROFILE_KEYS)
    name = node.required("profile").text(is_profile_name, "lower-case letters, digits, '-' and '_'")
    extends = [(item.text(is_profile_name), item.location) for item in node.items("extends")]
    return ProfileFile(
        name=name,
        title=node.required("title").text(),
        location=node.location,
        part=node.get("part").boolean() if node.has("part") else False,
        extends=tuple(extends),
        windows_events=_windows_events(node),
        time_fields=_texts(node, "time_fields", _is_path, _NO_SPACES),
        alert_names=_alert_names(node),
        types=_types(node),
        derived={key: _derived(child) for key, child in node.pairs("derived")},
        rows=tuple(_row(row) for row in node.items("logsources")),
        snapshots=read_snapshots(node.get("snapshot")) if node.has("snapshot") else (),
    )


def is_profile_name(text: str) -> bool:
    """Whether a profile may be called so."""
    return bool(_NAME.match(text))


def _is_path(text: str) -> bool:
    return bool(_PATH.match(text))


def _is_keyword_path(text: str) -> bool:
    return text == EVERY_FIELD or _is_path(text.removesuffix(".*"))


def _is_prefix(text: str) -> bool:
    return text == "" or (text.endswith(".") and _is_path(text[:-1]))


def _is_blank_free(text: str) -> bool:
    return text != "" and not any(char.isspace() or char in ".*" for char in text)


def _is_template(text: str) -> bool:
    return text.count("{field}") == 1 and _is_path(text.replace("{field}", "x"))


def is_index_pattern(text: str) -> bool:
    """Whether a profile may name indices so."""
    return bool(_INDEX_PATTERN.match(text))


def _windows_events(node: Node) -> WindowsEvents | None:
    if not node.has("windows_events"):
        return None
    return WindowsEvents(node.get("windows_events").choice([kind.value for kind in WindowsEvents]))


def _alert_names(node: Node) -> tuple[str, Location] | None:
    if not node.has("alert_names"):
        return None
    child = node.get("alert_names")
    return child.text(is_profile_name, "name one profile"), child.location


def _types(node: Node) -> TypeTable:
    own = {path: _field_type(path, child) for path, child in node.pairs("field_types")}
    tables = [load_type_table(name) for name in _table_names(node)]
    return merge_type_tables([TypeTable(own), *tables])


def _table_names(node: Node) -> list[str]:
    known = known_type_tables()
    names = [item.choice(known) for item in node.items("types")]
    return [name for name in names if name in known]


def _field_type(path: str, node: Node) -> Field:
    if not _is_path(path):
        node.wrong(f"{path!r} is no field path", _NO_SPACES)
    types = [kind.value for kind in FieldType]
    if not node.holds(dict):
        return Field(path, FieldType(node.choice(types)))
    node.refuse_unknown_keys(("type", "ignore_above", "caseless", "keyword"))
    return Field(
        path,
        FieldType(node.required("type").choice(types)),
        caseless=node.get("caseless").text(_is_path, _NO_SPACES) if node.has("caseless") else "",
        keyword=node.get("keyword").text(_is_path, _NO_SPACES) if node.has("keyword") else "",
        ignore_above=node.get("ignore_above").whole_number() if node.has("ignore_above") else 0,
    )


def _derived(node: Node) -> Derived:
    if not node.is_mapping("a derived field"):
        return Derived(())
    node.refuse_unknown_keys(("join", "separator", "each", "first"))
    parts = tuple(_part(part) for part in node.required("join").children())
    if node.has("join") and node.get("join").value == []:
        node.wrong("the derived field joins nothing", "list at least one path under `join`")
    return Derived(
        parts,
        node.get("separator").text() if node.has("separator") else "",
        each=node.get("each").boolean() if node.has("each") else False,
        first=node.get("first").boolean() if node.has("first") else False,
    )


def _part(node: Node) -> Part:
    if not node.holds(dict):
        return Part(node.text(_is_path, _NO_SPACES))
    node.refuse_unknown_keys(_PART_KEYS)
    return Part(
        node.required("path").text(_is_path, _NO_SPACES),
        prefix=node.get("prefix").text() if node.has("prefix") else "",
        suffix=node.get("suffix").text() if node.has("suffix") else "",
        replace={key: child.scalar() for key, child in node.pairs("replace")},
        upper=node.get("upper").boolean() if node.has("upper") else False,
        hex_digits=node.get("hex_digits").whole_number() if node.has("hex_digits") else 0,
        only_if=_conjunction(node.get("only_if")) if node.has("only_if") else {},
    )


def _row(node: Node) -> LogsourceEntry:
    if not node.is_mapping("a row of logsources"):
        return LogsourceEntry()
    node.refuse_unknown_keys(_ROW_KEYS)
    names = _table_names(node)
    return LogsourceEntry(
        products=_texts(node, "product") or (),
        categories=_texts(node, "category") or (),
        services=_texts(node, "service") or (),
        indices=_texts(node, "indices", is_index_pattern, "an index pattern is lower-case"),
        any_of=_any_of(node),
        fields={name: _candidates(child) for name, child in node.pairs("fields")},
        keyword_fields=_texts(node, "keyword_fields", _is_keyword_path, _NO_SPACES),
        default_prefix=_text(node, "default_prefix", _is_prefix, "end it with a dot"),
        also_read=_text(node, "also_read", _is_template, "write {field} once, as in a.b.{field}"),
        blanks=_text(node, "blanks", _is_blank_free, "write what the index has in their place"),
        dropped=_dropped(node),
        empty_is_absent=node.get("empty_is_absent").boolean()
        if node.has("empty_is_absent")
        else None,
        types=merge_type_tables([load_type_table(name) for name in names]) if names else None,
    )


def _any_of(node: Node) -> tuple[Conjunction, ...] | None:
    if not node.has("any_of"):
        return None
    return tuple(_conjunction(child) for child in node.get("any_of").children())


def _conjunction(node: Node) -> Conjunction:
    """Read {path: value or list of values}; all of the paths must be met."""
    if not node.is_mapping("an alternative of any_of"):
        return {}
    if not node.value:
        node.wrong("an empty alternative is met by every event", "leave `any_of` out instead")
    accepted = {}
    for path, child in node.pairs():
        if not _is_path(path):
            child.wrong(f"{path!r} is no field path", _NO_SPACES)
        accepted[path] = tuple(item.scalar() for item in child.one_or_more())
    return accepted


def _candidates(node: Node) -> tuple[str, ...]:
    return tuple(item.text(_is_path, _NO_SPACES) for item in node.one_or_more())


def _dropped(node: Node) -> tuple[str, ...] | None:
    if not node.has("dropped"):
        return None
    return tuple(item.scalar() for item in node.get("dropped").children())


def _texts(
    node: Node, key: str, accepts: Callable[[str], bool] | None = None, hint: str = ""
) -> tuple[str, ...] | None:
    """Return the values of a key that takes one text or a list; None where it is not there."""
    if not node.has(key):
        return None
    return tuple(item.text(accepts, hint) for item in node.get(key).one_or_more())


def _text(node: Node, key: str, accepts: Callable[[str], bool], hint: str) -> str | None:
    return node.get(key).text(accepts, hint) if node.has(key) else None
