"""`sigma2hive run` as a person meets it: what it prints, writes and ends with."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.cli.run_world import EVENT, OTHER, RULE, write_events, write_world
from tests.sources.evtx_writer import evtx_file, logon

KEYWORD_RULE = """\
title: Word
id: 22222222-2222-4222-8222-222222222222
logsource: {product: windows, category: process_creation}
level: low
detection:
    keywords: ['*vssadmin*']
    condition: keywords
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one rule and two events, and nothing else."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", "--once", *arguments], catch_exceptions=False)


def last_line(result: Result) -> str:
    return result.stdout.splitlines()[-1]


def test_a_folder_without_settings_needs_nothing_but_rules_and_events(folder: Path) -> None:
    result = run("--events", "events.ndjson")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "high      2026-11-20 02:15:00  Shadow copies deleted on ws01.corp.example",
        "inbox: 1 stored",
        "2 events, 1 rule, 1 alert, 0 left out; nothing was sent anywhere",
    ]
    assert result.stderr == ""
    assert (folder / ".sigma2hive" / "inbox.db").exists()


def test_a_second_run_raises_nothing_new(folder: Path) -> None:
    run("--events", "events.ndjson")
    result = run("--events", "events.ndjson")
    assert "inbox: 1 already there" in result.stdout


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    before = set(folder.rglob("*"))
    result = run("--events", "events.ndjson", "--dry-run", "--sink", "jsonl:a.jsonl")
    assert result.exit_code == 0
    assert last_line(result).endswith("1 alert, 0 left out; nothing was written or sent")
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--sink", "jsonl:events.ndjson"], id="somebody-elses-file"),
        pytest.param(["--sink", "inbox:events.ndjson"], id="no-database"),
        pytest.param(["--sink", "jsonl:sigma_rules"], id="folder"),
        pytest.param(["--sink", "jsonl:events.ndjson/alerts"], id="through-a-file"),
        pytest.param(["--sink", "inbocks"], id="no-such-sink"),
        pytest.param(["--settings", "state.yml"], id="state"),
    ],
)
def test_a_dry_run_refuses_what_a_run_would_refuse(folder: Path, arguments: list[str]) -> None:
    (folder / "state.yml").write_text("state: events.ndjson\nsinks: ['jsonl:-']\n")
    before = set(folder.rglob("*"))
    results = [run("--events", "events.ndjson", *arguments, *more) for more in (["--dry-run"], [])]
    assert [result.exit_code for result in results] == [3, 3]
    assert results[0].stderr == results[1].stderr
    assert results[0].stdout == results[1].stdout == ""
    assert set(folder.rglob("*")) == before


def test_a_mistake_in_the_settings_sinks_has_its_place(folder: Path) -> None:
    (folder / "sigma2hive.yml").write_text("sinks:\n  - inbox\n  - jsonnl:a\n")
    result = run("--events", "events.ndjson")
    assert result.exit_code == 3
    assert "sigma2hive.yml:3:5: error S2H402: there is no sink 'jsonnl'" in result.stderr
    assert "  3 |   - jsonnl:a\n    |     ^" in result.stderr


def test_settings_with_no_sink_are_refused(folder: Path) -> None:
    (folder / "sigma2hive.yml").write_text("sinks: []\n")
    result = run("--events", "events.ndjson")
    assert result.exit_code == 3
    assert "sigma2hive.yml:1:1: error S2H402: sinks must be" in result.stderr


def test_the_settings_file_in_use_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".git").mkdir()
    (folder / "sigma2hive.yml").write_text("sinks: ['jsonl:-']\n")
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    arguments = ("--events", "../events.ndjson", "--dry-run")
    assert run(*arguments).stderr.splitlines()[0] == "settings: ../sigma2hive.yml"
    # A dry run writes no alerts there, so that text has stdout for itself.
    assert "1 alert, 0 left out" in run(*arguments).stdout
    as_json = run(*arguments, "--json", "--sink", "inbox")
    assert json.loads(as_json.stdout)["settings"] == "../sigma2hive.yml"
    # Alerts go to stdout, so text does not, though no --sink was given.
    result = run("--events", "../events.ndjson")
    assert [json.loads(line)["severity"] for line in result.stdout.splitlines()] == [3]
    assert "1 alert, 0 left out" in result.stderr


