"""Exceptions: filters with an owner, a ticket and a last day, as those who set them see them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main

RULE_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
RULE = f"""\
title: Log cleared
id: {RULE_ID}
name: log_cleared
status: test
level: high
logsource: {{product: windows, service: security}}
detection:
    selection: {{EventID: 1102}}
    condition: selection
"""
EXCEPTION = """\
title: Imaging clears its own log
id: 11111111-1111-4111-8111-111111111111
logsource: {product: windows, service: security}
filter:
    rules: [log_cleared]
    selection: {user.name: imaging}
    condition: not selection
sigma2hive:
    exception:
        owner: platform team
        ticket: SOC-1234
        expires: 2027-01-31
"""
FILTER_ID = "11111111-1111-4111-8111-111111111111"
LAST_DAY = 1_801_353_600  # 2027-01-31, 00:00 UTC
DAY = 86_400


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule, an exception from it, and an event each that is and is not within it."""
    monkeypatch.chdir(tmp_path)
    Path("sigma_rules").mkdir()
    Path("sigma_rules/rule.yml").write_text(RULE)
    Path("sigma_rules/exception.yml").write_text(EXCEPTION)
    with Path("events.ndjson").open("w") as file:
        for second, user in enumerate(["imaging", "anna"]):
            event = {
                "@timestamp": f"2026-11-20T02:15:{second:02}Z",
                "event": {"code": "1102"},
                "winlog": {"channel": "Security"},
                "user": {"name": user},
            }
            file.write(json.dumps(event) + "\n")


def on(seconds: int, *arguments: str) -> Result:
    """Run a command on the day of a moment."""
    environment = {"SOURCE_DATE_EPOCH": str(seconds)}
    return CliRunner().invoke(main, arguments, env=environment)


RUN = ("run", "--once", "--dry-run", "--events", "events.ndjson")


def test_what_it_takes_away_is_counted_with_its_ticket() -> None:
    told = on(LAST_DAY - 30 * DAY, *RUN)
    assert (
        "suppressed: 1 match by exception 'Imaging clears its own log' (SOC-1234, until\n"
        "  2027-01-31)" in told.output
    )
    found = json.loads(on(LAST_DAY - 30 * DAY, *RUN, "--json").stdout)
    assert found["suppressed"] == [
        {
            "filter": FILTER_ID,
            "title": "Imaging clears its own log",
            "rule": RULE_ID,
            "matches": 1,
            "exception": {"owner": "platform team", "ticket": "SOC-1234", "expires": "2027-01-31"},
        }
    ]


@pytest.mark.parametrize(
    ("seconds", "alerts"), [(LAST_DAY, 1), (LAST_DAY + DAY - 1, 1), (LAST_DAY + DAY, 2)]
)
def test_it_holds_on_its_last_day_and_no_longer(seconds: int, alerts: int) -> None:
    assert len(json.loads(on(seconds, *RUN, "--json").stdout)["alerts"]) == alerts


def test_a_start_on_another_day_takes_nothing_that_was_kept() -> None:
    counts = [
        len(json.loads(on(day, *RUN, "--json").stdout)["alerts"])
        for day in (LAST_DAY - 40 * DAY, LAST_DAY + DAY, LAST_DAY - 40 * DAY, LAST_DAY + 2 * DAY)
    ]
    assert counts == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("days_left", "severity", "message"),
    [
        (15, None, ""),
        (14, "info", "ends in 14 days, on 2027-01-31"),
        (1, "info", "ends tomorrow"),
        (0, "info", "ends today"),
        (-1, "warning", "ended with 2027-01-31: it takes nothing away any more"),
    ],
)
def test_a_check_tells_of_it_in_time(days_left: int, severity: str | None, message: str) -> None:
    arguments = ("compile", "--check", "--format", "json", "--level", "info")
    told = on(LAST_DAY - days_left * DAY, *arguments)
    found = [entry for entry in json.loads(told.stdout)["findings"] if entry["code"] == "S2H237"]
    assert [entry["severity"] for entry in found] == ([severity] if severity else [])
    assert all(message in entry["message"] for entry in found)
    assert all((entry["line"], entry["column"]) == (12, 9) for entry in found)
    assert told.exit_code == (1 if severity == "warning" else 0)


def test_artefacts_are_made_with_it_until_it_ends() -> None:
    target = ("compile", "--target", "lucene", "--output", "compiled")
    on(LAST_DAY, *target)
    text = Path(f"compiled/{RULE_ID}.txt")
    assert "NOT user.name:" in text.read_text()
    on(LAST_DAY + DAY, *target)
    assert "user.name" not in text.read_text()


def test_a_backtest_tells_of_one_that_nothing_needs() -> None:
    backtest = ("backtest", "--events", "events.ndjson", "--json", "--suggest", "0")
    alive = json.loads(on(LAST_DAY, *backtest).stdout)
    assert [entry["matches"] for entry in alive["suppressed"]] == [1]
    assert "S2H238" not in {entry["code"] for entry in alive["findings"]}
    Path("sigma_rules/exception.yml").write_text(EXCEPTION.replace("imaging}", "nobody}"))
    dead = json.loads(on(LAST_DAY, *backtest).stdout)
    (finding,) = [entry for entry in dead["findings"] if entry["code"] == "S2H238"]
    assert (finding["path"], finding["severity"]) == ("sigma_rules/exception.yml", "warning")
    assert "platform team (SOC-1234)" in finding["message"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("        owner: platform team\n", "", "has no `owner`"),
        ("owner: platform team", "owner: ''", "has no `owner`"),
        ("ticket: SOC-1234", "ticket: [SOC-1, SOC-2]", "`ticket` is a list"),
        ("expires: 2027-01-31", "expires: 2027-02-31", "'2027-02-31', which is no day"),
        ("expires: 2027-01-31", "expires: next year", "'next year', which is no day"),
        ("expires: 2027-01-31", "expires: 20270131", "'20270131', which is no day"),
        ("expires: 2027-01-31", "expires: 2027-01-31\n        until: 3", "'until' is no key"),
        ("    exception:", "    exeption:", "'exeption' is no key of sigma2hive in a filter"),
    ],
)
def test_one_that_is_not_whole_takes_nothing_away(old: str, new: str, message: str) -> None:
    assert old in EXCEPTION
    Path("sigma_rules/exception.yml").write_text(EXCEPTION.replace(old, new))
    found = json.loads(on(LAST_DAY, *RUN, "--json").stdout)
    messages = [entry["message"] for entry in found["findings"] if entry["code"] == "S2H211"]
    assert any(message in each for each in messages)
    assert len(found["alerts"]) == 2
    assert found["left_out"] == 1
