"""Names of fields that are nearly another: told where they are, and never of what SigmaHQ asks."""

from pathlib import Path

import pytest

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile

HEAD = "title: T\nid: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d\nlevel: low\n"
PROCESSES = "{product: windows, category: process_creation}"
LOGONS = "{product: windows, service: security}"


def told(path: Path, root: Path, profile_name: str = "ecs") -> list[Diagnostic]:
    profile = load_profile(profile_name, None, Diagnostics())
    assert profile is not None
    diagnostics = Diagnostics()
    repository = load_repository([path], root, {}, Diagnostics())
    compile_all(repository, profile, diagnostics)
    return [finding for finding in diagnostics if finding.code == "S2H220"]


def written(folder: Path, logsource: str, selection: str) -> Path:
    path = folder / "rule.yml"
    detection = f"detection:\n  selection:\n    {selection}\n  condition: selection\n"
    path.write_text(f"{HEAD}logsource: {logsource}\n{detection}")
    return path


@pytest.mark.parametrize(
    ("logsource", "name", "meant"),
    [
        (PROCESSES, "commandline", "CommandLine"),
        (PROCESSES, "CommandLin", "CommandLine"),
        (PROCESSES, "CommmandLine", "CommandLine"),
        (PROCESSES, "ParentImagr", "ParentImage"),
        (PROCESSES, "image", "Image"),
        (LOGONS, "EventId", "EventID"),
        (LOGONS, "IpAdress", "IpAddress"),
        ("{product: okta, service: okta}", "eventtype", "eventType"),
        ("{category: proxy}", "c-UserAgent", "c-useragent"),
    ],
)
def test_a_name_one_letter_away_is_told(
    logsource: str, name: str, meant: str, tmp_path: Path
) -> None:
    rule = written(tmp_path, logsource, f"{name}|contains: x")
    (finding,) = told(rule, tmp_path)
    assert f"'{name}'" in finding.message
    assert f"'{meant}'" in finding.hint
    assert (finding.location.line, finding.location.column) == (7, 5)


@pytest.mark.parametrize("profile", ["windows-flat", "winlogbeat"])
@pytest.mark.parametrize(
    ("logsource", "name", "meant"),
    [
        (PROCESSES, "commandline", "CommandLine"),
        (PROCESSES, "OriginalFilename", "OriginalFileName"),
        (LOGONS, "EventId", "EventID"),
        (LOGONS, "TargetUsername", "TargetUserName"),
        (LOGONS, "LogonTyp", "LogonType"),
        ("{product: windows, category: registry_set}", "TargetObjet", "TargetObject"),
    ],
)
def test_windows_own_names_are_known_whatever_the_events_call_them(
    logsource: str, name: str, meant: str, profile: str, tmp_path: Path
) -> None:
    (finding,) = told(written(tmp_path, logsource, f"{name}: x"), tmp_path, profile)
    assert f"'{meant}'" in finding.hint


@pytest.mark.parametrize(
    ("logsource", "name"),
    [
        (PROCESSES, "CommandLine"),
        (PROCESSES, "process.command_line"),
        (PROCESSES, "winlog.event_data.commandline"),
        (PROCESSES, "md6"),  # a short name is a word of its own
        (LOGONS, "NewTargetUserName"),
        ("{product: windows, service: windefend}", "Threat Name"),
    ],
)
@pytest.mark.parametrize("profile", ["ecs", "windows-flat"])
def test_other_names_are_fields_that_no_profile_lists(
    logsource: str, name: str, profile: str, tmp_path: Path
) -> None:
    assert told(written(tmp_path, logsource, f"{name}: x"), tmp_path, profile) == []


def test_a_filter_and_a_referenced_field_are_looked_at_too(tmp_path: Path) -> None:
    path = written(tmp_path, PROCESSES, "Image|fieldref: parentimage")
    path.write_text(
        f"{path.read_text()}---\ntitle: F\nlogsource: {PROCESSES}\nfilter:\n  rules: any\n"
        "  selection: {usr: backup, Imagee: x}\n  condition: not selection\n"
    )
    hints = [finding.hint for finding in told(path, tmp_path)]
    assert [hint.split("'")[1] for hint in hints] == ["ParentImage", "Image"]


@pytest.mark.parametrize("name", ["winlogbeat", "elastic-agent", "ecs", "windows-flat"])
def test_no_field_of_sigmahq_s_rules_is_taken_for_a_mistake(name: str, shared: Path) -> None:
    folder = shared / "data" / "sigmahq"
    assert told(folder, folder, name) == []
