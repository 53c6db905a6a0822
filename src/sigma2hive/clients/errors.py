"""What can go wrong with a server, the same for every client.

Takes texts; gives exceptions that say what happened and what to do. A client translates everything
that its library raises into one of these, at one place, so that nobody else knows the library.
"""

from __future__ import annotations

from typing import ClassVar

from sigma2hive.diagnostics import Sigma2hiveError


class ServerError(Sigma2hiveError):
    """A server did not do what it was asked. Base class; `str()` is message and hint.

    ServerError
    ├── UnreachableError       nothing answers there                                 passes
    ├── ServerTimeoutError     no answer in time                                     passes
    ├── BusyError              it has too much to do, or too little memory           passes
    ├── IncompleteError        a shard, an index or a cluster is missing from it     passes
    │   └── ClosedError        an index is closed                                    passes
    ├── AnswerError            an answer that a server of this kind does not give    passes
    ├── CertificateError       it is not who it should be, or does not speak TLS
    ├── AuthenticationError    credentials are missing or wrong (401)
    ├── PrivilegeError         the credentials do not allow this (403)
    ├── MissingError           what was asked for is not there (404)
    ├── VersionError           it is of a version that cannot be used
    └── RequestRefusedError    the request itself is at fault (400 and others)
        └── AlreadyThereError  what was to be made is there, says the server

    What passes may succeed when it is repeated later, with nothing changed; `retry_after_seconds`
    says when, where the server does. With the rest someone has to change a setting, a privilege or
    a rule. `is_for_all` says that this server refuses whatever is asked next, for a while.
    """

    passes: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        hint: str,
        retry_after_seconds: float | None = None,
        *,
        is_for_all: bool = False,
    ) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint
        self.retry_after_seconds = retry_after_seconds
        self.is_for_all = is_for_all

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UnreachableError(ServerError):
    """Nothing answers at the address."""

    passes = True


class ServerTimeoutError(ServerError):
    """The server did not answer in time; what it was asked may still happen."""

    passes = True


class BusyError(ServerError):
    """The server has too much to do."""

    passes = True


class IncompleteError(ServerError):
    """A part of what was to be searched is missing: a shard, an index that is closed, a cluster."""

    passes = True


class ClosedError(IncompleteError):
    """An index that was to be searched is closed."""


class AnswerError(ServerError):
    """The answer is not one that a server of this kind gives, or the server failed inside."""

    passes = True


class CertificateError(ServerError):
    """The server's certificate was refused, or there is no TLS where there should be."""


class AuthenticationError(ServerError):
    """The credentials are missing, wrong or no longer valid."""


class PrivilegeError(ServerError):
    """The credentials do not allow this; `privilege` is the least one that would, "" if unknown."""

    def __init__(self, message: str, hint: str, privilege: str = "") -> None:
        super().__init__(message, hint)
        self.privilege = privilege


class MissingError(ServerError):
    """What was asked for is not there, or these credentials may not see it."""


class VersionError(ServerError):
    """The server is of a version that this client cannot speak to."""


class RequestRefusedError(ServerError):
    """The server understood who asks, and refuses what is asked for; `reason` is its own word."""

    def __init__(self, message: str, hint: str, reason: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class AlreadyThereError(RequestRefusedError):
    """What was to be made is there already, or a part of it is: look before believing which."""
