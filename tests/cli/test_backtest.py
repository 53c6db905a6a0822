"""`backtest` over files: counts, noise, filters that are suggested, limits, the page."""

import json
import os
import re
from collections import Counter
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main
from tests.cli.backtest_world import (
    BACKUP_FILTER,
    LOGONS_ID,
    SHELL_ID,
    alerts_of,
    backtest,
    logon,
    report,
    shell,
    three_days,
    write_events,
    write_world,
)

EVENTS = ("--events", "events.ndjson")


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_world(tmp_path)
    return tmp_path


def test_alerts_are_counted_as_a_run_would_raise_them() -> None:
    result = CliRunner().invoke(main, ["run", "--once", "--dry-run", "--json", *EVENTS])
    raised = json.loads(result.stdout)["by_rule"]
    found = report(*EVENTS)
    assert alerts_of(found) == {
        "Encoded PowerShell": 14,
        "Many failed logons": 2,
        "Failed logon": 0,
    }
    assert {entry["title"]: entry["alerts"] for entry in raised} == {
        title: count for title, count in alerts_of(found).items() if count
    }
    assert found["by_day"] == {"2026-11-20": 14, "2026-11-21": 0, "2026-11-22": 2}
    assert found["by_level"] == {"high": 14, "medium": 2}


SITE = """\
profile: site
title: A site
logsources: [{product: site, indices: [site-1]}]
"""


@pytest.mark.parametrize("case", ["golden", "story"])
def test_all_kinds_of_rules_count_as_in_a_run(
    case: str, world: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case == "story":
        monkeypatch.chdir(project_root)
        asked: tuple[str, ...] = ("--events", "examples/attack-story")
    else:
        folder = project_root / "tests" / "golden" / "correlations"
        (world / "mappings" / "schemas").mkdir(parents=True)
        (world / "mappings" / "schemas" / "site.yml").write_text(SITE)
        rules, events = str(folder / "rules.yml"), str(folder / "events.ndjson")
        asked = ("--profile", "site", "--rules", rules, "--events", events)
    raised = CliRunner().invoke(main, ["run", "--once", "--dry-run", "--json", *asked])
    alerts = [one["rule_id"] for one in json.loads(raised.stdout)["alerts"]]
    found = report(*asked)["rules"]
    assert len(set(alerts)) >= 7
    assert {one["rule_id"]: one["alerts"] for one in found if one["alerts"]} == Counter(alerts)


def test_an_episode_counts_once_and_its_base_rule_is_silent() -> None:
    rules = {entry["title"]: entry for entry in report(*EVENTS)["rules"]}
    assert rules["Many failed logons"]["kind"] == "correlation"
    assert rules["Many failed logons"]["groups"][0]["values"] == [
        {"value": "203.0.113.7", "count": 1},
        {"value": "203.0.113.8", "count": 1},
    ]
    assert rules["Failed logon"]["silent"]
    assert rules["Failed logon"]["hits"] == 9


def test_an_event_that_is_read_twice_counts_once(world: Path) -> None:
    (world / "again.ndjson").write_text((world / "events.ndjson").read_text())
    found = report(*EVENTS, "--events", "again.ndjson")
    assert found["events"] == 46
    assert alerts_of(found)["Encoded PowerShell"] == 14


def test_hits_are_counted_by_a_field_under_either_name() -> None:
    for name in ("User", "user.name"):
        (entry,) = [
            entry
            for entry in report(*EVENTS, "--by", name)["rules"]
            if entry["rule_id"] == SHELL_ID
        ]
        assert [one["count"] for one in entry["by"][0]["values"]] == [12, 1, 1]
    result = backtest(*EVENTS, "--by", "nosuch.field")
    assert "no hit has the field nosuch.field (--by)" in result.stdout


def test_the_suggested_filter_does_what_is_said_when_it_is_pasted(world: Path) -> None:
    result = backtest(*EVENTS)
    assert "2 of its 14 alerts are left:" in result.stdout
    (entry,) = [entry for entry in report(*EVENTS)["rules"] if entry["rule_id"] == SHELL_ID]
    suggested = entry["suggested_filter"]
    # The agent runs on twelve hosts, so the host is no part of it; PowerShell alone would be all.
    assert suggested["selection"]["ParentImage"] == "C:\\agent.exe"
    assert "Computer" not in suggested["selection"]
    pasted = re.search(r"(?ms)^    (title: .*?not selection)$", result.stdout)
    assert pasted
    text = pasted[1].replace("\n    ", "\n")
    assert text == suggested["filter"]
    (world / "sigma_rules" / "pasted.yml").write_text(text)
    again = report(*EVENTS)
    assert alerts_of(again)["Encoded PowerShell"] == suggested["alerts_after"] == 2
    assert [(entry["rule"], entry["matches"]) for entry in again["suppressed"]] == [(SHELL_ID, 12)]


def test_a_value_that_all_hits_share_is_suggested_only_where_there_is_no_other(world: Path) -> None:
    events = [shell(f"2026-11-20T{hour:02}:00:00Z", "anna", "ws01") for hour in range(6)]
    write_events(world / "events.ndjson", events)
    assert "0 of its 6 alerts are left, so on these events it takes the whole" in re.sub(
        r"\s+", " ", backtest(*EVENTS).stdout
    )
    events += [shell(f"2026-11-21T{hour:02}:00:00Z", "ben", "ws01") for hour in range(4)]
    write_events(world / "events.ndjson", events)
    (entry,) = report(*EVENTS)["rules"]
    assert entry["suggested_filter"]["alerts_after"] == 4
    assert entry["suggested_filter"]["selection"]["user.name"] == "anna"


def test_hits_that_share_nothing_get_no_filter(world: Path) -> None:
    events = [
        shell(f"2026-11-20T{number:02}:00:00Z", f"user{number}", f"ws{number}", f"C:\\{number}.exe")
        for number in range(20)
    ]
    write_events(world / "events.ndjson", events)
    (entry,) = report(*EVENTS)["rules"]
    assert entry["suggested_filter"] is None


def test_a_correlation_is_muted_by_its_noisiest_group(world: Path) -> None:
    text = (world / "sigma_rules" / "logons.yml").read_text()
    (world / "sigma_rules" / "logons.yml").write_text(text.replace("gte: 3", "gte: 1"))
    lines = (world / "events.ndjson").read_text()
    more = [
        {
            "@timestamp": f"2026-11-21T{hour:02}:00:00Z",
            "event": {"code": "4625"},
            "winlog": {"channel": "Security"},
            "source": {"ip": "203.0.113.7"},
        }
        for hour in range(8)
    ]
    (world / "events.ndjson").write_text(lines + "".join(json.dumps(e) + "\n" for e in more))
    (entry,) = [entry for entry in report(*EVENTS)["rules"] if entry["rule_id"] == LOGONS_ID]
    assert entry["alerts"] == 11
    assert entry["suggested_filter"]["selection"] == {"IpAddress": "203.0.113.7"}
    assert entry["suggested_filter"]["alerts_after"] == 2


def test_what_filters_suppress_is_counted(world: Path) -> None:
    (world / "sigma_rules" / "filter.yml").write_text(BACKUP_FILTER)
    events = [shell("2026-11-20T01:00:00Z", "svc-backup"), shell("2026-11-20T02:00:00Z", "anna")]
    write_events(world / "events.ndjson", events)
    result = backtest(*EVENTS)
    assert "suppressed: 1 match by filter 'Backup may encode'" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("2 events, 3 rules, 0 left out: 1 alert")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--max-per-day", "high=12"), 1),
        (("--max-per-day", "high=13"), 0),
        (("--max-per-day", "low=1"), 0),
        (("--max-per-day", "medium=1", "--max-per-day", "high=20"), 0),
    ],
)
def test_a_rule_that_is_too_noisy_is_named_and_fails(arguments: tuple[str, ...], code: int) -> None:
    result = backtest(*EVENTS, *arguments)
    assert result.exit_code == code
    said = (
        "too noisy: 'Encoded PowerShell' raises 13 alerts on 2026-11-20; high may raise"
        in result.stdout
    )
    assert said == (code == 1)


