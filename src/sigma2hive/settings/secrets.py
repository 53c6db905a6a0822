"""Secrets: read from the environment or a mounted file, and never printed.

Takes names of environment variables; gives `Secret` objects. Also knows what a credential looks
like, so that one in a committed file is refused and is concealed where its line would be shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location

MASK = "***"

#: A mounted secret is a line; anything longer is the wrong file.
MAX_SECRET_BYTES = 64 * 1024


class Secret:
    """A text that shows as *** in str, repr, format, logs, tracebacks, pickles and copies.

    json refuses it, as it does every object. Only `reveal` gives the text, where it is used.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself: call it only in the request that needs it."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        # Pickles travel (logging handlers, worker processes), and asdict() deep-copies.
        return Secret, (MASK,)


def secret_from_environment(
    name: str, environment: Mapping[str, str] | None = None
) -> Secret | None:
    """Return the secret in the variable `name`, or in the file that `name`_FILE names.

    None where neither is set (an empty variable is not set). One line break at the file's end is
    not part of it.

    Raises: ConfigurationError where both are set or the file holds no usable secret.
    """
    given = os.environ if environment is None else environment
    in_variable, file = given.get(name, ""), given.get(f"{name}_FILE", "")
    if in_variable and file:
        raise _refusal(
            name,
            f"{name} and {name}_FILE are both set, so it is unclear which one holds",
            "unset one of the two",
        )
    if file:
        return Secret(_read_secret_file(f"{name}_FILE", Path(file)))
    return Secret(in_variable) if in_variable else None


def _read_secret_file(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise _refusal(
            variable,
            f"the secret file {path} cannot be read: {error.strerror or type(error).__name__}",
            "check the path, and that this user may read it",
        ) from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        # Not chained: the original error carries the file's bytes.
        raise _refusal(
            variable, f"the secret file {path} is not UTF-8 text", "mount the secret as text"
        ) from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or len(content) > MAX_SECRET_BYTES:
        what = "holds more than a secret" if text else "is empty"
        raise _refusal(variable, f"the secret file {path} {what}", "mount the secret alone in it")
    return text


def _refusal(variable: str, message: str, hint: str) -> ConfigurationError:
    diagnostics = Diagnostics()
    diagnostics.error("S2H402", Location(f"environment variable {variable}"), message, hint)
    return ConfigurationError(diagnostics)


_CREDENTIAL_WORDS = (
    "password|passwd|passphrase|secret|token|apikey|accesskey|privatekey|credential|authorization"
)
_CREDENTIAL_NAME = re.compile(_CREDENTIAL_WORDS)
#: user:password@ in a URL.
_URL_CREDENTIAL = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
#: A YAML or JSON key with a value after it on the same line.
_KEY = re.compile(
    r"""(?:^|[\s{,\[])(?:["'](?P<quoted>[\w.-]+)["']\s*:\s*|(?P<plain>[\w.-]+)\s*:\s+)(?=\S)"""
)


def is_credential_name(name: str) -> bool:
    """Return whether a key of that name would hold a credential.

    `api_key` does; `api_key_file`, which holds a path, does not.
    """
    plain = re.sub(r"[^a-z]", "", name.lower())
    return bool(_CREDENTIAL_NAME.search(plain)) and not plain.endswith("file")


def has_url_credential(text: str) -> bool:
    """Return whether a URL in `text` carries a password."""
    return bool(_URL_CREDENTIAL.search(text))


def conceal_credentials(line: str) -> str:
    """Return a line of a file with what looks like a credential replaced by ***.

    Rather too much than too little is concealed; what stands before the value keeps its columns.
    """
    line = _URL_CREDENTIAL.sub(MASK, line)
    for key in _KEY.finditer(line):
        if is_credential_name(key["quoted"] or key["plain"]):
            return line[: key.end()] + MASK
    return line
