"""One form for each kind of observable, so that the same thing is the same observable.

Takes a row's type and one value of an event; gives TheHive data types with data, or the reason why
there is none. Nothing is guessed: what is no address does not become one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class Normal:
    """A value in its normal form. `note` is what the form does not say, for the analyst."""

    data_type: str
    data: str
    note: str = ""


class UnusableError(ValueError):
    """The value is nothing of that kind; the text says why."""


#: Hexadecimal digits of MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512.
_HASH_LENGTHS = frozenset({32, 40, 56, 64, 96, 128})
_HEX = re.compile(r"[0-9a-f]+")
_HASH_LIST = re.compile(r"(?:^|[,;|\s])([A-Za-z][A-Za-z0-9-]{1,11})=([0-9A-Fa-f]+)(?=$|[,;|\s])")
_NOT_IN_NAMES = re.compile(r"[\s/\\:@,;\"'<>()\[\]{}|`^]")
_MAX_NAME = 253
_MAIL = re.compile(r"([^\s<>@\"]{1,64})@([^\s<>@\"]{1,255})")
_AS_NUMBER = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE)


def normalise(kind: str, text: str) -> list[Normal]:
    """Return what `text` is as `kind`, a row's type; a list of hashes gives several.

    Raises:
        UnusableError: it is nothing of that kind.
    """
    known = _KINDS.get(kind)
    return [Normal(kind, text)] if known is None else known(text)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address, IPv4 where it is IPv4 mapped into IPv6; None where it is none."""
    bare = text.strip().removeprefix("[").removesuffix("]")
    try:
        address = ip_address(bare.partition("%")[0] if len(bare) < 100 else "")
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _ip(text: str) -> list[Normal]:
    address = parse_address(text)
    if address is None:
        raise UnusableError("not an IP address")
    return [Normal("ip", str(address))]


def _host(text: str) -> list[Normal]:
    return _name(text, "fqdn")


def _domain(text: str) -> list[Normal]:
    return _name(text, "domain")


def _name(text: str, dotted_type: str) -> list[Normal]:
    # ECS puts the address where there is no name, in url.domain for example.
    address = parse_address(text)
    if address is not None:
        return [Normal("ip", str(address))]
    name = text.strip().lower().rstrip(".")
    if not name or len(name) > _MAX_NAME or _NOT_IN_NAMES.search(name) or ".." in name:
        raise UnusableError("not a name of a host or domain")
    return [Normal(dotted_type if "." in name else "hostname", name)]


def _url(text: str) -> list[Normal]:
    url = text.strip()
    return [Normal("uri_path" if url.startswith("/") else "url", url)]


def _hash(text: str) -> list[Normal]:
    listed = _HASH_LIST.findall(text)
    if listed:
        return [Normal("hash", _one_hash(digest), name.upper()) for name, digest in listed]
    return [Normal("hash", _one_hash(text))]


def _one_hash(text: str) -> str:
    digest = text.strip().lower().removeprefix("0x")
    if not _HEX.fullmatch(digest) or len(digest) not in _HASH_LENGTHS:
        raise UnusableError("not the length or digits of a known hash")
    return digest


def _filename(text: str) -> list[Normal]:
    # Windows paths take both separators. A backslash in a Linux file's name is very rare.
    whole = text.strip()
    name = re.split(r"[\\/]", whole.rstrip("\\/"))[-1]
    if not name:
        raise UnusableError("a path without a file's name")
    return [Normal("filename", name, whole if name != whole else "")]


def _path(text: str) -> list[Normal]:
    return [Normal("filename", text.strip())]


def _mail(text: str) -> list[Normal]:
    found = _MAIL.search(text)
    if found is None:
        raise UnusableError("not a mail address")
    # Mail systems ignore the letter case of both parts.
    return [Normal("mail", found[0].lower().rstrip("."))]


def _autonomous_system(text: str) -> list[Normal]:
    found = _AS_NUMBER.fullmatch(text.strip())
    if found is None:
        raise UnusableError("not a number of an autonomous system")
    return [Normal("autonomous-system", f"AS{int(found[1])}")]


def _account(text: str) -> list[Normal]:
    return [Normal("account", text.strip())]


_KINDS: Mapping[str, Callable[[str], list[Normal]]] = {
    "ip": _ip,
    "host": _host,
    "hostname": _host,
    "fqdn": _host,
    "domain": _domain,
    "url": _url,
    "hash": _hash,
    "filename": _filename,
    "path": _path,
    "mail": _mail,
    "autonomous-system": _autonomous_system,
    "account": _account,
}
