"""What a value or a modifier that cannot be used is told as."""

from __future__ import annotations


class ValueProblem(ValueError):
    """A value or modifier that cannot be used: diagnostic code, reason and remedy."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.hint = code, hint


class Unusual(Exception):
    """A value that only pySigma reads, or says what is wrong with."""
