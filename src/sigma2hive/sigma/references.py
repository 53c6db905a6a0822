"""How one rule names another: by id or by name.

Takes what a file says; gives one spelling, so that the letter case of a UUID never decides whether
a filter or a correlation finds its rule.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID


def canonical_id(text: str) -> str:
    """Return a UUID as it is compared and stored: lower case, with hyphens, without braces.

    Raises:
        ValueError: the text is no UUID.
    """
    return str(UUID(text))


def canonical_reference(text: str) -> str:
    """Return an id in its one spelling, and a name as it is."""
    if "-" not in text:
        # Thirty-two digits alone may well be a name.
        return text
    try:
        return canonical_id(text)
    except ValueError:
        return text


def read_references(value: Any) -> tuple[str, ...] | None:
    """Return the rules that a text or a list of texts names, each once; None where it is neither.

    An empty list names none.
    """
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) and entry for entry in entries):
        return None
    return tuple(dict.fromkeys(canonical_reference(entry) for entry in entries))
