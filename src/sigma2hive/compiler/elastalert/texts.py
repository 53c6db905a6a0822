"""Texts as ElastAlert 2 has to be given them: in YAML, in JSON and in Jinja, with no surprises.

ElastAlert 2 puts environment variables in place of `$name` and `${name}` before it reads a rule's
YAML, opens the file in the encoding of its locale, and reads payloads as Jinja templates of JSON.
So what is written here is printable ASCII, a `$` of a rule is always escaped, and so is a `{` where
Jinja reads. Source: ElastAlert 2.31.0, elastalert/yaml.py and elastalert/alerters/httppost2.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
    return "".join(f"{line}\n" for line in _mapping(content, ""))


def _mapping(content: Mapping[str, Value], indent: str) -> Iterator[str]:
    for key, value in content.items():
        yield from _entry(f"{indent}{_key(key)}:", value, indent)


def _entry(head: str, value: Value, indent: str) -> Iterator[str]:
    if isinstance(value, Verbatim) and "\n" in value.text:
        # A block keeps its lines as they are, so that a reviewer can read them.
        yield f"{head} |-"
        yield from (f"{indent}  {line}" if line else "" for line in value.text.split("\n"))
    elif isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, f"{indent}  ")
    elif isinstance(value, (list, tuple)) and value:
        yield head
        yield from _items(value, f"{indent}  ")
    else:
        yield f"{head} {_scalar(value)}"


def _items(values: Sequence[Value], indent: str) -> Iterator[str]:
    for value in values:
        if isinstance(value, Mapping) and value:
            lines = list(_mapping(value, f"{indent}  "))
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
        elif isinstance(value, (list, tuple)) and value:
            yield f"{indent}-"
            yield from _items(value, f"{indent}  ")
        else:
            yield f"{indent}- {_scalar(value)}"


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
            return "{}" if isinstance(value, Mapping) else "[]"


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


def is_reference(text: str) -> bool:
    """Whether ElastAlert may put another key of the rule in the place of the text.

    It does so for `$name$`, anywhere in a rule's file.
    Source: ElastAlert 2.31.0, elastalert/alerts.py, resolve_rule_reference
    """
    return len(text) > 2 and text.startswith("$") and text.endswith("$")


def texts_in(value: Value) -> Iterator[str]:
    """Yield every text of a rule's file, but those of our own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts_in(inner)
