"""What we write ourselves is no event, in files and in Elasticsearch."""

from dataclasses import replace

import pytest

from sigma2hive.runner.own import is_ours, own_patterns
from sigma2hive.settings import Settings


@pytest.mark.parametrize(
    "index",
    [
        "sigma2hive-alerts",
        "sigma2hive-state-000001",
        "soc:sigma2hive-alerts",
        ".ds-sigma2hive-alerts-2026.11.24-000007",
        "partial-.ds-sigma2hive-alerts-2026.11.24-000007",
        "restored-sigma2hive-reports",
        ".alerts-security.alerts-default",
        ".internal.alerts-security.alerts-default-000001",
        "soc-alerts-000004",
    ],
)
def test_our_own_indices_and_alerts_of_others_are_known(index: str) -> None:
    settings = replace(Settings(), sinks=("inbox", "elasticsearch:soc-alerts"))
    assert is_ours(index, own_patterns(settings))


@pytest.mark.parametrize(
    "index", ["logs-sigma2hive-default", "winlogbeat-9.5.0", "alerts", "sigma2hive", "soc-alert"]
)
def test_other_indices_are_not(index: str) -> None:
    settings = replace(Settings(), sinks=("inbox", "elasticsearch:soc-alerts"))
    assert not is_ours(index, own_patterns(settings))


def test_without_more_only_what_is_named_after_us_is_ours() -> None:
    assert is_ours("sigma2hive-alerts")
    assert not is_ours(".alerts-security.alerts-default")
