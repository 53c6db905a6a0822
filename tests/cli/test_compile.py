"""`compile`: a folder of files that follows the rules, and touches nothing else."""

import errno
import json
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main

RULE = """\
title: {title}
id: {id}
{name}level: low
logsource: {{product: windows, service: security}}
detection:
    selection: {{EventID: 4625, TargetUserName|contains: {value}}}
    condition: selection
"""
FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
CORRELATION = "33333333-3333-4333-8333-333333333333"
JOINED = f"""\
title: Many
id: {CORRELATION}
level: high
correlation:
    type: event_count
    rules: [base]
    group-by: [IpAddress]
    timespan: 10m
    condition: {{gte: 6}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two rules and a correlation of one of them."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "first", RULE.format(title="First", id=FIRST, value="adm", name="name: base\n"))
    write(tmp_path, "second", RULE.format(title="Second", id=SECOND, value="svc", name=""))
    write(tmp_path, "joined", JOINED)
    return tmp_path


def write(site: Path, name: str, text: str) -> None:
    (site / "sigma_rules").mkdir(exist_ok=True)
    (site / "sigma_rules" / f"{name}.yml").write_text(text, encoding="utf-8")


def compiled(*arguments: str) -> Result:
    line = ["compile", "--target", "dsl", "--profile", "winlogbeat", "--output", "out", *arguments]
    return CliRunner().invoke(main, line, catch_exceptions=False)


def content(site: Path) -> dict[str, bytes]:
    """Every file below the output folder, with its bytes."""
    folder = site / "out"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def manifest(site: Path, rule_id: str) -> Any:
    return json.loads((site / "out" / f"{rule_id}.json").read_bytes())


def test_each_rule_and_correlation_has_a_file_that_is_as_published(
    site: Path, project_root: Path
) -> None:
    schema = json.loads((project_root / "docs/schemas/dsl-manifest.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    result = compiled()
    assert result.exit_code == 0, result.output
    assert "3 rules for winlogbeat: 3 written, 0 unchanged, 0 removed; 0 left out" in result.stdout
    assert set(content(site)) == {f"{name}.json" for name in (FIRST, SECOND, CORRELATION)}
    for text in content(site).values():
        validator.validate(json.loads(text))
        assert text.endswith(b"}\n")
    rule, joined = manifest(site, FIRST), manifest(site, CORRELATION)
    assert rule["path"] == "sigma_rules/first.yml" and rule["silent"]
    assert rule["indices"] == ["winlogbeat-*"]
    assert "winlog.event_data.TargetUserName" in rule["fields"]
    assert [part["id"] for part in joined["rules"]] == [FIRST]
    assert joined["rules"][0]["group_by"]["IpAddress"][0] == "source.ip"
    assert joined["condition"] == {"gte": 6} and joined["timespan_seconds"] == 600


def test_a_filter_that_names_a_correlation_is_in_its_file_and_in_no_other(
    site: Path, project_root: Path
) -> None:
    compiled()
    before = content(site)
    write(
        site,
        "mute",
        "title: Mute\nid: 44444444-4444-4444-8444-444444444444\n"
        "logsource: {product: windows, service: security}\n"
        f"filter:\n    rules: [{CORRELATION}]\n    selection: {{IpAddress: 192.0.2.1}}\n"
        "    condition: not selection\n",
    )
    assert "1 written, 2 unchanged" in compiled().stdout
    assert {name for name, text in content(site).items() if text != before[name]} == {
        f"{CORRELATION}.json"
    }
    joined = manifest(site, CORRELATION)
    (entry,) = joined["rules"][0]["filters"]
    assert (entry["title"], entry["path"]) == ("Mute", "sigma_rules/mute.yml")
    # The filter mutes alerts of the same correlation: its episodes stay what they are.
    assert joined["digest"] == json.loads(before[f"{CORRELATION}.json"])["digest"]
    schema = json.loads((project_root / "docs/schemas/dsl-manifest.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(joined)


def test_our_own_rules_and_sigmahqs_are_as_published(
    project_root: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (project_root / "docs/schemas/dsl-manifest.schema.json").read_text()
    validator = jsonschema.Draft202012Validator(json.loads(text))
    rules = [project_root / "sigma_rules", shared / "data/sigmahq/rules/network"]
    compiled(*(part for path in rules for part in ("--rules", str(path))), "--profile", "ecs")
    written = content(tmp_path)
    assert len(written) > 60
    for text_ in written.values():
        validator.validate(json.loads(text_))


def test_the_same_rules_give_the_same_bytes_and_touch_no_file(site: Path) -> None:
    compiled()
    before, times = content(site), {path.stat().st_mtime_ns for path in (site / "out").iterdir()}
    # A comment moves every line of the rule, and changes nothing of what is found.
    path = site / "sigma_rules" / "first.yml"
    path.write_text(f"# a comment\n{path.read_text()}")
    result = compiled()
    assert "0 written, 3 unchanged" in result.stdout
    assert content(site) == before
    assert {path.stat().st_mtime_ns for path in (site / "out").iterdir()} == times


def test_a_change_of_one_rule_changes_its_file_alone(site: Path) -> None:
    compiled()
    before = content(site)
    write(site, "second", RULE.format(title="Second", id=SECOND, value="other", name=""))
    assert "1 written, 2 unchanged, 0 removed" in compiled().stdout
    changed = {name for name, text in content(site).items() if text != before[name]}
    assert changed == {f"{SECOND}.json"}


@pytest.mark.parametrize(
    "line",
    [
        "compile --target dsl --output ''",
        "compile --check --baseline ''",
        "run --once --events ''",
        "run --once --rules ''",
        "test --junit ''",
    ],
)
def test_an_empty_path_is_not_the_current_folder(site: Path, line: str) -> None:
    before = sorted(site.rglob("*"))
    result = CliRunner().invoke(main, shlex.split(line))
    assert result.exit_code == 2
    assert "the path is empty; write . for the current folder" in result.stderr
    assert sorted(site.rglob("*")) == before


def test_a_folder_that_may_not_be_written_is_told_by_the_name_that_was_given(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "out").mkdir(mode=0o500)

    def refused(_suffix: str, prefix: str, folder: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", f"{folder}/{prefix}x1")

    monkeypatch.setattr(tempfile, "mkdtemp", refused)  # a test may run as root
    result = CliRunner().invoke(main, ["compile", "--target", "dsl", "--output", "out"])
    assert result.exit_code == 3
    assert result.stderr.startswith("out: error S2H109: cannot be read or written: Permission")


def test_a_rule_that_is_left_out_leaves_no_stale_file(site: Path) -> None:
    compiled()
    write(
        site,
        "second",
        RULE.format(title="Second", id=SECOND, value="x", name="").replace("selection:", "other:"),
    )
    result = compiled("--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["removed"] == [f"{SECOND}.json"] and report["left_out"] == 1
    assert [finding["code"] for finding in report["findings"]] == ["S2H206"]
    assert set(content(site)) == {f"{name}.json" for name in (FIRST, CORRELATION)}
    assert compiled("--strict").exit_code == 1


def test_what_is_not_ours_is_neither_replaced_nor_removed(site: Path) -> None:
    compiled()
    folder = site / "out"
    (folder / "notes.json").write_text('{"kind": "notes"}')
    (folder / "README.md").write_text("ours")
    (folder / f"{CORRELATION}.json").rename(folder / "old.json")
    (folder / f"{SECOND}.json").write_text("mine")
    before = content(site)
    result = compiled()
    assert result.exit_code == 3
    assert f"out/{SECOND}.json: error S2H109: " in result.stderr
    assert content(site) == before
    (folder / f"{SECOND}.json").unlink()
    assert "2 written, 1 unchanged, 1 removed" in compiled().stdout
    assert {"notes.json", "README.md"} < set(content(site))
    assert "old.json" not in content(site)


def test_a_link_is_not_followed(site: Path) -> None:
    compiled()
    elsewhere = site / "elsewhere.json"
    shutil.move(site / "out" / f"{FIRST}.json", elsewhere)
    (site / "out" / f"{FIRST}.json").symlink_to(elsewhere)
    text = elsewhere.read_bytes()
    write(site, "first", RULE.format(title="First", id=FIRST, value="new", name="name: base\n"))
    assert compiled().exit_code == 3
    assert elsewhere.read_bytes() == text


def test_line_breaks_that_git_changed_are_no_reason_to_stop(site: Path) -> None:
    compiled()
    before = content(site)
    for name, text in before.items():
        (site / "out" / name).write_bytes(text.replace(b"\n", b"\r\n"))
    assert compiled().exit_code == 0
    assert content(site) == before


def test_a_path_that_is_not_there_changes_nothing(site: Path) -> None:
    compiled()
    before = content(site)
    result = compiled("--rules", "gone")
    assert result.exit_code == 3
    assert "S2H108" in result.stderr
    assert content(site) == before


def test_a_rule_that_cannot_be_read_keeps_its_artefact(site: Path) -> None:
    compiled()
    before = content(site)
    rule = site / "sigma_rules" / "second.yml"
    rule.unlink()
    rule.symlink_to("gone.yml")  # what may not be read is told in the same way
    result = compiled()
    assert result.exit_code == 3
    assert "S2H101" in result.stderr
    assert "nothing was written" in result.stdout
    assert content(site) == before
    assert compiled("--check").exit_code == 3


def test_rules_of_which_none_can_be_used_leave_the_folder_as_it_is(site: Path) -> None:
    compiled()
    before = content(site)
    for path in (site / "sigma_rules").iterdir():
        path.write_text(path.read_text().replace("level: ", "level: x"))
    result = compiled()
    assert result.exit_code == 3
    assert "nothing was written, since no rule could be used" in result.stdout
    assert content(site) == before


def test_a_folder_that_cannot_be_made_is_told(site: Path) -> None:
    (site / "out").write_text("a file")
    result = compiled()
    assert result.exit_code == 3
    assert "error S2H109" in result.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told_and_nothing_is_left_behind(site: Path) -> None:
    (site / "out").mkdir(mode=0o500)
    result = compiled()
    assert result.exit_code == 3
    assert "error S2H109" in result.stderr
    assert content(site) == {}


def test_correlations_of_all_kinds_and_chains_have_files_as_published(
    site: Path, project_root: Path
) -> None:
    schema = json.loads((project_root / "docs/schemas/dsl-manifest.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    rank, chain = "44444444-4444-4444-8444-444444444444", "55555555-4444-4444-8444-444444444444"
    write(
        site,
        "rank",
        JOINED.replace(CORRELATION, rank)
        .replace("event_count", "value_percentile")
        .replace("{gte: 6}", "{gte: 0.5, lt: 9, field: ProcessId, percentile: 99.9}"),
    )
    write(
        site,
        "chain",
        JOINED.replace(CORRELATION, chain)
        .replace("event_count", "temporal_ordered")
        .replace("[base]", f"[{CORRELATION}, {SECOND}]")
        .replace("    condition: {gte: 6}\n", ""),
    )
    write(
        site,
        "mute",
        "title: Mute\nid: 66666666-4444-4444-8444-444444444444\n"
        "logsource: {product: windows, service: security}\nfilter:\n"
        f"    rules: [{chain}]\n    selection: {{TargetUserName: x}}\n"
        "    condition: not selection\n",
    )
    assert compiled().exit_code == 0
    for text in content(site).values():
        validator.validate(json.loads(text))
    assert manifest(site, rank)["condition"] == {"gte": "0.5", "lt": 9}
    assert manifest(site, rank)["percentile"] == "99.9"
    counted, ruled = manifest(site, chain)["rules"]
    assert counted["kind"] == "correlation"
    assert counted["digest"] == manifest(site, CORRELATION)["digest"]
    assert counted["group_by"]["IpAddress"][FIRST][0] == "source.ip"
    assert [entry["rule"] for entry in counted["filters"]] == [FIRST]
    assert [entry["title"] for entry in ruled["filters"]] == ["Mute"]


def test_an_artefact_that_may_not_be_read_is_told_and_nothing_is_written(site: Path) -> None:
    compiled()
    write(site, "first", RULE.format(title="First", id=FIRST, value="root", name="name: base\n"))
    before = content(site)
    file = site / "out" / f"{SECOND}.json"
    file.chmod(0)
    skip_where_all_may_be_read(file)
    for option in ((), ("--check",)):
        result = compiled(*option)
        assert result.exit_code == 3
        assert f"out/{SECOND}.json: error S2H109: " in result.output
    file.chmod(0o600)
    assert content(site) == before


def test_an_output_folder_that_may_not_be_read_is_told_as_other_paths_are(site: Path) -> None:
    compiled()
    folder = site / "out"
    folder.chmod(0)
    try:
        skip_where_all_may_be_read(folder)
        assert compiled().exit_code == 3
    finally:
        folder.chmod(0o700)


def skip_where_all_may_be_read(closed: Path) -> None:
    if os.access(closed, os.R_OK):
        pytest.skip("this user may read everything")


@pytest.mark.parametrize(
    "option",
    [
        ("--format", "sarif"),
        ("--format", "text"),
        ("--fail-on", "error"),
        ("--changed-since", "main"),
        ("--thehive",),
    ],
)
def test_what_only_a_check_heeds_is_refused_without_one(site: Path, option: list[str]) -> None:
    result = compiled(*option)
    assert result.exit_code == 2
    assert f"{option[0]} is for --check only" in result.output
    assert not (site / "out").exists()
