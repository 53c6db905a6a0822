r"""Sigma's semantics, one sentence each: a detection, an event, and whether it must fire.

Expected answers come from the Sigma specification (strings case-insensitive, `|re` case-sensitive,
null is absence, …), never from the output.
"""

import pytest

from sigma2hive.engine.predicates import predicate_of
from sigma2hive.model.conditions import Compare, Number, Operator
from sigma2hive.model.fields import FieldType
from tests.sigma_texts import detection, met, parse


def selection(item: str) -> str:
    return f"selection:\n    {item}\ncondition: selection"


@pytest.mark.parametrize(
    ("item", "value", "expected"),
    [
        # Whole values, any letter case
        ("F: Whoami", "WHOAMI", True),
        ("F: whoami", "whoami.exe", False),
        ("F|cased: Whoami", "whoami", False),
        ("F|cased: Whoami", "Whoami", True),
        ("F: ГРУППА", "группа", True),
        ("F: K", "\u212a", False),  # the Kelvin sign is another character
        ("F: straße", "STRASSE", False),  # folding never changes the length
        # Wildcards and their escapes
        ("F: 'a*c'", "ac", True),
        ("F: 'a*c'", "A--C", True),
        ("F: 'a?c'", "abc", True),
        ("F: 'a?c'", "ac", False),
        ("F: 'a?c'", "a\nc", True),
        (r"F: 'a\*c'", "a*c", True),
        (r"F: 'a\*c'", "abc", False),
        (r"F: 'a\?c'", "a?c", True),
        (r"F: 'C:\Windows\*'", "c:\\windows*", True),  # backslash and asterisk escape each other
        (r"F: 'C:\Windows\\*'", "c:\\windows\\system32", True),
        (r"F: '\\\\srv\share'", "\\\\SRV\\share", True),
        ("F: '*'", "", True),
        ("F: '**a**'", "bab", True),
        ("F: 'aa*aa'", "aaa", False),
        ("F: 'a*b*c'", "a-c-b-c", True),
        ("F: '?*?'", "x", False),
        # contains, startswith, endswith
        ("F|contains: ' -Enc '", "powershell -ENC abc", True),
        ("F|startswith: 'C:\\'", "c:\\temp", True),
        ("F|endswith: '\\cmd.exe'", "C:\\x\\CMD.EXE", True),
        ("F|endswith: '\\cmd.exe'", "C:\\x\\cmd.exe ", False),  # trailing blanks count
        ("F|contains|all: [a, b]", "ba", True),
        ("F|contains|all: [a, b]", "a", False),
        # Regular expressions: case-sensitive, unanchored, ASCII classes
        ("F|re: 'wh.ami'", "xwhoamix", True),
        ("F|re: 'wh.ami'", "WHOAMI", False),
        ("F|re|i: 'wh.ami'", "WHOAMI", True),
        ("F|re: '(?i)wh.ami'", "WHOAMI", True),
        ("F|re|i: 'ГРУППА'", "группа", True),
        ("F|re: '^a.b$'", "a\nb", False),
        ("F|re|s: '^a.b$'", "a\nb", True),
        ("F|re: '^b$'", "a\nb", False),
        ("F|re|m: '^b$'", "a\nb", True),
        (r"F|re: '^\d+$'", "٣", False),
        (r"F|re: '^\w+$'", "ä", False),
        ("F|re: 'a(?!b)'", "ac", True),
        ("F|re: 'a(?!b)'", "ab", False),
        # Numbers and booleans
        ("F: 4625", "4625", True),
        ("F: 4625", "4625.7", False),
        ("F: 4625", "46250", False),
        ("F: '4625'", "4625", True),
        ("F|gte: 10", "9", False),
        ("F|gte: 10", "10", True),
        ("F|lt: 10", "-3.5", True),
        ("F|gt: 10", "many", False),
        ("F: 10", "0xa", False),  # hexadecimal is a number where the index has one, only
        ("F|gte: 10", "0xa", False),
        ("F: true", "True", True),
        ("F: 'true'", "TRUE", True),
        # Addresses
        ("F|cidr: 192.168.0.0/16", "192.168.7.9", True),
        ("F|cidr: 192.168.0.0/16", "::ffff:192.168.7.9", True),
        ("F|cidr: 192.168.0.0/16", "192.169.0.1", False),
        ("F|cidr: fe80::/10", "fe80::1", True),
        ("F|cidr: 192.168.0.0/16", "-", False),
        ("F|cidr: '::ffff:192.168.0.0/112'", "192.168.7.9", True),
        ("F|cidr: '::ffff:192.168.0.0/112'", "::ffff:192.168.7.9", True),
        ("F|cidr: '::ffff:192.168.0.0/112'", "192.169.0.1", False),
        # Encodings
        ("F|base64: 'whoami'", "d2hvYW1p", True),
        ("F|base64: 'a\\*b'", "YSpi", True),  # the asterisk itself, without its escape
        ("F|base64offset|contains: '/bin/sh'", "xx L2Jpbi9za yy", True),
        ("F|base64offset|contains: 'ä-ö'", "eMOkLcO2eA==", True),  # base64 of "xä-öx"
        ("F|base64offset|contains: 'ä'", "eHjDpHl6", True),  # base64 of "xxäyz"
        ("F|base64offset|contains: 'ä'", "d2hvYW1p", False),  # counted in bytes, not characters
        ("F|wide|base64offset|contains: 'Net'", "TgBlAHQA", True),
        ("F|utf16le|base64offset|contains: 'Net'", "TgBlAHQA", True),
        ("F|utf16|base64|contains: 'a'", "//5hAA==", True),
        ("F|windash|contains: ' -enc '", "x /enc y", True),
        ("F|windash|contains: ' -enc '", "x \u2013enc y", True),
        ("F|windash|contains: ' -enc '", "x _enc y", False),
        ("F|windash|contains: ' \u2013enc '", "x -enc y", True),
        ("F|windash|contains: ' \u2015enc '", "x \u2014enc y", True),
        # Times
        ("F|hour: 3", "2026-11-24T03:59:59.999Z", True),
        ("F|hour: 3", "2026-11-24T04:00:00+01:00", True),  # the hour is UTC's
        ("F|week|gte: 48", "2026-11-24T00:00:00Z", True),
        ("F|year: 2026", "not a time", False),
        # Empty strings
        ("F: ''", "", True),
        ("F: ''", "x", False),
        ("F|neq: a", "b", True),
        ("F|neq: a", "A", False),
        ("F|neq: [a, b]", "b", False),
    ],
)
def test_one_value(item: str, value: str, expected: bool) -> None:
    assert met(selection(item), {"F": value}) is expected


