"""Whose certificates are trusted over HTTP: the system's authorities, or those of a file.

requests brings a list of its own, which would not have a company's authority.
"""

from __future__ import annotations

import ssl
from pathlib import Path


class UnusableError(ValueError):
    """A file of certificates cannot be used; the text says why."""


def trusted(ca_file: Path | None) -> str | bool:
    """Return what requests takes for `verify`: never that nothing is checked.

    Raises:
        UnusableError: the file cannot be read, or holds no certificate.
    """
    if ca_file is None:
        system = ssl.get_default_verify_paths()
        return system.cafile or system.capath or True
    try:
        ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise UnusableError("there is no PEM certificate in it") from None
    except OSError as error:
        raise UnusableError(error.strerror or type(error).__name__) from None
    return str(ca_file)
