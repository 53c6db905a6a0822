"""What every template of a rule's file begins with: Jinja macros that read an event.

An event is what somebody logged: anything may stand in it. The macros never fail, whatever they
find, since ElastAlert 2 disables a rule of which a template fails. Values come to them as
httppost2.py gives them (JSON-escaped), or as they are for `alert_text`. Nothing of it is read
but through `_data`, and no function of Jinja's is called, since an event's own top-level keys would
stand in its place.
"""

from __future__ import annotations

from collections.abc import Iterable

from sigma2hive.compiler.elastalert.texts import jinja_literal

#: All values at a path, each followed by a line break; escaped values hold none. A path is followed
#: through nested and dotted keys and through lists of objects.
_TEXTS = """\
{%- macro texts(node, path, depth) -%}
{%- if node is mapping -%}
{%- for key, inner in node.items() if path -%}
{%- if key == path -%}{{ texts(inner, '', depth) }}
{%- elif path.startswith(key ~ '.') -%}{{ texts(inner, path[key|length + 1:], depth) }}
{%- endif -%}
{%- endfor -%}
{%- elif node is string -%}{%- if not path and node -%}{{ node }}{{ '\\n' }}{%- endif -%}
{%- elif node is boolean -%}{%- if not path -%}{{ node|string|lower }}{{ '\\n' }}{%- endif -%}
{%- elif node is number -%}{%- if not path -%}{{ node }}{{ '\\n' }}{%- endif -%}
{%- elif node is iterable and depth -%}
{%- for inner in node -%}{{ texts(inner, path, depth - 1) }}{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
"""

#: A value for people: bidirectional marks, which turn text around, are taken out.
_MARKS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SHOWN = "".join(f"|replace({jinja_literal(mark)}, '')" for mark in _MARKS)
#: On one line: in an escaped value "\\\\" is a backslash, so what is between those is looked at.
_LINE = "".join(f"|map('replace', {jinja_literal(mark)}, ' ')" for mark in ("\\n", "\\r", "\\t"))
_PLAIN_ESCAPED = f"(value.split('\\\\\\\\'){_LINE}|join('\\\\\\\\')){_SHOWN}"

_ONE = """\
{%- macro plain(value) -%}{{ PLAIN }}{%- endmacro -%}
{%- macro one(found) -%}
{%- set values = found.split('\\n') -%}
{%- if not found -%}unknown
{%- elif values[0]|length > 200 -%}(a value of {{ values[0]|length }} characters)
{%- else -%}{{ plain(values[0]) }}
{%- if values|length > 2 %} +{{ values|length - 2 }} more{% endif -%}
{%- endif -%}
{%- endmacro -%}
"""

#: Milliseconds since 1970 of a time as ElastAlert writes it (2026-11-20T02:13:21.5+01:00), else "".
#: Days are counted as in Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
_MILLISECONDS = """\
{%- macro milliseconds(found) -%}
{%- set text = found.split('\\n')[0] -%}
{%- if text|length >= 20 and text[4] == '-' and (text[:4] ~ text[5:7] ~ text[8:10]).isdigit() -%}
{%- set month = text[5:7]|int -%}
{%- set year = text[:4]|int - (1 if month < 3 else 0) -%}
{%- set day = (153 * ((month + 9) % 12) + 2) // 5 + text[8:10]|int - 1 -%}
{%- set days = year * 365 + year // 4 - year // 100 + year // 400 + day - 719468 -%}
{%- set zone = text[-6:] if text[-6] in '+-' else '+00:00' -%}
{%- set minutes = zone[1:3]|int * 60 + zone[4:6]|int -%}
{%- set offset = minutes if zone[0] == '+' else 0 - minutes -%}
{%- set part = (text[20:23] if text[19] == '.' else '').split('Z')[0].split('+')[0] ~ '000' -%}
{%- set minute = (days * 24 + text[11:13]|int) * 60 + text[14:16]|int - offset -%}
{{ (minute * 60 + text[17:19]|int) * 1000 + part[:3]|int }}
{%- endif -%}
{%- endmacro -%}
"""

#: Macros for values that are JSON-escaped.
ESCAPED = _TEXTS + _ONE.replace("PLAIN", _PLAIN_ESCAPED) + _MILLISECONDS
#: Macros for values as they are.
RAW = _TEXTS + _ONE.replace("PLAIN", f"value{_SHOWN}")
#: The same, for Slack, where `<!channel>` would wake everybody.
#: Source: https://docs.slack.dev/messaging/formatting-message-text
_SLACK = "|replace('&', '&amp;')|replace('<', '&lt;')|replace('>', '&gt;')"
FOR_SLACK = _TEXTS + _ONE.replace("PLAIN", f"value{_SHOWN}{_SLACK}")


def values_of(paths: Iterable[str]) -> str:
    """Return the expression for all values of the event at these paths."""
    found = [f"texts(_data, {jinja_literal(path)}, 3)" for path in paths]
    return " ~ ".join(found) or "''"
