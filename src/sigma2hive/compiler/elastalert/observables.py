"""Rows of observables.yml as Jinja that makes TheHive's observables of an event.

Takes rows; gives template text that, within a JSON list, writes each value once. What Jinja cannot
do is left out: networks and domains of one's own are not recognised, so nothing is ever marked as
IOC, addresses are not brought into one form, and hidden characters stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from sigma2hive.compiler.elastalert.jinja import values_of
from sigma2hive.compiler.elastalert.texts import jinja_literal
from sigma2hive.model.mappings import SERVER_TYPES, ObservableMapping, ObservablesMapping
from sigma2hive.records import dataclass

#: Source: TheHive 5.7 API, InputCreateObservable
_MAX_DATA = 4096
_MAX_MESSAGE = 2000

_SEEN = "{%- set seen = [] -%}\n"
#: `note` is a value that the message has; `rest` is the row's own part of the object.
_ADD = """\
{%- macro add(kind, data, rest, note='') -%}
{%- set key = kind ~ ' ' ~ data|lower -%}
{%- if data and data|length <= MAX_DATA and key not in seen and seen|length < LIMIT
    and key not in ignored and 'all ' ~ data|lower not in ignored and seen.append(key) is none -%}
{{ ',' if seen|length > 1 }}
{"dataType":"{{ kind }}","data":"{{ data }}"
{%- if note and note|length <= MAX_MESSAGE %},"message":"{{ note }}"{% endif -%}
{{ rest }}}
{%- endif -%}
{%- endmacro -%}
"""
#: What a value becomes, by the type of its row. In an escaped value a backslash is two.
_OBSERVE = """\
{%- macro observe(kind, value, rest) -%}
{%- set name = value.rstrip('.')|lower -%}
{%- if kind in ['host', 'hostname', 'fqdn', 'domain'] -%}
{%- set dotted = 'domain' if kind == 'domain' else 'fqdn' -%}
{%- set is_address = ':' in name or name.replace('.', '').isdigit() -%}
{{ add('ip' if is_address else dotted if '.' in name else 'hostname', name, rest) }}
{%- elif kind == 'ip' -%}
{{ add(kind, value.split('%')[0], rest) if value|length <= 60 }}
{%- elif kind == 'hash' -%}
{%- for part in value.split(',') -%}
{%- set hash = part.split('=')[-1]|trim|lower -%}
{{ add(kind, hash, rest) if hash|length in [32, 40, 56, 64, 96, 128] and hash.isalnum() }}
{%- endfor -%}
{%- elif kind == 'filename' -%}
{{ add(kind, value.split('\\\\\\\\')[-1].split('/')[-1], rest, value) }}
{%- elif kind == 'path' -%}{{ add('filename', value, rest) }}
{%- elif kind == 'mail' -%}
{{ add(kind, value.split('<')[-1].split('>')[0]|trim|lower, rest) if '@' in value }}
{%- elif kind == 'url' -%}{{ add('uri_path' if value[0] == '/' else kind, value, rest) }}
{%- elif kind == 'autonomous-system' -%}
{{ add(kind, ('AS' if value.isdigit() else '') ~ value, rest) }}
{%- else -%}{{ add('ACCOUNT' if kind == 'account' else kind, value, rest) }}
{%- endif -%}
{%- endmacro -%}
"""
_EACH = """\
] -%}
{%- for value in found.split('\\n') if value and kind ~ ' ' ~ value|lower not in ignored -%}
{{ observe(kind, value, rest) }}
{%- endfor -%}
{%- endfor -%}
"""


@dataclass(frozen=True, slots=True)
class Markings:
    """The alert's TLP and PAP, which rows without their own take."""

    tlp: int
    pap: int


def observables_template(
    rows: Sequence[ObservableMapping],
    mapping: ObservablesMapping,
    markings: Markings,
    paths_of: Callable[[str], tuple[str, ...]],
) -> str:
    """Return the items of the JSON list; `paths_of` gives the event's fields of a row's name."""
    ignored = sorted(_ignored(mapping.ignore))
    kind, more = account_type(mapping)
    common = _rest([], False, "", markings)
    return "".join(
        (
            f"{{%- set ignored = [{', '.join(map(_literal_of_value, ignored))}] -%}}\n",
            _SEEN,
            f"{{%- set marks = {jinja_literal(common)} -%}}\n",
            _ADD.replace("MAX_DATA", str(_MAX_DATA))
            .replace("MAX_MESSAGE", str(_MAX_MESSAGE))
            .replace("LIMIT", str(mapping.limit)),
            _OBSERVE.replace("ACCOUNT", kind),
            "{%- for found, kind, rest in [\n",
            *(
                _row(row, paths, more, common, markings)
                for row in rows
                if row.type != "none" and (paths := paths_of(row.field))
            ),
            _EACH,
        )
    )


@lru_cache(maxsize=1024)  # most rules have the same rows, of the same fields
def _row(
    row: ObservableMapping,
    paths: tuple[str, ...],
    of_accounts: tuple[str, ...],
    common: str,
    markings: Markings,
) -> str:
    own = Markings(
        markings.tlp if row.tlp is None else row.tlp, markings.pap if row.pap is None else row.pap
    )
    tags = row_tags(row, of_accounts if row.type == "account" else ())
    message = "" if row.type == "filename" else row.message
    rest = _rest(tags, row.internal or not row.similarity, message, own)
    written = "marks" if rest == common else jinja_literal(rest)
    return f"[{values_of(paths)}, {jinja_literal(row.type)}, {written}],\n"


def _ignored(lists: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield "type value" of what never helps; patterns and networks cannot be said."""
    for kind, values in lists.items():
        for value in values:
            if "*" not in value:
                yield f"{kind} {value.lower()}"


def _literal_of_value(text: str) -> str:
    return jinja_literal(json.dumps(text, ensure_ascii=False)[1:-1])


def account_type(mapping: ObservablesMapping) -> tuple[str, tuple[str, ...]]:
    """Return the data type of account names, and the tags that it needs."""
    known = {*SERVER_TYPES, *mapping.data_types}
    for name in mapping.account_types:
        if name in known:
            return name, ()
    return "other", ("account",)


def row_tags(row: ObservableMapping, more: Iterable[str] = ()) -> list[str]:
    """Return the tags of a row's observables."""
    own = ("internal",) if row.internal else ()
    return list(dict.fromkeys((*row.tags, *more, *own)))


def _rest(tags: list[str], is_dissimilar: bool, message: str, markings: Markings) -> str:
    """Return what is the same of all observables of a row, as the end of a JSON object."""
    content: dict[str, object] = {"tlp": markings.tlp, "pap": markings.pap}
    if tags:
        content["tags"] = tags
    if message:
        content["message"] = message
    if is_dissimilar:
        content["ignoreSimilarity"] = True
    return "," + json.dumps(content, separators=(",", ":"))[1:-1]
