"""Texts as ElastAlert 2 has to be given them: in YAML, in JSON and in Jinja, with no surprises.

ElastAlert 2 puts environment variables in place of `$name` and `${name}` before it reads a rule's
YAML, opens the file in the encoding of its locale, and reads payloads as Jinja templates of JSON.
So what is written here is printable ASCII, a `$` of a rule is always escaped, and so is a `{` where
Jinja reads. Source: ElastAlert 2.31.0, elastalert/yaml.py and elastalert/alerters/httppost2.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sigma2hive.records import dataclass

#: What a YAML value may be here.
Value = object

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
#: Words that YAML 1.1 reads as something else than a text.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
#: What is not itself in YAML, in JSON and in a Jinja literal.
_NOT_YAML = re.compile(r'[^ -~]|["\\$]')
_NOT_JSON = re.compile(r'[^ -~]|["\\${]')
_NOT_JINJA = re.compile(r"[^ -~]|['\\$]")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text of our own, of printable ASCII, in which ElastAlert is to see every `$` and `{`."""

    text: str


def render_yaml(content: Mapping[str, Value]) -> str:
    """Return a mapping as YAML, keys in their order, with a final newline."""
    lines: list[str] = []
    _add_mapping(lines, content, "", "")
    return "\n".join(lines) + "\n" if lines else ""


def _add_mapping(
    lines: list[str], content: Mapping[str, Value], first_indent: str, indent: str
) -> None:
    """Add the lines of a mapping; the first may stand behind the dash of a list."""
    before = first_indent
    for key, value in content.items():
        _add_entry(lines, f"{before}{_key(key)}:", value, indent)
        before = indent


def _add_entry(lines: list[str], head: str, value: Value, indent: str) -> None:
    if isinstance(value, str):  # mostly
        lines.append(f"{head} {quoted(value)}")
    elif isinstance(value, dict) and value:
        lines.append(head)
        _add_mapping(lines, value, f"{indent}  ", f"{indent}  ")
    elif isinstance(value, (list, tuple)) and value:
        lines.append(head)
        _add_items(lines, value, f"{indent}  ")
    elif isinstance(value, Verbatim) and "\n" in value.text:
        # A block keeps its lines as they are, so that a reviewer can read them.
        lines.append(f"{head} |-")
        lines += [f"{indent}  {line}" if line else "" for line in value.text.split("\n")]
    else:
        lines.append(f"{head} {_scalar(value)}")


def _add_items(lines: list[str], values: Sequence[Value], indent: str) -> None:
    for value in values:
        if isinstance(value, dict) and value:
            _add_mapping(lines, value, f"{indent}- ", f"{indent}  ")
        elif isinstance(value, (list, tuple)) and value:
            lines.append(f"{indent}-")
            _add_items(lines, value, f"{indent}  ")
        else:
            lines.append(f"{indent}- {_scalar(value)}")


@lru_cache(maxsize=4096)
def _key(key: str) -> str:
    is_plain = _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS
    return key if is_plain else quoted(key)


def _scalar(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case Verbatim(text):
            return f'"{text}"'
        case str():
            return quoted(value)
        case None:
            return "null"
        case _:
            return "{}" if isinstance(value, dict) else "[]"


def _number(value: float) -> str:
    # YAML 1.1 takes "1e+300" for a text: it wants a point before the exponent.
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    return text if not mark or "." in mantissa else f"{mantissa}.0e{exponent}"


def quoted(text: str) -> str:
    """Return the text in double quotes, as YAML takes it, in printable ASCII without `$`."""
    return '"' + _NOT_YAML.sub(_yaml_char, text) + '"'


def _yaml_char(found: re.Match[str]) -> str:
    char = found.group()
    return _ESCAPES.get(char) or _as_code(ord(char))


def _as_code(code: int) -> str:
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def json_text(text: str) -> str:
    """Return the text as it stands between the quotes of a JSON string that Jinja reads first."""
    return _NOT_JSON.sub(_json_char, text)


def _json_char(found: re.Match[str]) -> str:
    char = found.group()
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if code < 65536:
        return f"\\u{code:04x}"
    pair = char.encode("utf-16-be")
    return f"\\u{pair[:2].hex()}\\u{pair[2:].hex()}"


def jinja_literal(text: str) -> str:
    """Return the text as a literal in a Jinja expression, in printable ASCII without `$`."""
    return "'" + _NOT_JINJA.sub(_jinja_char, text) + "'"


def _jinja_char(found: re.Match[str]) -> str:
    return "\\'" if found.group() == "'" else _yaml_char(found)


def jinja_text(text: str) -> str:
    """Return plain text as a Jinja template that gives exactly it."""
    return f"{{{{ {jinja_literal(text)} }}}}" if text else ""


def reference_in(value: Value) -> str | None:
    """Return the first text in whose place ElastAlert may put another key of the rule.

    It does so for `$name$`, anywhere in a rule's file; not for a text of our own.
    Source: ElastAlert 2.31.0, elastalert/alerts.py, resolve_rule_reference
    """
    if isinstance(value, str):
        return value if len(value) > 2 and value[0] == value[-1] == "$" else None
    inner: Iterable[Value] = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, (list, tuple)):
        inner = value
    for part in inner:
        found = reference_in(part)
        if found is not None:
            return found
    return None