def test_an_event_that_comes_twice_is_one_alert(folder: Path) -> None:
    (folder / "copy.ndjson").write_bytes((folder / "events.ndjson").read_bytes())
    result = run("--events", "events.ndjson", "--events", "copy.ndjson")
    assert result.stdout.splitlines() == [
        "high      2026-11-20 02:15:00  Shadow copies deleted on ws01.corp.example",
        "inbox: 1 stored",
        "4 events, 1 rule, 1 alert, 0 left out; nothing was sent anywhere",
    ]


@pytest.mark.parametrize("sink", ["inbox", "jsonl:alerts.jsonl"])
def test_the_same_events_in_another_file_change_nothing(folder: Path, sink: str) -> None:
    events = [{**EVENT, "@timestamp": f"2026-11-20T02:15:{n:02}Z"} for n in range(12)]
    write_events(folder / "events.ndjson", *events)
    run("--events", "events.ndjson", "--sink", sink)
    (folder / "packed.ndjson.gz").write_bytes(
        gzip.compress((folder / "events.ndjson").read_bytes())
    )
    write_events(folder / "shuffled.ndjson", OTHER, *reversed(events))
    for copy in ("packed.ndjson.gz", "shuffled.ndjson"):
        result = run("--events", copy, "--sink", sink)
        assert f"{sink}: 12 already there" in result.stdout


def test_a_changed_title_changes_the_alert(folder: Path) -> None:
    run("--events", "events.ndjson")
    rule = folder / "sigma_rules" / "rule.yml"
    rule.write_text(RULE.replace("Shadow copies deleted", "Backups deleted"))
    assert "inbox: 1 updated" in run("--events", "events.ndjson").stdout


def test_two_sinks_get_the_same_alert(folder: Path) -> None:
    run("--events", "events.ndjson", "--sink", "inbox", "--sink", "jsonl:alerts.jsonl")
    (line,) = (folder / "alerts.jsonl").read_text().splitlines()
    alert = json.loads(line)
    shown = CliRunner().invoke(main, ["inbox", "show", "1", "--json"], catch_exceptions=False)
    assert json.loads(shown.stdout) == alert
    assert alert["date"] == "2026-11-20T02:15:00.1234567Z"
    assert alert["severity"] == 3
    assert json.loads(alert["events"][0]["raw"]) == EVENT


def test_json_has_every_figure_and_no_text_around_it(folder: Path) -> None:
    (folder / "sigma_rules" / "bad.yml").write_text("a: [")
    result = run("--events", "events.ndjson", "--json", "--dry-run")
    report = json.loads(result.stdout)
    assert (report["events"], report["rules"], report["left_out"]) == (2, 1, 1)
    assert [alert["rule_id"] for alert in report["alerts"]] == [
        "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
    ]
    assert [finding["code"] for finding in report["findings"]] == ["S2H102"]


def test_alerts_on_stdout_leave_the_text_to_stderr(folder: Path) -> None:
    result = run("--events", "events.ndjson", "--sink", "jsonl:-")
    assert [json.loads(line)["severity"] for line in result.stdout.splitlines()] == [3]
    assert "1 alert, 0 left out" in result.stderr


BAD_RULES = {
    "broken YAML": b"title: [",
    "duplicate key": RULE.encode() + b"title: again\n",
    "unknown modifier": RULE.replace("contains", "contians").encode(),
    "no id": re.sub("id: .*\n", "", RULE).encode(),
    "5 MB": RULE.encode() + b"#" * 5_000_000,
    "alias bomb": b"a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 9)
    ),
    "binary": bytes(range(256)),
    "unknown attribute": RULE.encode() + b"sigma2hive: {titel: x}\n",
}


