"""Alerts in a list: nothing of a title is lost where the number of events does not fit beside."""

import pytest

from sigma2hive.cli.alert_view import AlertRow
from sigma2hive.cli.columns import COLUMNS, width


@pytest.mark.parametrize("events", [1, 2, 7_000])
@pytest.mark.parametrize("length", range(1, 2 * COLUMNS))
def test_title_and_number_of_events_are_there_whole(length: int, events: int) -> None:
    words = [f"w{number}" for number in range(COLUMNS)]
    title = " ".join(words)[:length].strip()
    lines = list(AlertRow(3, 1_764_000_000_000_000_000, title, events).lines("#1  "))
    assert all(width(line) <= COLUMNS for line in lines)
    told = " ".join(" ".join(lines).split())
    counted = "" if events == 1 else f" ({events:,} events)"
    assert told.endswith(f"{title}{counted}")
