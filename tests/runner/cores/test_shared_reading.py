"""Files read by several processes: what one would have found, in its order, to the last byte."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.alerts import Alert
from sigma2hive.runner.cores import Sharing
from sigma2hive.runner.cores.deciding import decide_unit
from sigma2hive.runner.cores.joining import Joining
from sigma2hive.runner.cores.units import units_of
from sigma2hive.runner.inputs import share_files
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.once import Pass, Summary, run_pass
from sigma2hive.sources import Limits, SourceOptions, find_event_files, read_batches
from sigma2hive.workflows.project import Project, ProjectOptions, load_project
from tests.sources.evtx_writer import evtx_file, logon

RULES = """\
title: Failed logon
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
name: failed_logon
logsource: {product: windows, service: security}
level: low
detection:
    selection: {EventID: 4625}
    condition: selection
---
title: Logon of anna
id: 6f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
logsource: {product: windows, service: security}
level: low
detection:
    selection: {TargetUserName|contains: anna}
    condition: selection
---
title: Many failed logons
id: 22222222-2222-4222-8222-222222222222
level: high
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [TargetUserName]
    timespan: 10m
    condition: {gte: 3}
    generate: true
---
title: The service's own
id: 33333333-3333-4333-8333-333333333333
logsource: {product: windows, service: security}
filter:
    rules: [failed_logon]
    selection: {TargetUserName: svc}
    condition: not selection
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("project")
    (folder / "rules.yml").write_text(RULES)
    made = load_project(ProjectOptions(folder, None, (folder / "rules.yml",), "windows-flat"))
    assert not list(made.findings), [finding.message for finding in made.findings]
    return made


def line(user: str, minute: int = 0, code: int = 4625, **more: object) -> bytes:
    time = f"2026-11-20T02:{minute:02}:00Z"
    event = {"@timestamp": time, "Channel": "Security", "EventID": code, "TargetUserName": user}
    return json.dumps({**event, **more}).encode()


#: What lines may be: equal ones, plain or not (a key given twice, a time of another form), no
#: events, blank ones, and a large one.
LINES = {
    "a": line("anna"),
    "b": line("ben", 1),
    "s": line("svc", 2),
    "o": line("otto", 3, 4624),
    "A": b'{"TargetUserName": "x", ' + line("anna", 4)[1:],
    "t": line("anna", 5).replace(b"2026-11-20T02:05:00Z", b"2026-11-20 02:05:00.5+01:00"),
    "w": json.dumps(
        {
            "Event": {
                "System": {
                    "EventID": 4625,
                    "Channel": "Security",
                    "TimeCreated": {"#attributes": {"SystemTime": "2026-11-20T02:06:00Z"}},
                },
                "EventData": {"TargetUserName": "anna"},
            }
        }
    ).encode(),
    "n": b"no event",
    "u": b'{"@timestamp": "2026-11-20T02:00:00Z", "x": "\xff"}',
    "m": b'{"TargetUserName": "no time"}',
    "-": b"",
    "L": line("anna", 7, padding="x" * 3000),
}


def options_of(folder: Path, project: Project) -> SourceOptions:
    return SourceOptions(
        "flat", folder, Limits(max_bytes=2000), time_fields=project.profile.time_fields
    )


Outcome = tuple[Sequence[Alert], Summary]


def of_one(paths: Sequence[Path], options: SourceOptions, project: Project) -> Outcome:
    summary = Summary()
    work = Pass(project.compiled, project.mappings, profile=project.profile)
    return list(run_pass(work, read_batches(paths, options), summary)), summary


def of_several(
    paths: Sequence[Path], options: SourceOptions, project: Project, sharing: Sharing
) -> Outcome:
    matcher = Matcher(project.compiled)
    summary = Summary()
    with share_files(paths, options, matcher, sharing) as looked_at:
        work = Pass(project.compiled, project.mappings, profile=project.profile, matcher=matcher)
        return list(run_pass(work, looked_at.found, summary)), summary