@pytest.mark.parametrize("kind", BAD_RULES)
def test_a_bad_rule_is_named_and_the_rest_goes_on(folder: Path, kind: str) -> None:
    (folder / "sigma_rules" / "a_bad.yml").write_bytes(
        BAD_RULES[kind].replace(b"5f0e0e0a", b"6f0e0e0a")
    )
    result = run("--events", "events.ndjson")
    assert result.exit_code == 0
    assert re.match(r"sigma_rules/a_bad\.yml(:\d+:\d+)?: error S2H\d+: ", result.stderr)
    assert "left out: 1 rule; the reasons are above" in result.stdout
    assert last_line(result).startswith("2 events, 1 rule, 1 alert, 1 left out")
    assert run("--events", "events.ndjson", "--strict").exit_code == 1


def million_fields() -> str:
    return "{" + ",".join(f'"f{number}": 1' for number in range(1_000_000)) + "}"


BAD_EVENTS = {
    "not JSON": ("Nov 20 02:15:00 sshd[1]: failed", "S2H501"),
    "a million fields": (million_fields(), "S2H502"),
    "deep": ("[" * 200_000 + "]" * 200_000, "S2H502"),
    "no time": ('{"message": "x"}', "S2H503"),
    "a number": ("42", "S2H501"),
}


@pytest.mark.parametrize("kind", BAD_EVENTS)
def test_a_bad_event_is_put_aside_and_the_rest_goes_on(folder: Path, kind: str) -> None:
    line, code = BAD_EVENTS[kind]
    write_events(folder / "events.ndjson", OTHER, line, EVENT)
    result = run("--events", "events.ndjson")
    assert result.exit_code == 0
    assert re.match(rf"events\.ndjson:2:\d+: error {code}: ", result.stderr)
    assert last_line(result).startswith("2 events, 1 rule, 1 alert, 1 left out")


def test_a_truncated_event_log_gives_what_can_be_read(folder: Path) -> None:
    whole = evtx_file([logon(number) for number in range(1, 5)], [logon(5), logon(6)])
    (folder / "cut.evtx").write_bytes(whole[:-1000])
    write_events(folder / "after.ndjson", EVENT)
    result = run("--events", "cut.evtx", "--events", "after.ndjson")
    assert result.exit_code == 0
    assert "cut.evtx" in result.stderr
    assert "S2H504" in result.stderr
    assert "1 alert, 1 left out" in last_line(result)


def test_many_bad_events_do_not_bury_the_rest(folder: Path) -> None:
    write_events(folder / "events.ndjson", *["not JSON"] * 400, EVENT)
    result = run("--events", "events.ndjson")
    assert len(result.stderr.splitlines()) < 40
    assert result.stderr.endswith("S2H501: 395 more, 400 in all; --json lists them\n")
    assert "left out: 400 × event cannot be read" in result.stdout
    as_json = json.loads(run("--events", "events.ndjson", "--dry-run", "--json").stdout)
    assert as_json["left_out"] == len(as_json["findings"]) == 400


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--events", "events.ndjson", "--profile", "winlogbaet"], 3, "winlogbeat"),
        (["--events", "events.ndjson", "--sink", "inbocks"], 3, "inbox"),
        (["--events", "events.ndjson", "--sink", "jsonl"], 3, "jsonl:FILE"),
        (["--events", "events.ndjson", "--settings", "none.yml"], 3, "none.yml"),
        (["--events", "nowhere"], 3, "nowhere"),
        (["--events", "events.ndjson", "--rules", "nowhere"], 3, "nowhere"),
        (["--events", "events.ndjson", "--sink", "jsonl:-", "--json"], 2, "standard output"),
        ([], 2, "--events"),
        (["--events", "events.ndjson", "--evnts", "x"], 2, "--events"),
    ],
)
def test_what_cannot_start_says_why_and_what_to_do(
    folder: Path, arguments: list[str], code: int, said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ("mappings: nope\n", "sigma2hive.yml:1:11: error S2H108: mappings: there is no nope"),
        ("placeholders: x.yml\n", "sigma2hive.yml:1:15: error S2H108: placeholders: there is no x"),
        ("profile: winlogbaet\n", "sigma2hive.yml:1:10: error S2H403: there is no profile"),
        ("# more\n" * 200_000, "sigma2hive.yml: error S2H104: the file has 1,400,000 bytes"),
    ],
)
def test_settings_that_lead_nowhere_stop_the_run(folder: Path, settings: str, place: str) -> None:
    (folder / "sigma2hive.yml").write_text(settings)
    result = run("--events", "events.ndjson")
    assert result.exit_code == 3
    assert place in result.stderr
    assert "one rule a file" not in result.stderr
    assert not (folder / ".sigma2hive").exists()


def test_a_profile_that_is_not_known_gets_names_of_use(folder: Path) -> None:
    result = run("--events", "events.ndjson", "--profile", "splunk")
    assert "hint: known are ecs, elastic-agent, windows-flat, winlogbeat\n" in result.stderr


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mappings/observable.yml", "did you mean 'observables.yml'?"),
        ("mappings/alerts.yaml", "did you mean 'alerts.yml'?"),
        ("mappings/notes.yml", "files that are read here: observables.yml, alerts.yml"),
        ("mappings/schema/mine.yml", "did you mean 'schemas'?"),
        ("mappings/schemas/mine.yaml", "rename it to mine.yml"),
    ],
)
def test_a_mapping_file_that_is_not_read_is_named(folder: Path, name: str, hint: str) -> None:
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("observables: []\n")
    result = run("--events", "events.ndjson")
    assert result.exit_code == 0
    assert re.match(
        rf"{name.removesuffix('/mine.yml')}: warning S2H405: this (file|folder)", result.stderr
    )
    assert hint in result.stderr


def test_files_that_the_settings_name_are_read(folder: Path) -> None:
    (folder / "mappings").mkdir()
    (folder / "mappings" / "placeholders.yml").write_text("admins: [anna]\n")
    (folder / "sigma2hive.yml").write_text("placeholders: mappings/placeholders.yml\n")
    assert run("--events", "events.ndjson").stderr == "settings: sigma2hive.yml\n"


def test_a_rules_path_that_is_not_there_is_counted(folder: Path) -> None:
    (folder / "sigma2hive.yml").write_text("rules: [sigma_rules, gone]\n")
    result = run("--events", "events.ndjson")
    assert result.exit_code == 3
    assert "gone: error S2H108" in result.stderr
    assert "left out: 1 path; the reasons are above" in result.stdout
    assert "1 rule, 1 alert, 1 left out" in last_line(result)


@pytest.mark.parametrize(
    ("target", "reason"),
    [("/dev/null", "no regular file"), ("empty", "holds no .yml"), ("gone", "no such file")],
)
def test_rules_that_cannot_be_found_say_why(folder: Path, target: str, reason: str) -> None:
    (folder / "empty").mkdir()
    result = run("--events", "events.ndjson", "--rules", target)
    assert result.exit_code == 3
    assert f"{target}: " in result.stderr
    assert reason in result.stderr
    assert "no rule could be used" in result.stdout


@pytest.mark.parametrize("option", ["--settings", "--rules", "--events"])
def test_a_path_that_cannot_be_read_is_no_mistake_in_the_command_line(
    folder: Path, option: str
) -> None:
    closed = folder / "closed.yml"
    closed.write_text(RULE)
    closed.chmod(0)
    if os.access(closed, os.R_OK):
        pytest.skip("this user may read everything")
    result = run("--events", "events.ndjson", option, "closed.yml")
    assert result.exit_code == 3
    assert "closed.yml" in result.stderr
    assert "Permission denied" in result.stderr


def test_files_are_read_once_whether_that_is_said_or_not(folder: Path) -> None:
    result = CliRunner().invoke(main, ["run", "--events", "events.ndjson"])
    assert result.exit_code == 0
    assert result.stdout == CliRunner().invoke(
        main, ["run", "--once", "--events", "events.ndjson", "--sink", "inbox:other.db"]
    ).stdout.replace("inbox:other.db", "inbox")


