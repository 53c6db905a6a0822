"""Numbers of JSON: no digit is lost, and none is refused."""

import json

import pytest

from sigma2hive.model.json_numbers import parse_fraction, parse_integer, refuse_constant

DECODER = json.JSONDecoder(
    parse_int=parse_integer, parse_float=parse_fraction, parse_constant=refuse_constant
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("4625", 4625, id="integer"),
        pytest.param("4625.0", 4625.0, id="fraction"),
        pytest.param("12345678901234567890.0", 12345678901234567890, id="large-and-whole"),
        pytest.param("1" * 5000, "1" * 5000, id="more-digits-than-python-converts"),
        pytest.param("1e400", "1e400", id="more-than-a-double-holds"),
        pytest.param("1e99999999999999999999", "1e99999999999999999999", id="no-decimal-either"),
    ],
)
def test_a_number_keeps_its_digits(text: str, value: object) -> None:
    read = DECODER.decode(text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_json_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a JSON value"):
        DECODER.decode(text)