def test_limits_in_the_settings_hold_and_the_command_line_goes_over_them(world: Path) -> None:
    (world / "sigma2hive.yml").write_text("backtest: {max_per_day: {high: 2}}\n")
    assert backtest(*EVENTS).exit_code == 1
    assert report(*EVENTS)["too_noisy"] == [
        {
            "rule_id": SHELL_ID,
            "title": "Encoded PowerShell",
            "level": "high",
            "path": "sigma_rules/shell.yml",
            "day": "2026-11-20",
            "alerts": 13,
            "limit": 2,
            "days": 1,
        }
    ]
    assert backtest(*EVENTS, "--max-per-day", "high=50").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-per-day", "hihg=3"),
        ("--max-per-day", "high"),
        ("--max-per-day", "high=0"),
        ("--since", "soon"),
        ("--since", "7d", *EVENTS),
        ("--since", "7d"),
        ("--until", "7d", *EVENTS),
        ("--restart", *EVENTS),
        (),
    ],
)
def test_wrong_command_lines_are_refused(arguments: tuple[str, ...]) -> None:
    assert backtest(*arguments).exit_code == 2


def test_what_cannot_be_read_decides_the_exit_code(world: Path) -> None:
    assert backtest("--events", "gone.ndjson").exit_code == 3
    (world / "events.ndjson").write_text('{"no": "time"}\nno JSON\n')
    result = backtest(*EVENTS)
    assert result.exit_code == 0
    assert "2 left out" in result.stdout
    assert backtest(*EVENTS, "--strict").exit_code == 1
    (world / "sigma_rules" / "shell.yml").write_text("title: [")
    (world / "sigma_rules" / "logons.yml").unlink()
    assert backtest(*EVENTS).exit_code == 3