def of_units(
    paths: Sequence[Path], options: SourceOptions, project: Project, slice_bytes: int
) -> Outcome:
    """The same with all units decided here, one after the other."""
    matcher, joining, summary = Matcher(project.compiled), Joining(options), Summary()
    found = find_event_files(paths, options.root, options.own)
    results = (
        (unit, result)
        for unit in joining.wanted(units_of(found, slice_bytes))
        for result in decide_unit(unit, [matcher], options)
    )
    joined = (
        entry if isinstance(entry, Diagnostic) else entry[0] for entry in joining.join(results)
    )
    work = Pass(project.compiled, project.mappings, profile=project.profile, matcher=matcher)
    return list(run_pass(work, joined, summary)), summary


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("slice_bytes", [100, 1000, 7777])
def test_all_is_as_with_one_process(
    tmp_path: Path, project: Project, processes: int, slice_bytes: int
) -> None:
    events = tmp_path / "events"
    events.mkdir()
    kinds = "abansAtoALw-uaAmb" * 12
    (events / "a.ndjson").write_bytes(b"\n".join(LINES[kind] for kind in kinds))
    packed = gzip.compress(b"\n".join(LINES[kind] for kind in "aabbn"))
    (events / "b.ndjson.gz").write_bytes(packed)
    (events / "c.ndjson.gz").write_bytes(packed[:-12])
    (events / "d.evtx").write_bytes(
        evtx_file([logon(number) for number in range(1, 5)], [logon(5)])[:-60_000]
    )
    (events / "e.json").write_bytes(b"[" + b",\n ".join(LINES[kind] for kind in "aaAb") + b"]")
    (events / "f.ndjson.zip").touch()
    for number in range(5):
        (events / f"g{number}.ndjson").write_bytes(LINES["a"])
    paths = [events, tmp_path / "nothing"]
    options = options_of(tmp_path, project)
    alerts, summary = of_one(paths, options, project)
    sharing = Sharing(processes, least_bytes=0, slice_bytes=slice_bytes)
    shared_alerts, shared_summary = of_several(paths, options, project, sharing)

    # Equal lines are alerts each, and there are episodes.
    assert len({alert.source_ref for alert in alerts}) > 200
    assert any(len(alert.events) > 1 for alert in alerts)
    assert summary.suppressed.total() == 12
    assert {"S2H501", "S2H106", "S2H502", "S2H503", "S2H504", "S2H505", "S2H108"} <= {
        finding.code for finding in summary.put_aside
    }
    assert shared_alerts == alerts
    assert shared_summary.events == summary.events
    assert shared_summary.suppressed == summary.suppressed
    assert list(shared_summary.put_aside) == list(summary.put_aside)


@given(
    kinds=st.text(alphabet="".join(LINES), max_size=40),
    ending=st.sampled_from([b"\n", b"\r\n"]),
    is_ended=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    slice_bytes=st.integers(4, 4000),
)
@settings(max_examples=150)
def test_wherever_it_is_cut_a_file_says_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    project: Project,
    kinds: str,
    ending: bytes,
    is_ended: bool,
    mark: bytes,
    slice_bytes: int,
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    text = ending.join(LINES[kind] for kind in kinds) + (ending if is_ended else b"")
    (folder / "events.ndjson").write_bytes(mark + text)
    options = options_of(folder, project)
    alerts, summary = of_one([folder], options, project)
    cut_alerts, cut_summary = of_units([folder], options, project, slice_bytes)
    assert cut_alerts == alerts
    assert cut_summary.events == summary.events
    assert cut_summary.suppressed == summary.suppressed
    assert list(cut_summary.put_aside) == list(summary.put_aside)


@pytest.mark.parametrize("slice_bytes", [500, 4000, 12_000])
@pytest.mark.parametrize(
    "lines",
    [
        [b"text"] * 3000,
        [b"text"] * 999 + [LINES["a"]] + [b"text"] * 1500 + [LINES["m"]] * 1500 + [LINES["a"]],
        [LINES["m"], b"text"] * 500 + [LINES["a"]] * 20,
        [LINES["a"]] + [LINES["m"]] * 999 + [b"text"] * 2000 + [LINES["m"]] * 10,
    ],
    ids=["text", "late event", "too late event", "two codes"],
)
def test_findings_are_named_and_a_file_of_text_is_given_up_as_by_one(
    tmp_path: Path, project: Project, lines: list[bytes], slice_bytes: int
) -> None:
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(lines))
    (tmp_path / "more.ndjson").write_bytes(LINES["a"])
    options = options_of(tmp_path, project)
    alerts, summary = of_one([tmp_path], options, project)
    # Processes may be ahead of where the file is given up.
    sharing = Sharing(3, least_bytes=0, slice_bytes=slice_bytes)
    for cut_alerts, cut_summary in (
        of_units([tmp_path], options, project, slice_bytes),
        of_several([tmp_path], options, project, sharing),
    ):
        assert cut_alerts == alerts
        assert cut_summary.events == summary.events
        assert list(cut_summary.put_aside) == list(summary.put_aside)


@given(
    runs=st.lists(
        st.tuples(st.sampled_from("onmnm"), st.sampled_from([1, 2, 499, 500, 999, 1000, 1001])),
        max_size=6,
    ),
    slice_bytes=st.integers(500, 40_000),
)
@settings(max_examples=80)
def test_many_findings_are_those_of_one_process_wherever_they_stand(
    tmp_path_factory: pytest.TempPathFactory,
    project: Project,
    runs: Sequence[tuple[str, int]],
    slice_bytes: int,
) -> None:
    folder = tmp_path_factory.mktemp("many")
    text = b"".join((LINES[kind] + b"\n") * count for kind, count in runs)
    (folder / "events.ndjson").write_bytes(text)
    options = options_of(folder, project)
    _, summary = of_one([folder], options, project)
    _, cut_summary = of_units([folder], options, project, slice_bytes)
    assert cut_summary.events == summary.events
    assert list(cut_summary.put_aside) == list(summary.put_aside)


def test_what_is_small_needs_no_further_process(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> int:
        raise AssertionError

    (tmp_path / "events.ndjson").write_bytes(LINES["a"])
    options = options_of(tmp_path, project)
    monkeypatch.setattr("os.fork", refuse, raising=False)
    assert len(of_several([tmp_path], options, project, Sharing(4))[0]) == 2
    assert len(of_several([tmp_path], options, project, Sharing(1, least_bytes=0))[0]) == 2
