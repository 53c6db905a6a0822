"""The page of a back-test, whatever its figures."""

from xml.etree import ElementTree

import pytest

from sigma2hive.diagnostics import Location
from sigma2hive.model.backtests import Backtest, RuleResult
from sigma2hive.model.rules import RuleInfo
from sigma2hive.reports.backtest import render_html

INFO = RuleInfo("5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d", "A & B", Location("a.yml", 1, 1))


def drawn(by_day: dict[str, int]) -> ElementTree.Element:
    rule = RuleResult(INFO, sum(by_day.values()), sum(by_day.values()), by_day)
    page = render_html(Backtest(1, 10, (rule,), tuple(by_day)))
    start, end = page.index("<svg"), page.index("</svg>") + len("</svg>")
    return ElementTree.fromstring(page[start:end])


@pytest.mark.parametrize("days", [1, 2, 10, 31, 366])
def test_bars_stay_in_the_picture_and_are_as_tall_as_their_counts(days: int) -> None:
    counts = {f"{2020 + n // 28:04}-01-{n % 28 + 1:02}": n for n in range(1, days + 1)}
    picture = drawn(counts)
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    bars = [{key: float(text) for key, text in bar.attrib.items()} for bar in picture.iter("rect")]
    assert len(bars) == days
    for bar in bars:
        assert bar["x"] >= 0
        assert bar["x"] + bar["width"] <= width
        assert bar["y"] >= 0
        assert bar["y"] + bar["height"] <= height
    tallest = max(bar["height"] for bar in bars)
    for bar, count in zip(bars, counts.values(), strict=True):
        assert bar["height"] == pytest.approx(tallest * count / days, abs=0.01)


def test_a_back_test_without_hits_has_a_page() -> None:
    page = render_html(Backtest(3, 10, (), ()))
    assert "0 alerts would have been raised, " in page
    assert "<svg" not in page
