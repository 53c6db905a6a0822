"""Whether the way to a server is closed to others: TLS, and whose certificates are trusted.

Takes an address from the settings; gives findings. That a certificate holds has been seen by then:
it is verified always.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sigma2hive.workflows.doctor.findings import Finding, ok, shown, warning


def look_at_address(url: str, ca_file: Path | None, setting: str) -> Iterator[Finding]:
    """Say whether TLS is spoken to the address that `setting` names."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        trusted = shown(ca_file) if ca_file else "the system's authorities"
        yield ok(f"TLS: the certificate is trusted by {trusted}")
    elif _is_here(parts.hostname or ""):
        yield ok("no TLS, and none needed: it is on this machine")
    else:
        yield warning(
            f"no TLS to {parts.hostname}: events and credentials can be read on the way",
            f"use https:// in {setting}",
        )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
