"""What servers say in headers, whatever it is, becomes a number of seconds or none."""

import pytest

from sigma2hive.clients.words import retry_after


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0),
        ("Mon, 01 Jan 2001 00:00:00 +99999999999999999999", None),
        ("soon", None),
        ("-1", None),
    ],
)
def test_a_header_that_asks_to_wait(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds
