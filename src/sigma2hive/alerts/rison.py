"""Rison: JSON as Kibana writes it into addresses.

Takes what JSON holds, without numbers that are no whole ones; gives text that is not yet escaped
for an address.

Source: https://github.com/w33ble/rison-node
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Fewer than may stand without quotes, and none that means anything to anyone else.
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ESCAPED = re.compile(r"['!]")


def rison(value: object) -> str:
    """Return the value as Rison.

    Raises:
        TypeError: JSON holds no such thing.
    """
    match value:
        case None:
            return "!n"
        case bool():
            return "!t" if value else "!f"
        case int():
            return str(value)
        case str():
            return value if _BARE.fullmatch(value) else "'" + _ESCAPED.sub(r"!\g<0>", value) + "'"
        case Mapping():
            return f"({','.join(f'{rison(key)}:{rison(below)}' for key, below in value.items())})"
        case list() | tuple():
            return f"!({','.join(map(rison, value))})"
    raise TypeError(f"no JSON: {type(value).__name__}")