@pytest.mark.parametrize(
    ("item", "event", "expected"),
    [
        ("F: null", {}, True),
        ("F: null", {"F": None}, True),
        ("F: null", {"F": ""}, False),  # an empty string is a value
        ("F|exists: true", {"F": ""}, True),
        ("F|exists: true", {}, False),
        ("F|exists: false", {}, True),
        ("F: ''", {}, False),
        ("F: [a, null]", {}, True),
        ("F: b", {"F": ["a", "b"]}, True),  # any of several values
        ("F|contains|all: [a, b]", {"F": ["xa", "xb"]}, True),
        ("F|cidr: 10.0.0.0/8", {"F": ["192.0.2.1", "10.1.1.1"]}, True),
        ("F|fieldref: G", {"F": "Anna", "G": "ANNA"}, True),
        ("F|fieldref: G", {"F": "Anna"}, False),
        ("F|fieldref|startswith: G", {"F": "annabel", "G": "Anna"}, True),
        ("F|fieldref|startswith: G", {"F": "Susanna", "G": "anna"}, False),
        ("F|fieldref|endswith: G", {"F": "Susanna", "G": "Anna"}, True),
        ("F|fieldref|endswith: G", {"F": "annabel", "G": "anna"}, False),
        ("F|fieldref|contains: G", {"F": "x-anna-x", "G": "anna"}, True),
        ("F|fieldref: G", {"F": "a*", "G": "abc"}, False),  # no wildcards in event data
        ("F|neq: a", {}, True),  # not, over an absent field
    ],
)
def test_one_event(item: str, event: dict, expected: bool) -> None:
    assert met(selection(item), event) is expected


@pytest.mark.parametrize(
    ("item", "field_type", "value", "expected"),
    [
        ("F: '192.0.2.1'", FieldType.IP, "::ffff:192.0.2.1", True),
        ("F: '2001:DB8::1'", FieldType.IP, "2001:db8:0:0:0:0:0:1", True),
        ("F|startswith: '192.0.'", FieldType.IP, "::ffff:192.0.2.1", True),
        ("F: '2001:DB8::1'", FieldType.KEYWORD, "2001:db8:0:0:0:0:0:1", False),
        ("F: '445'", FieldType.LONG, "445.0", True),
        ("F: '0x1F4'", FieldType.LONG, "500", True),
        ("F: 4625", FieldType.LONG, "4625.7", False),
        ("F|startswith: '44'", FieldType.LONG, "443", True),
        ("F: '0x1F4'", FieldType.KEYWORD, "500", False),
        ("F: 'True'", FieldType.BOOLEAN, "true", True),
        ("F|hour: 1", FieldType.DATE, "3600000", True),
        ("F|hour: 1", FieldType.KEYWORD, "3600000", False),
    ],
)
def test_the_index_type_decides_what_equal_means(
    item: str, field_type: FieldType, value: str, expected: bool
) -> None:
    assert met(selection(item), {"F": value}, {"F": field_type}) is expected