def test_settings_that_cannot_be_used_stop_the_run_with_their_place(folder: Path) -> None:
    (folder / "sigma2hive.yml").write_text("rules: [sigma_rules]\nprofil: ecs\n")
    result = run("--events", "events.ndjson")
    assert result.exit_code == 3
    assert "sigma2hive.yml:2:1: error S2H401" in result.stderr
    assert "profile" in result.stderr
    assert not (folder / ".sigma2hive").exists()


@pytest.mark.parametrize("target", ["events.ndjson", "sigma_rules/rule.yml"])
def test_a_file_that_is_not_ours_is_never_replaced(folder: Path, target: str) -> None:
    before = (folder / target).read_bytes()
    result = run("--events", "events.ndjson", "--sink", "inbox", "--sink", f"jsonl:{target}")
    assert result.exit_code == 3
    assert f"jsonl:{target}: is left alone" in result.stderr
    assert "name another file" in result.stderr
    assert (folder / target).read_bytes() == before
    # Said before anything is delivered anywhere.
    assert result.stdout == ""
    assert not (folder / ".sigma2hive").exists()


def test_later_runs_add_to_a_file_of_alerts(folder: Path) -> None:
    run("--events", "events.ndjson", "--sink", "jsonl:alerts.jsonl")
    first = (folder / "alerts.jsonl").read_bytes()
    write_events(folder / "none.ndjson", OTHER)
    assert run("--events", "none.ndjson", "--sink", "jsonl:alerts.jsonl").exit_code == 0
    assert (folder / "alerts.jsonl").read_bytes() == first
    write_events(folder / "more.ndjson", {**EVENT, "@timestamp": "2026-11-21T00:00:00Z"})
    result = run("--events", "more.ndjson", "--sink", "jsonl:alerts.jsonl")
    assert "jsonl:alerts.jsonl: 1 stored" in result.stdout
    both = (folder / "alerts.jsonl").read_bytes()
    assert both.startswith(first)
    assert len(both.splitlines()) == 2


def test_an_error_on_the_way_leaves_no_half_written_file(folder: Path) -> None:
    run("--events", "events.ndjson", "--sink", "jsonl:alerts.jsonl")
    before = (folder / "alerts.jsonl").read_bytes()
    (folder / "sub").mkdir()
    (folder / "sub" / "inbox.db").write_text("this is no database")
    result = run(
        "--events", "events.ndjson", "--sink", "jsonl:alerts.jsonl", "--sink", "inbox:sub/inbox.db"
    )
    assert result.exit_code == 3
    assert "sub/inbox.db" in result.stderr
    assert (folder / "alerts.jsonl").read_bytes() == before
    assert {path.name for path in folder.iterdir()} >= {"alerts.jsonl", "events.ndjson"}
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp"]


MANY_LOGONS = """\
title: Failed logon
id: 6a1f1f1b-4a6f-4fa0-9a6d-3a2a1b2c3d4e
name: failed_logon
logsource: {product: windows, service: security}
level: low
detection:
    selection: {EventID: 4625}
    condition: selection
---
title: Many failed logons
id: 7b2a2a2c-5b7a-4ab1-8b7e-4b3b2c3d4e5f
level: high
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [IpAddress]
    timespan: 10m
    condition: {gte: 6}
"""


def failed_logon(second: int) -> dict[str, object]:
    return {
        "@timestamp": f"2026-11-20T02:15:{second:02}Z",
        "event": {"code": "4625"},
        "winlog": {"channel": "Security"},
        "source": {"ip": "192.0.2.7"},
    }


def test_a_late_event_in_a_later_file_reaches_the_alert_of_the_first(folder: Path) -> None:
    (folder / "sigma_rules" / "logons.yml").write_text(MANY_LOGONS)
    write_events(folder / "a.ndjson", *(failed_logon(second) for second in range(6)))
    write_events(folder / "b.ndjson", failed_logon(30))
    run("--events", "a.ndjson")
    result = run("--events", "b.ndjson")
    assert "inbox: 1 updated" in result.stdout
    listed = CliRunner().invoke(main, ["inbox", "list", "--json"], catch_exceptions=False)
    (alert,) = json.loads(listed.stdout)
    assert alert["events"] == 7
    again = run("--events", "b.ndjson")
    assert "inbox: 1 already there" in again.stdout


