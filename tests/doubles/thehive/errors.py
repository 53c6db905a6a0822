"""TheHive's own way of refusing: a status and a JSON object with `type` and `message`.

Source of types and statuses: ScalliGraph (the framework of TheHive 4, whose errors TheHive 5 kept),
Errors.scala and ErrorHandler.scala; the description of 5.7.3 has the same names for 400 to 500.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Refused(Exception):
    """The request is refused: what is answered in place of an answer."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"type": kind, "message": message, **more}


def already_exists(message: str) -> Refused:
    """400, not 409. Source: ErrorHandler.scala, CreateError; TheHive issue 1094 asks for 409."""
    return Refused(400, "CreateError", message)


def bad_request(message: str) -> Refused:
    return Refused(400, "BadRequest", message)


def not_found(what: str) -> Refused:
    """404, also where a part of a new alert names what is not there (TheHive issues 1440, 2165)."""
    return Refused(404, "NotFoundError", f"{what} not found")


def unauthenticated() -> Refused:
    """Source: Entrypoint.scala, LocalUserSrv.scala; the same for someone else's organisation."""
    return Refused(401, "AuthenticationError", "Authentication failure")


def forbidden(message: str) -> Refused:
    return Refused(403, "AuthorizationError", message)


def not_permitted(doing: str, permission: str) -> Refused:
    """Source: Entrypoint.scala, with its own spelling."""
    return forbidden(f"Your are not authorized to {doing}, you haven't the permission {permission}")


def wrong_attributes(errors: Iterable[tuple[str, str, object]]) -> Refused:
    """A body that does not fit: (attribute, what is expected or "" for missing, what was found).

    Source: Errors.scala, AttributeCheckingError, MissingAttributeError and
    InvalidFormatAttributeError.
    """
    listed, words = [], []
    for name, expected, found in errors:
        if not expected:
            listed.append({"name": name, "type": "MissingAttributeError"})
            words.append(f"[Attribute {name} is missing]")
            continue
        listed.append(
            {
                "name": name,
                "format": expected,
                "acceptedInput": [],
                "field": found,
                "type": "InvalidFormatAttributeError",
            }
        )
        words.append(f"[Invalid format for {name}: {_shown(found)}, expected {expected} ]")
    return Refused(400, "AttributeCheckingError", "".join(words), errors=listed)


def _shown(found: object) -> str:
    text = str(found)
    return text if len(text) <= 200 else text[:200] + "…"
