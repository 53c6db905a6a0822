"""What each test of the condition tree means on one value of a field.

Takes a test and the field's type; gives a predicate on the value's canonical text. `Null`, `Exists`
and `FieldReference` look at more than one value and are `reference`'s part.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from sigma2hive.engine.regexes import regex_predicate
from sigma2hive.engine.texts import Predicate, text_predicate
from sigma2hive.model.conditions import (
    COMPARISONS,
    Boolean,
    Cidr,
    Compare,
    Number,
    Regex,
    Text,
    TimePart,
    TimeUnit,
)
from sigma2hive.model.fields import FieldType
from sigma2hive.model.folding import fold
from sigma2hive.model.scalars import address_of, number_of
from sigma2hive.model.times import moment_of, parse_time_ns

ValueTest = Text | Regex | Number | Boolean | Compare | TimePart | Cidr


@lru_cache(maxsize=65536)
def predicate_of(test: ValueTest, field_type: FieldType) -> Predicate:
    """Return the function that tells whether one value of a field of this type meets the test."""
    match test:
        case Text():
            return typed_text_predicate(test, field_type)
        case Regex():
            return regex_predicate(test)
        case Number(number):
            wanted = Decimal(str(number))
            return lambda value: number_of(value, hexadecimal=field_type.is_numeric) == wanted
        case Boolean(boolean):
            word = "true" if boolean else "false"
            return lambda value: fold(value) == word
        case Compare():
            return _compare(test)
        case TimePart():
            return _time_part(test, field_type)
        case Cidr(network):
            return lambda value: (
                (address := address_of(value)) is not None
                and address.version == network.version
                and address in network
            )


def typed_text_predicate(test: Text, field_type: FieldType) -> Predicate:
    """Return the function that tells whether one value of a field of this type is the text.

    An address is equal to all its spellings and a number to all its forms where the index has the
    field as such.
    """
    as_text = text_predicate(test)
    literal = test.literal
    if literal is None:
        if field_type is FieldType.IP:
            return lambda value: as_text(value) or as_text(str(address_of(value) or value))
        return as_text
    if field_type is FieldType.IP and (wanted := address_of(literal)) is not None:
        return lambda value: address_of(value) == wanted
    if field_type.is_numeric:
        number = number_of(literal, hexadecimal=True)
        if number is not None:
            return lambda value: number_of(value, hexadecimal=True) == number
    return as_text


def _compare(test: Compare) -> Predicate:
    bound = Decimal(str(test.number))
    holds = COMPARISONS[test.operator]

    def compares(value: str) -> bool:
        number = number_of(value, hexadecimal=False)
        return number is not None and holds(number, bound)

    return compares


def _time_part(test: TimePart, field_type: FieldType) -> Predicate:
    holds = COMPARISONS[test.operator]

    def compares(value: str) -> bool:
        # A bare number is a time only where the index says that the field is one.
        if field_type is not FieldType.DATE and number_of(value, hexadecimal=False) is not None:
            return False
        time_ns = parse_time_ns(value)
        return time_ns is not None and holds(_part_of(time_ns, test.unit), test.number)

    return compares


def _part_of(time_ns: int, unit: TimeUnit) -> int:
    moment = moment_of(time_ns)
    if unit is TimeUnit.WEEK:
        return moment.isocalendar().week
    part: int = getattr(moment, unit.value)
    return part