def test_nothing_is_written(world: Path) -> None:
    before = sorted(world.rglob("*"))
    assert backtest(*EVENTS).exit_code == 0
    assert sorted(world.rglob("*")) == before


def test_text_fits_80_columns_apart_from_filters_to_paste(world: Path) -> None:
    events = [*three_days(), shell("2026-11-20T04:00:00Z", "x" * 300 + "\x1b[31m\u202e")]
    write_events(world / "events.ndjson", events)
    result = backtest(*EVENTS, "--by", "User", "--max-per-day", "high=1")
    lines = [line for line in result.stdout.splitlines() if not line.startswith("    ")]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout


class Page(HTMLParser):
    """What tags and attributes a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_page_is_self_contained_and_hostile_values_are_text(world: Path) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e"
    events = [*three_days(), *(shell(f"2026-11-20T05:0{n}:00Z", hostile) for n in range(3))]
    write_events(world / "events.ndjson", events)
    text = (world / "sigma_rules" / "shell.yml").read_text()
    title = "'Encoded <b onclick=x>PowerShell</b>'"
    (world / "sigma_rules" / "shell.yml").write_text(text.replace("Encoded PowerShell", title))
    result = backtest(
        *EVENTS, "--by", "user.name", "--html", "page.html", "--max-per-day", "high=1"
    )
    assert result.exit_code == 1
    page = (world / "page.html").read_text(encoding="utf-8")
    seen = Page(page)
    assert not seen.tags & {"script", "img", "b", "link", "iframe"}
    assert not {
        name for name in seen.attributes if name.startswith("on") or name in {"src", "href"}
    }
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page
    assert "default-src 'none'" in page
    assert "http:" not in page
    assert "https:" not in page
    assert page.count("<rect") == 2


def test_a_page_that_cannot_be_written_is_told(world: Path) -> None:
    result = backtest(*EVENTS, "--html", "gone/page.html")
    assert result.exit_code == 3
    assert "S2H109" in result.output
    assert "--html" in result.output


def test_a_page_replaces_its_own_file_and_no_other(world: Path) -> None:
    assert backtest(*EVENTS, "--html", "page.html").exit_code == 0
    first = (world / "page.html").read_text()
    (world / "page.html").write_text(first[:2000])
    assert backtest(*EVENTS, "--html", "page.html").exit_code == 0
    assert (world / "page.html").read_text() == first

    rule = world / "sigma_rules" / "shell.yml"
    before = rule.read_bytes()
    result = backtest(*EVENTS, "--html", str(rule))
    assert result.exit_code == 3
    assert "shell.yml: error S2H109" in result.output
    assert rule.read_bytes() == before


def test_a_page_does_not_go_into_a_pipe_or_device(world: Path) -> None:
    os.mkfifo(world / "pipe")
    result = backtest(*EVENTS, "--html", "pipe")
    assert result.exit_code == 3
    assert "pipe: error S2H109" in result.output
    assert (world / "pipe").is_fifo()


def test_thousands_of_groups_and_days_without_alerts_are_no_trouble(world: Path) -> None:
    text = (world / "sigma_rules" / "logons.yml").read_text()
    (world / "sigma_rules" / "logons.yml").write_text(text.replace("gte: 3", "gte: 1"))
    guesses = [
        logon("2026-11-20T01:00:00Z", f"10.0.{number // 250}.{number % 250}")
        for number in range(700)
    ]
    write_events(world / "events.ndjson", [*guesses, shell("1999-01-01T00:00:00Z", "anna")])
    result = backtest(*EVENTS, "--html", "page.html")
    assert result.exit_code == 0
    assert "701 alerts would have been raised" in result.stdout
    # What is listed are the days that have alerts: between them lie ten thousand.
    assert list(report(*EVENTS)["by_day"]) == ["1999-01-01", "2026-11-20"]
    assert "Days without an alert are left out" in (world / "page.html").read_text()


def test_a_long_history_says_which_weeks_are_not_shown(world: Path) -> None:
    mondays = [date(2019, 1, 7) + timedelta(weeks=4 * number) for number in range(90)]
    write_events(world / "events.ndjson", [shell(f"{day}T01:00:00Z", "anna") for day in mondays])
    result = backtest(*EVENTS)
    shown = [line[:10] for line in result.stdout.splitlines() if line.endswith("#")]
    assert shown[-1] == str(mondays[-1])
    assert "Weeks without an alert are left out" in result.stdout
    hidden = 90 - len(shown)
    assert f"{hidden} alerts before {shown[0]}" in result.stdout
