"""Texts read as numbers and addresses, the same for deciding and for writing queries.

Takes text; gives the number or address that it is, exactly, or None. Whether a text is to be read
so is decided by the field's type, elsewhere.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Address, IPv6Address, ip_address

#: Longer texts are no number that a log would hold, and cost quadratic time to read.
MAX_DIGITS = 400
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")


def number_of(text: str, *, hexadecimal: bool) -> Decimal | None:
    """Return the number that a text is, exactly; None where it is none."""
    if len(text) > MAX_DIGITS:
        return None
    if hexadecimal and _HEXADECIMAL.fullmatch(text):
        return Decimal(int(text, 16))
    if not _DECIMAL.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text is; IPv4 inside IPv6 (::ffff:1.2.3.4) is IPv4."""
    if "." not in text and ":" not in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