FLAT_RULE = """\
title: Failed logon
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3e
logsource: {product: windows, service: security}
level: low
detection:
    selection: {EventID: 4625, TargetUserName: ANNA}
    condition: selection
sigma2hive: {title: "{user.name} failed on {host.name}"}
"""


def test_windows_events_are_found_by_sigmas_own_names(folder: Path) -> None:
    """From .evtx, from raw JSON, and as converters write them, with the time where they put it."""
    (folder / "sigma_rules" / "rule.yml").write_text(FLAT_RULE)
    (folder / "logs").mkdir()
    (folder / "logs" / "dc01.evtx").write_bytes(evtx_file([logon(1), logon(2, [("a", "b")])]))
    flat = {"EventID": 4625, "Channel": "Security", "TargetUserName": "anna", "Computer": "dc03"}
    raw = {
        "Event": {
            "System": {
                "Channel": "Security",
                "EventID": 4625,
                "Computer": "dc02",
                "EventRecordID": 9,
                "TimeCreated": {"#attributes": {"SystemTime": "2023-11-14T22:13:30Z"}},
            },
            "EventData": {"TargetUserName": "anna"},
        }
    }
    timed = {**flat, "UtcTime": "2023-11-14 22:13:40.5"}
    write_events(folder / "logs" / "more.ndjson", raw, timed, flat)
    result = run("--events", "logs", "--profile", "windows-flat")
    assert result.stdout.splitlines() == [
        "low       2023-11-14 22:13:21  anna failed on dc01.corp.example",
        "low       2023-11-14 22:13:30  anna failed on dc02",
        "low       2023-11-14 22:13:40  anna failed on dc03",
        "inbox: 3 stored",
        "left out: 1 × event has no usable time; the reasons are above",
        "4 events, 1 rule, 3 alerts, 1 left out; nothing was sent anywhere",
    ]
    assert "logs/more.ndjson:3:1: error S2H503" in result.stderr
    assert "it has none of @timestamp, TimeCreated" in result.stderr


@pytest.mark.parametrize("named", ["settings", "option"])
def test_what_a_run_writes_is_never_read_as_events(folder: Path, named: str) -> None:
    # An alert's line is JSON, and has what a rule for keywords looks for.
    (folder / "sigma_rules" / "keyword.yml").write_text(KEYWORD_RULE)
    sink = [] if named == "settings" else ["--sink", "jsonl:alerts.jsonl"]
    (folder / "sigma2hive.yml").write_text("sinks: ['jsonl:alerts.jsonl']\nstate: mine\n")
    (folder / "mine").mkdir()
    write_events(folder / "mine" / "kept.ndjson", EVENT)
    first = run("--events", ".", *sink)
    assert last_line(first).startswith("2 events")
    lines = (folder / "alerts.jsonl").read_text()
    assert len(lines.splitlines()) == 2
    again = run("--events", ".", *sink)
    assert last_line(again).startswith("2 events")
    assert again.stderr == first.stderr
    assert (folder / "alerts.jsonl").read_text() == lines


def test_our_own_file_is_refused_as_events_where_it_is_named(folder: Path) -> None:
    (folder / "sigma2hive.yml").write_text("sinks: ['jsonl:alerts.jsonl']\n")
    run("--events", "events.ndjson")
    (folder / "link.ndjson").symlink_to("alerts.jsonl")
    for name in ("alerts.jsonl", "link.ndjson"):
        result = run("--events", name, "--dry-run")
        assert result.exit_code == 3
        assert f"{name}: error S2H505: is what sigma2hive writes itself" in result.stderr


@pytest.mark.parametrize("name", [".sigma2hive", ".sigma2hive/more.ndjson"])
def test_events_that_somebody_put_into_the_state_folder_are_read_where_they_are_named(
    folder: Path, name: str
) -> None:
    run("--events", "events.ndjson")
    write_events(folder / ".sigma2hive" / "more.ndjson", EVENT)
    assert last_line(run("--events", name, "--dry-run")).startswith("1 event,")
