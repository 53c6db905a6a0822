"""Rules for single events: the real ElastAlert 2 raises what our own matcher finds, and once."""

import json
from pathlib import Path

import pytest

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.events import Event
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.repository import load_repository
from sigma2hive.runner.matching import Matcher
from sigma2hive.schema import load_profile
from sigma2hive.sources import in_batches
from sigma2hive.sources.elasticsearch import read_hit
from sigma2hive.sources.windows import normalise_windows
from tests.bench.cluster import Indices
from tests.bench.corpus import case_changed, regression_cases
from tests.compiler.index_mapping import SETTINGS, mapping_of
from tests.elastalert.station import Station, compiled

START, END = "1999-12-31T00:00:00Z", "2100-01-01T00:00:00Z"
#: ElastAlert asks for one buffer_time after the other: here for all years at once.
ALL_YEARS = {"profile": "winlogbeat", "elastalert": {"buffer_minutes": 60_000_000}}
#: One in so many of the regression cases' rules; each alert takes its time.
STEP = 4


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sigma2hive.yml").write_text(json.dumps(ALL_YEARS))
    (tmp_path / "sigma_rules").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def profile() -> Profile:
    loaded = load_profile("winlogbeat", None, Diagnostics())
    assert loaded is not None
    return loaded


def matched(rules: Compiled, documents: list[dict[str, object]]) -> set[tuple[str, str]]:
    """(rule id, document id) of what our own matcher finds."""
    hits = [
        read_hit({"_index": "x", "_id": str(number), "_source": document})
        for number, document in enumerate(documents)
    ]
    events = [event for event in hits if isinstance(event, Event)]
    assert len(events) == len(documents)
    return {
        (match.rule.id, match.events[0].key.parts[1])
        for batch in in_batches(events)
        for match in Matcher(rules).matches_of(batch)
    }


def test_elastalert_raises_what_our_own_matcher_finds(
    shared: Path,
    project_root: Path,
    repository: Path,
    profile: Profile,
    station: Station,
    indices: Indices,
) -> None:
    station.thehive.skip_if_real("show what it holds")
    cases = list(regression_cases(shared))[::STEP]
    records = [event for case in cases for event in case.events]
    both = [*records, *map(case_changed, records)]
    documents = [normalise_windows(event, profile.windows_events.value) for event in both]
    place = profile.place(Logsource("windows"))
    assert place is not None
    index = indices.create(mapping_of(place.types), documents, settings=SETTINGS)
    starter = project_root / "sigma_rules" / "windows"
    paths = [starter, *sorted({case.rule for case in cases})]
    read = load_repository(paths, shared, {}, Diagnostics())
    rules = [argument for path in paths for argument in ("--rules", str(path))]
    written = {path.stem for path in compiled(repository, *rules, index=index).glob("*.yml")}
    assert len(written) >= 25
    ran = station.run(START, END)
    assert sorted(ran.rules) == sorted(written) and not ran.disabled, ran.log
    made = compile_all(read, profile, Diagnostics())
    ours = matched(Compiled(tuple(r for r in made.rules if r.info.id in written)), documents)
    assert len(ours) >= 40
    assert station.pairs() == ours
    # The same again: everything is refused as a double, and nothing is new.
    station.run(START, END)
    assert len(station.thehive.alerts()) == len(ours)
