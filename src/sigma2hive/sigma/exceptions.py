"""What makes a Sigma filter an exception: `sigma2hive.exception` in its document.

Takes the document of a filter; gives its owner, ticket and last day, or findings. An exception that
is not whole is left out with its filter: alerts that nobody asked for are seen, missing ones not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.rules import FilterException
from sigma2hive.sigma.telling import kind_of, shown_value
from sigma2hive.yamlmarks import Document

_KEYS = {
    "owner": "who answers for it: a person or a team",
    "ticket": "where it was agreed, as SOC-1234",
    "expires": "the last day that it is for, as 2027-01-31",
}
_OWN = ("sigma2hive", "exception")
_CODE = "S2H211"
#: `date.fromisoformat` takes other forms too, which nobody would read at a glance.
_DAY = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}")


def read_exception(document: Document, diagnostics: Diagnostics) -> FilterException | None:
    """Return what the filter says of itself as an exception; None where it is none, or wrong."""
    custom = document.value.get("sigma2hive")
    if not isinstance(custom, Mapping):  # another kind of value is told where metadata is read
        return None
    _refuse_others(document, ("sigma2hive",), ("exception",), diagnostics)
    if "exception" not in custom:
        return None
    given = custom["exception"]
    if not isinstance(given, Mapping):
        message = f"`exception` is {kind_of(given)}"
        diagnostics.error(_CODE, document.at(*_OWN), message, f"give a map of {', '.join(_KEYS)}")
        return None
    _refuse_others(document, _OWN, tuple(_KEYS), diagnostics)
    texts = {key: _text(document, key, diagnostics) for key in _KEYS}
    expires = _day(document, texts["expires"], diagnostics)
    if expires is None or not all(texts.values()):
        return None
    place = document.at(*_OWN, "expires")
    return FilterException(texts["owner"], texts["ticket"], expires, place)


def _refuse_others(
    document: Document, keys: tuple[str, ...], known: tuple[str, ...], diagnostics: Diagnostics
) -> None:
    for name in document.value_of(*keys):
        if name not in known:
            message = f"{shown_value(name)} is no key of {'.'.join(keys)} in a filter"
            diagnostics.error(_CODE, document.at(*keys, name), message, nearest(str(name), known))


def _text(document: Document, key: str, diagnostics: Diagnostics) -> str:
    value = document.value_of(*_OWN).get(key)
    if value is None or isinstance(value, (Mapping, list)) or not str(value).strip():
        what = f"the exception has no `{key}`" if not value else f"`{key}` is {kind_of(value)}"
        diagnostics.error(_CODE, document.at(*_OWN, key), what, f"give {_KEYS[key]}")
        return ""
    return document.written(*_OWN, key).strip()


def _day(document: Document, text: str, diagnostics: Diagnostics) -> date | None:
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    message = f"`expires` is {shown_value(text)}, which is no day from 2000 to 2999"
    diagnostics.error(_CODE, document.at(*_OWN, "expires"), message, f"give {_KEYS['expires']}")
    return None
