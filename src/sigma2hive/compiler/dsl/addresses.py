"""Addresses and networks, on `ip` fields and in texts.

Takes a text pattern or a network; gives bounds. An `ip` field knows every spelling of an address,
IPv4 inside IPv6 (::ffff:1.2.3.4) among them, and nothing else: other texts are left out. It also
takes a few that are none to the engine (1.2.3.4%eth0, 00001::), which are assumed not to occur.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from sigma2hive.compiler.dsl.bounds import (
    Bounds,
    Reason,
    at_most,
    exactly,
    has_value,
    ignored,
)
from sigma2hive.compiler.dsl.nodes import Kind, Leaf, any_of
from sigma2hive.compiler.dsl.texts import Slot, with_unindexed
from sigma2hive.model.conditions import Text, Wildcard
from sigma2hive.model.fields import Field
from sigma2hive.model.scalars import address_of

OCTETS = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){1,3}")
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#: How an IPv4 address inside an IPv6 one can begin.
_MAPPED = "[0:]+[fF]{4}:.*"
MAPPED_NETWORK = IPv6Network("::ffff:0:0/96")


def text_on_address(test: Text, field: Field) -> Bounds:
    """Return the bounds of a text pattern on an `ip` field."""
    left_out = ignored(field.path)
    literal = test.literal
    if literal is not None:
        address = address_of(literal)
        if address is None:
            # Digits and colons could be an address to the index that is none to us.
            is_near = any(char in "0123456789:" for char in literal)
            return at_most(has_value(field) if is_near else left_out, Reason.TYPE)
        term = Leaf(Kind.TERM, field.path, _text(address))
        if isinstance(address, IPv6Address):
            # fe80::1%eth0 is indexed without its zone.
            return at_most(any_of((term, left_out)), Reason.TYPE)
        return exactly(term)
    if all(part is Wildcard.ANY for part in test.pattern):
        return Bounds(has_value(field), Leaf(Kind.EXISTS, field.path), Reason.UNINDEXED)
    head = test.pattern[0]
    found = None if isinstance(head, Wildcard) else OCTETS.match(head)
    if found is None:
        return at_most(has_value(field), Reason.TYPE)
    term = Leaf(Kind.TERM, field.path, network_of(found.group()))
    upper = any_of((term, left_out))
    if test.pattern == (found.group(), Wildcard.ANY):
        return Bounds(upper, term, Reason.UNINDEXED)
    return at_most(upper, Reason.TYPE)


def network_on_address(network: IPv4Network | IPv6Network, field: Field) -> Bounds:
    """Return the bounds of "lies in the network" on an `ip` field."""
    term = Leaf(Kind.TERM, field.path, str(network))
    if isinstance(network, IPv4Network):
        return exactly(term)
    upper = any_of((term, ignored(field.path)))
    if network.overlaps(MAPPED_NETWORK):
        return at_most(upper, Reason.TYPE)
    return Bounds(upper, term, Reason.UNINDEXED)


def network_on_text(network: IPv4Network | IPv6Network, slot: Slot) -> Bounds:
    """Return the bounds of "lies in the network" on texts."""
    if isinstance(network, IPv6Network):
        upper = Leaf(Kind.REGEXP, slot.path, r".*\:.*")
        return with_unindexed(at_most(upper, Reason.TYPE), slot)
    plain = dotted(network)
    bounds = Bounds(
        Leaf(Kind.REGEXP, slot.path, f"{plain}|{_MAPPED}"),
        Leaf(Kind.REGEXP, slot.path, plain),
        Reason.TYPE,
    )
    # The longest address with a zone has no limit, but one in a log is short.
    return with_unindexed(bounds, slot)


def _text(address: IPv4Address | IPv6Address) -> str:
    return str(address).partition("%")[0]


def network_of(octets: str) -> str:
    """Return the network of the IPv4 addresses that start with these octets ("10.1.")."""
    count = octets.count(".")
    return octets + ".".join(["0"] * (4 - count)) + f"/{8 * count}"


def dotted(network: IPv4Network) -> str:
    """Return an expression for the network's addresses as four decimal numbers."""
    first = network.network_address.packed
    last = network.broadcast_address.packed
    octets = []
    for low, high in zip(first, last, strict=True):
        if (low, high) == (0, 255):
            octets.append(_OCTET)
        elif low == high:
            octets.append(str(low))
        else:
            octets.append("(" + "|".join(map(str, range(low, high + 1))) + ")")
    return r"\.".join(octets)
