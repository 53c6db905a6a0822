"""Contents of files, and what stands for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG

from sigma2hive.yamlmarks import open_at_once

#: The largest file that any of the readers takes, a profile with a snapshot.
_MAX_BYTES = 32 * 1024 * 1024


def digest_of(parts: Iterable[bytes]) -> bytes:
    """Return what only the same parts in the same order have."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def key_of_file(file: Path, content: bytes) -> bytes:
    """Return the key of a file at a path, of this content."""
    return digest_of((os.fsencode(file), content))


def content_of(file: Path) -> bytes:
    """Return all that is in a file.

    Raises:
        OSError: it cannot be read, is no file, or larger than anything that is read.
    """
    with open(file, "rb", opener=open_at_once) as stream:
        status = os.fstat(stream.fileno())
        if not S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise OSError(f"{file} is no file that anybody would read whole")
        return stream.read()