IP, LONG, KEYWORD = FieldType.IP, FieldType.LONG, FieldType.KEYWORD


@pytest.mark.parametrize(
    ("item", "values", "types", "expected"),
    [
        ("F|fieldref: G", ("192.0.2.1", "::ffff:192.0.2.1"), (IP, IP), True),
        ("F|fieldref: G", ("2001:db8::1", "2001:DB8:0:0::1"), (IP, IP), True),
        ("F|fieldref: G", ("192.0.2.1", "::ffff:192.0.2.1"), (IP, KEYWORD), True),
        ("F|fieldref: G", ("192.0.2.1", "::ffff:192.0.2.1"), (KEYWORD, IP), True),
        ("F|fieldref: G", ("192.0.2.1", "::ffff:192.0.2.1"), (KEYWORD, KEYWORD), False),
        ("F|fieldref|endswith: G", ("::ffff:192.0.2.1", "192.0.2.1"), (IP, IP), True),
        ("F|fieldref|startswith: G", ("192.0.2.1", "::ffff:192.0.2.1"), (IP, IP), True),
        ("F|fieldref: G", ("192.0.2.1", "192.0.2.10"), (IP, IP), False),
        ("F|fieldref: G", ("1.0", "1"), (LONG, LONG), True),
        ("F|fieldref: G", ("1.0", "1"), (KEYWORD, LONG), True),
        ("F|fieldref: G", ("0x1F4", "500"), (KEYWORD, LONG), True),
        ("F|fieldref: G", ("1.0", "1"), (KEYWORD, KEYWORD), False),
        ("F|fieldref: G", ("none", "None"), (LONG, LONG), True),
        ("F|fieldref: G", ("", ""), (KEYWORD, KEYWORD), True),
        ("F|fieldref: G", ("a", ""), (KEYWORD, KEYWORD), False),
    ],
)
def test_fields_are_compared_as_the_index_has_them(
    item: str, values: tuple[str, str], types: tuple[FieldType, FieldType], expected: bool
) -> None:
    event = dict(zip("FG", values, strict=True))
    assert met(selection(item), event, dict(zip("FG", types, strict=True))) is expected


@pytest.mark.parametrize("item", ["F: .inf", "F: .nan", "F|gte: -.inf", "F|lt: .nan"])
def test_what_is_no_number_is_refused(item: str) -> None:
    rules, diagnostics = parse(detection(selection(item)))
    assert rules == []
    assert [finding.code for finding in diagnostics] == ["S2H207"]


@pytest.mark.parametrize("number", [float("inf"), 10**500])
@pytest.mark.parametrize("value", ["many", "", "-", "9" * 600])
def test_a_number_out_of_reach_is_nobody(number: float, value: str) -> None:
    assert not predicate_of(Number(number), KEYWORD)(value)
    assert not predicate_of(Compare(Operator.GTE, number), KEYWORD)(value)


def test_not_is_true_over_an_absent_field() -> None:
    text = "selection:\n    A: 1\nfilter:\n    B: x\ncondition: selection and not filter"
    assert met(text, {"A": 1})
    assert met(text, {"A": 1, "B": "y"})
    assert not met(text, {"A": 1, "B": "X"})


def test_keywords_are_found_anywhere_in_the_log() -> None:
    text = "keywords:\n    - dropped\n    - 4711\ncondition: keywords"
    assert met(text, {"message": "the packet was DROPPED."})
    assert met(text, {"message": "code=4711;"})
    assert not met(text, {"message": "accepted"})
    assert met("keywords:\n    '|all': [a, b]\ncondition: keywords", {"message": "b a"})


def test_a_list_of_maps_is_any_of_them() -> None:
    text = "selection:\n    - A: 1\n      B: 2\n    - C: 3\ncondition: selection"
    assert met(text, {"C": 3})
    assert met(text, {"A": 1, "B": 2})
    assert not met(text, {"A": 1})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("1 of sel_*", True),
        ("all of sel_*", False),
        ("any of them", True),
        ("all of them", False),
        ("sel_a and not sel_b", True),
        ("not sel_a or sel_a and sel_b", False),  # not binds before and, and before or
        ("sel_b or not (sel_b or sel_c)", True),
        ("not not sel_a", True),
        ("1 of _hidden*", True),
    ],
)
def test_conditions(condition: str, expected: bool) -> None:
    text = (
        "sel_a:\n    A: 1\nsel_b:\n    B: 1\nsel_c:\n    C: 1\n_hidden:\n    A: 1\n"
        f"condition: {condition}"
    )
    assert met(text, {"A": 1}) is expected


def test_several_conditions_are_alternatives() -> None:
    text = "a:\n    A: 1\nb:\n    B: 1\ncondition:\n    - a\n    - b"
    assert met(text, {"B": 1})
