"""Alerts that are only listed are those that are sent, with their episodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigma2hive.alerts import Detail
from sigma2hive.model.alerts import Alert
from sigma2hive.runner.inputs import source_options
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.sources import read_batches
from sigma2hive.workflows.project import Project, ProjectOptions, load_project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ProjectOptions(ROOT))


def alerts_of(project: Project, detail: Detail) -> list[Alert]:
    options = source_options(project.settings, project.profile)
    work = Pass(
        compiled=project.compiled,
        mappings=project.mappings,
        detail=detail,
        profile=project.profile,
        program=project.program,
    )
    found = read_batches([ROOT / "examples" / "attack-story"], options)
    return list(run_pass(work, found, Summary()))


@pytest.mark.parametrize("detail", [Detail.LISTED, Detail.COUNTED])
def test_what_is_listed_is_what_is_sent(project: Project, detail: Detail) -> None:
    listed, sent = (alerts_of(project, each) for each in (detail, Detail.WHOLE))
    assert [_told(alert) for alert in listed] == [_told(alert) for alert in sent]
    assert any(len(alert.events) > 1 for alert in sent)
    # Whoever asks more of them later gets all there is.
    for alert, same in zip(listed, sent, strict=True):
        assert alert.events == same.events
        assert [dict(event.values) for event in alert.events] == [
            event.values for event in same.events
        ]


def _told(alert: Alert) -> object:
    return alert.identity, alert.title, alert.date_ns, alert.severity, len(alert.events)
