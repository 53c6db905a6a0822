"""JSON's numbers without loss: what `json` is given to read them with.

Takes the text of a number; gives a Python value that keeps every digit, or the text where no number
of Python does. No number of JSON is refused.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

#: Integers above this stay text: Python refuses to convert very long ones, and their digits are
#: all that counts.
_MAX_INTEGER_DIGITS = 400

#: A fraction from here on may have more digits than a float of Python.
LARGEST_PLAIN_FRACTION = 1e15


def parse_integer(text: str) -> int | str:
    """Read a number without fraction and exponent."""
    return int(text) if len(text) <= _MAX_INTEGER_DIGITS else text


def parse_fraction(text: str) -> float | int | str:
    """Read a number with a fraction or exponent; 12345678901234567890.0 is a whole number."""
    value = float(text)
    if abs(value) < LARGEST_PLAIN_FRACTION:
        return value
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return text  # an exponent that even Decimal cannot hold
    if exact.adjusted() >= _MAX_INTEGER_DIGITS:
        return text
    return int(exact) if exact == exact.to_integral_value() else value


def refuse_constant(text: str) -> None:
    """Refuse NaN and Infinity, which `json` would read and JSON does not have.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{text} is not a JSON value")
