"""Every rule of SigmaHQ against every regression event: the engine is the reference evaluator.

Each rule looks at all events, not only its own, as they came and in another letter case, in the
fields of each shipped profile; and all together, as a run does it.
"""

from pathlib import Path

import pytest

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.engine import Columns, Engine, prepare
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.model.values import flatten
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from sigma2hive.sources.windows import normalise_windows
from tests.bench.corpus import case_changed, regression_cases


@pytest.fixture(scope="module", params=["winlogbeat", "elastic-agent", "windows-flat"])
def profile(request: pytest.FixtureRequest) -> Profile:
    """A shipped profile."""
    loaded = load_profile(request.param, None, Diagnostics())
    assert loaded is not None
    return loaded


@pytest.fixture(scope="module")
def compiled(shared: Path, profile: Profile) -> Compiled:
    """All rules of SigmaHQ that the profile has a place for."""
    diagnostics = Diagnostics()
    repository = load_repository([shared / "data" / "sigmahq"], shared, {}, diagnostics)
    return compile_all(repository, profile, diagnostics)


def test_the_engine_decides_as_the_reference(
    shared: Path, profile: Profile, compiled: Compiled
) -> None:
    records = [event for case in regression_cases(shared) for event in case.events]
    both = [*records, *map(case_changed, records)]
    assert len(both) > 240
    assert profile.windows_events is not None
    documents = [normalise_windows(event, profile.windows_events.value) for event in both]
    values = list(map(flatten, documents))
    assert len(compiled.rules) > 2_800
    found = {
        compiled.rules[hits.rule].info.id: list(rows_of(hits.rows))
        for hits in Engine(compiled.rules).hits_in(Columns(documents))
    }
    for rule in compiled.rules:
        is_from_here, is_met = prepare(rule.gate), prepare(rule.condition)
        expected = [row for row, one in enumerate(values) if is_from_here(one) and is_met(one)]
        assert found.get(rule.info.id, []) == expected, rule.info.title
    assert sum(map(len, found.values())) > 240
