"""Addresses and networks said exactly, on `ip` fields and in texts.

Takes a text pattern or a network and a path; gives a condition. An `ip` field knows every spelling
of an address; a text is compared in the spellings that programs use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network

from sigma2hive.compiler.dsl.addresses import MAPPED_NETWORK, OCTETS, dotted, network_of
from sigma2hive.compiler.dsl.bounds import Reason
from sigma2hive.compiler.dsl.nodes import MATCH_NONE, Kind, Leaf, Node, any_of
from sigma2hive.compiler.exact.margins import Unsayable
from sigma2hive.model.conditions import Text, Wildcard
from sigma2hive.model.scalars import address_of

#: The start of an IPv6 address that cannot be that of an IPv4 one.
_HEXTET_START = re.compile(r"(?=[0-9]*[a-f])[1-9a-f][0-9a-f]{0,3}|(?=.*:)[1-9a-f][0-9a-f]{0,3}:")
_HEX = "[0-9A-Fa-f]"


class Address(Leaf):
    """A leaf on an `ip` field: an address, or a network, as `value`."""

    __slots__ = ()


def text_on_address(test: Text, path: str) -> Node:
    """Return a text pattern on an `ip` field.

    Raises:
        Unsayable: the pattern is not that of a network.
    """
    literal = test.literal
    if literal is not None:
        address = address_of(literal)
        # What is no address, the index did not take.
        return MATCH_NONE if address is None else _leaf(path, str(address).partition("%")[0])
    if len(test.pattern) == 2 and isinstance(test.pattern[0], str):
        head, tail = test.pattern
        if tail is Wildcard.ANY and isinstance(head, str):
            found = OCTETS.fullmatch(head)
            if found is not None:
                return _leaf(path, network_of(head))
            start = head if test.cased else head.lower()
            if _HEXTET_START.fullmatch(start):
                return any_of(_leaf(path, network) for network in _starting_with(start))
    raise Unsayable(Reason.TYPE)


def network_on_address(network: IPv4Network | IPv6Network, path: str) -> Node:
    """Return "lies in the network" on an `ip` field.

    Raises:
        Unsayable: the index counts IPv4 addresses as some of the network's.
    """
    if isinstance(network, IPv6Network) and network.overlaps(MAPPED_NETWORK):
        raise Unsayable(Reason.TYPE)
    return _leaf(path, str(network))


def network_on_text(network: IPv4Network | IPv6Network, path: str) -> Node:
    """Return "lies in the network" on texts.

    Raises:
        Unsayable: it is an IPv6 network that no short expression says.
    """
    if isinstance(network, IPv4Network):
        return Leaf(Kind.REGEXP, path, dotted(network))
    if network.prefixlen == 128:
        spellings = "|".join(map(_either_case, _spellings(network.network_address)))
        return Leaf(Kind.REGEXP, path, spellings)
    first = int(network.network_address) >> 112
    last = int(network.broadcast_address) >> 112
    if network.prefixlen > 16 or first < 0x1000 or last - first >= 4096:
        raise Unsayable(Reason.TYPE)
    hextets = "|".join(sorted(set(_ranges(first, last))))
    return Leaf(Kind.REGEXP, path, f"({hextets})\\:[0-9A-Fa-f\\:\\.]*")


def _leaf(path: str, value: str) -> Address:
    return Address(Kind.TERM, path, value)


def _starting_with(start: str) -> Iterator[str]:
    """Yield the networks of the addresses whose shortest spelling starts so."""
    digits = start.rstrip(":")
    most = len(digits) if start.endswith(":") else 4
    for length in range(len(digits), most + 1):
        first = int(digits, 16) << 4 * (length - len(digits))
        bits = 16 - 4 * (length - len(digits))
        yield str(IPv6Network((first << 112, bits)))


def _ranges(first: int, last: int) -> Iterator[str]:
    """Yield expressions for hextets of four digits, all that share their first two as one."""
    for head in range(first >> 8, (last >> 8) + 1):
        low, high = max(first, head << 8), min(last, (head << 8) + 255)
        if (low & 255, high & 255) == (0, 255):
            yield _either_case(f"{head:02x}") + _HEX * 2
        else:
            for next_digit in range((low >> 4) & 15, ((high >> 4) & 15) + 1):
                yield _either_case(f"{head:02x}{next_digit:x}") + _HEX


def _spellings(address: IPv6Address) -> tuple[str, ...]:
    whole = address.exploded
    plain = ":".join(f"{int(part, 16):x}" for part in whole.split(":"))
    return tuple(dict.fromkeys((str(address), plain, whole)))


def _either_case(text: str) -> str:
    return "".join(
        f"[{char.upper()}{char}]" if char.isalpha() else f"\\{char}" if char == ":" else char
        for char in text
    )
