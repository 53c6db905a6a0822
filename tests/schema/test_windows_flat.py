"""The profile windows-flat: the same events as the other Windows profiles, by Sigma's own names."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Conjunction, Logsource, Profile
from sigma2hive.schema import load_profile

#: What the gates of windows.yml ask for, and what Sigma calls it.
SIGMA_NAMES = {
    "winlog.channel": "Channel",
    "event.code": "EventID",
    "event.provider": "Provider_Name",
    "winlog.event_data.OperationType": "OperationType",
}
#: What only the Elastic Agent writes.
AGENT_ONLY = {"event.dataset"}


def profile(name: str) -> Profile:
    loaded = load_profile(name, None, Diagnostics())
    assert loaded is not None
    return loaded


def logsources() -> list[Logsource]:
    """Every one that a row of the profile winlogbeat names."""
    return sorted(
        {
            Logsource("windows", category, service)
            for row in profile("winlogbeat").rows
            if "windows" in row.products
            for category in (row.categories or (None,))
            for service in (row.services or (None,))
        },
        key=str,
    )


def in_sigma_names(any_of: tuple[Conjunction, ...]) -> list[Mapping[str, tuple[str, ...]]]:
    return [
        {SIGMA_NAMES[path]: values for path, values in alternative.items()}
        for alternative in any_of
        if not AGENT_ONLY & alternative.keys()
    ]


@pytest.mark.parametrize("logsource", logsources(), ids=str)
def test_a_log_source_is_told_as_in_the_other_profiles(logsource: Logsource) -> None:
    winlogbeat = profile("winlogbeat").place(logsource)
    flat = profile("windows-flat").place(logsource)
    assert winlogbeat is not None and flat is not None
    assert list(flat.any_of) == in_sigma_names(winlogbeat.any_of)


def test_all_log_sources_are_looked_at() -> None:
    assert len(logsources()) > 70
