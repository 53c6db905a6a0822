"""`compile --check`: tells what is wrong, writes nothing, ends with the documented code."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.several_cores import share_among_three

GOOD = """\
title: {title}
id: {id}
status: test
level: low
date: 2026-01-31
logsource: {{product: windows, category: process_creation}}
detection:
    selection: {{Image|endswith: '\\{tool}.exe'}}
    condition: selection
"""
FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
MISSPELT = GOOD.replace("Image", "image")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one good rule."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "first", GOOD.format(title="First", id=FIRST, tool="first"))
    return tmp_path


def write(site: Path, name: str, text: str) -> None:
    (site / "sigma_rules").mkdir(exist_ok=True)
    (site / "sigma_rules" / f"{name}.yml").write_text(text, encoding="utf-8")


def checked(*arguments: str) -> Result:
    line = ["compile", "--check", "--profile", "winlogbeat", *arguments]
    return CliRunner().invoke(main, line, catch_exceptions=False)


def found(*arguments: str) -> list[tuple[str, str, int]]:
    """Return code, path and line of all that is not set aside."""
    told = json.loads(checked("--format", "json", *arguments).stdout)
    return [
        (entry["code"], entry["path"], entry["line"])
        for entry in told["findings"]
        if entry["set_aside"] is None
    ]


def files_of(site: Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_good_rules_end_with_0_and_nothing_is_written(site: Path) -> None:
    result = checked()
    assert result.exit_code == 0
    assert result.stdout == "1 rule for winlogbeat: nothing to find\n"
    assert files_of(site) == {"sigma_rules/first.yml"}


def test_a_warning_ends_with_1_unless_only_errors_are_to(site: Path) -> None:
    write(site, "second", MISSPELT.format(title="Second", id=SECOND, tool="second"))
    result = checked()
    assert result.exit_code == 1
    assert "sigma_rules/second.yml:8:17: warning S2H220" in result.stdout
    assert max(map(len, result.stdout.splitlines()[-2:])) <= 80
    assert checked("--fail-on", "error").exit_code == 0
    assert checked("--fail-on", "never").exit_code == 0


def test_unusable_settings_end_with_3_in_every_form(site: Path) -> None:
    (site / "sigma2hive.yml").write_text("elasticsearch:\n  password: hunter2\n", encoding="utf-8")
    for form in ("text", "json", "github", "sarif", "junit"):
        result = checked("--format", form)
        assert result.exit_code == 3
        assert "S2H407" in result.stdout
        assert "hunter2" not in result.output


def test_what_a_link_out_of_the_repository_leads_to_is_not_printed(
    site: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secrets"
    elsewhere.write_text("hunter2\n", encoding="utf-8")
    (site / "sigma_rules" / "linked.yml").symlink_to(elsewhere)
    result = checked()
    assert "sigma_rules/linked.yml: error S2H111" in result.stdout
    assert "hunter2" not in result.output
    # Whoever names it on the command line may see it.
    assert "hunter2" in checked("--rules", str(elsewhere)).output


def test_no_rule_ends_with_3(site: Path) -> None:
    assert checked("--rules", "gone").exit_code == 3
    write(site, "first", "title: x\n")
    assert checked().exit_code == 3


def test_artefacts_are_compared_and_left_alone(site: Path) -> None:
    write(site, "second", GOOD.format(title="Second", id=SECOND, tool="second"))
    compared = ("--target", "dsl", "--output", "out")
    assert found(*compared) == [("S2H110", "out", 0)]
    CliRunner().invoke(main, ["compile", "--profile", "winlogbeat", *compared])
    assert found(*compared) == []
    write(site, "first", GOOD.format(title="First", id=FIRST, tool="other"))
    (site / "sigma_rules/second.yml").unlink()
    before = {path: path.read_bytes() for path in (site / "out").iterdir()}
    result = checked(*compared)
    assert result.exit_code == 1
    assert "first.exe" in result.stdout  # the line that goes
    assert "other.exe" in result.stdout  # the line that comes
    assert found(*compared) == [
        ("S2H110", f"out/{FIRST}.json", 0),
        ("S2H110", f"out/{SECOND}.json", 0),
    ]
    assert {path: path.read_bytes() for path in (site / "out").iterdir()} == before


def test_the_hint_about_artefacts_is_a_command_that_writes_them(site: Path) -> None:
    (site / "sigma_rules").rename(site / "my rules")
    compared = ("--target", "dsl", "--rules", "my rules", "--profile", "elastic-agent")
    told = json.loads(checked("--format", "json", "--output", "the out", *compared).stdout)
    [finding] = [one for one in told["findings"] if one["code"] == "S2H110"]
    words = shlex.split(finding["hint"].split("`")[1])
    assert CliRunner().invoke(main, words[1:]).exit_code == 0
    assert checked("--output", "the out", *compared).exit_code == 0


def test_what_stands_in_the_place_of_an_artefact_keeps_nothing_else_from_people(
    site: Path,
) -> None:
    write(site, "second", WRONG_DATE.format(title="Second", id=SECOND, tool="second"))
    (site / "out").mkdir()
    (site / "out" / f"{FIRST}.json").write_text("mine")
    compared = ("--target", "dsl", "--output", "out")
    assert [code for code, _, _ in found(*compared)] == ["S2H109", "S2H222"]
    result = checked(*compared, "--fail-on", "never")
    assert result.exit_code == 3
    assert "this is not all" in result.stdout
    assert (site / "out" / f"{FIRST}.json").read_text() == "mine"


def test_a_target_without_its_folder_is_a_mistake_of_the_command_line(site: Path) -> None:
    assert checked("--target", "dsl").exit_code == 2
    assert CliRunner().invoke(main, ["compile", "--output", "x"]).exit_code == 2


WRONG_DATE = GOOD.replace("2026-01-31", "2026-02-30")


def test_a_comment_on_the_line_or_at_the_head_sets_a_finding_aside(site: Path) -> None:
    text = WRONG_DATE.format(title="Second", id=SECOND, tool="second")
    write(site, "second", text.replace("02-30", "02-30 # sigma2hive: ignore[S2H222] as it came"))
    result = checked()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "set aside: 1 ignored in files"
    write(site, "second", f"---\n# Ours\n# sigma2hive: ignore[S2H222, S2H226] as it came\n{text}")
    assert found() == [("S2H233", "sigma_rules/second.yml", 3)]  # S2H226 is not there
    write(site, "second", text.replace("level", "# sigma2hive: ignore[S2H222] no\nlevel"))
    assert [code for code, _, _ in found()] == ["S2H233", "S2H222"]  # it is another line's


def test_a_comment_without_reason_is_reported_and_one_for_all_codes_does_nothing(
    site: Path,
) -> None:
    text = WRONG_DATE.format(title="Second", id=SECOND, tool="second")
    write(site, "second", text.replace("02-30", "02-30  # sigma2hive: ignore[S2H222]"))
    assert [code for code, _, _ in found()] == ["S2H234"]
    write(site, "second", text.replace("02-30", "02-30  # sigma2hive: ignore all is fine"))
    assert sorted(code for code, _, _ in found()) == ["S2H222", "S2H234"]


def test_what_another_check_may_find_is_not_stale(site: Path) -> None:
    text = GOOD.format(title="First", id=FIRST, tool="first")
    write(site, "first", f"# sigma2hive: ignore[S2H404, S2H110] on some\n{text}")
    assert found() == []


def test_what_looks_like_a_comment_in_a_value_sets_nothing_aside(site: Path) -> None:
    text = GOOD.format(title="Second", id=SECOND, tool="second").replace("01-31", "02-30")
    quoted = "date: '2026-02-30 # sigma2hive: ignore[S2H222] in quotes'"
    write(site, "second", text.replace("date: 2026-02-30", quoted))
    assert found() == [("S2H222", "sigma_rules/second.yml", 5)]
    block = "date: >-\n  2026-02-30\n  # sigma2hive: ignore[S2H222] in a block"
    write(site, "second", text.replace("date: 2026-02-30", block))
    assert found() == [("S2H222", "sigma_rules/second.yml", 5)]
    head = "date: >- # sigma2hive: ignore[S2H222] behind its sign\n  2026-02-30"
    write(site, "second", text.replace("date: 2026-02-30", head))
    assert found() == []


def test_how_many_findings_a_baseline_was_written_with_is_said(site: Path) -> None:
    text = GOOD.format(title="Second", id=SECOND, tool="second").replace("01-31", "02-30")
    write(site, "second", text)
    said = checked("--write-baseline", "--baseline", "known.json").stdout
    assert "baseline written with 1 finding\n" in said
    write(site, "second", text.replace("02-30", "01-30"))
    said = checked("--write-baseline", "--baseline", "known.json").stdout
    assert "baseline written with 0 findings\n" in said
    assert "written" not in checked("--baseline", "known.json").stdout


def test_a_profile_that_has_a_place_for_the_log_source_is_named(site: Path) -> None:
    text = GOOD.format(title="Second", id=SECOND, tool="second")
    write(site, "second", text.replace("product: windows, category", "product: linux, category"))
    write(site, "third", text.replace("windows", "teapot").replace("2222-4", "3333-4"))
    hints = {
        entry["path"]: entry["hint"]
        for entry in json.loads(checked("--format", "json").stdout)["findings"]
        if entry["code"] == "S2H404"
    }
    assert hints["sigma_rules/second.yml"].startswith(
        "take a profile that has one, ecs or elastic-agent;"
    )
    assert hints["sigma_rules/third.yml"].startswith("add a row")


def test_a_baseline_holds_when_lines_move_and_says_what_is_gone(site: Path) -> None:
    text = WRONG_DATE.format(title="Second", id=SECOND, tool="second")
    write(site, "second", text)
    assert checked("--write-baseline", "--baseline", "known.json").exit_code == 0
    written = (site / "known.json").read_bytes()
    assert checked("--baseline", "known.json").exit_code == 0
    write(site, "second", f"# A line more\n{text}")
    assert checked("--baseline", "known.json").exit_code == 0
    write(site, "third", text.replace(SECOND, FIRST.replace("1", "3")).replace("Second", "Third"))
    assert found("--baseline", "known.json") == [("S2H222", "sigma_rules/third.yml", 5)]
    (site / "sigma_rules/third.yml").unlink()
    write(site, "second", text.replace("02-30", "02-28"))
    assert found("--baseline", "known.json") == [("S2H235", "known.json", 7)]
    assert (site / "known.json").read_bytes() == written


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sigma2hive_baseline": 1, "findings": [3]}'])
def test_a_baseline_that_is_none_ends_with_3_and_is_left_alone(site: Path, content: str) -> None:
    (site / "known.json").write_text(content, encoding="utf-8")
    assert checked("--baseline", "known.json").exit_code == 3
    if content:
        assert checked("--baseline", "known.json", "--write-baseline").exit_code == 3
        assert (site / "known.json").read_text(encoding="utf-8") == content
    assert checked("--baseline", "gone.json").exit_code == 3
    assert checked("--write-baseline").exit_code == 2


def test_a_baseline_that_an_editor_laid_out_otherwise_is_still_one(site: Path) -> None:
    write(site, "second", WRONG_DATE.format(title="Second", id=SECOND, tool="second"))
    checked("--write-baseline", "--baseline", "known.json")
    text = (site / "known.json").read_text(encoding="utf-8")
    (site / "known.json").write_text(text.replace('"fingerprint": ', '"fingerprint":\n'))
    assert checked("--baseline", "known.json").exit_code == 0
    (site / "sigma_rules/second.yml").unlink()
    assert found("--baseline", "known.json") == [("S2H235", "known.json", 0)]


CORRELATION = f"""\
title: Many
id: 44444444-4444-4444-8444-444444444444
status: test
level: high
date: 2026-02-30
correlation:
    type: event_count
    rules: [{FIRST}]
    timespan: 10m
    condition: {{gte: 6}}
"""
FILTER = f"""\
title: Not ours
date: 2026-02-30
logsource: {{product: windows}}
filter:
    rules: [{FIRST}]
    selection: {{User: svc}}
    condition: not selection
"""
TEST = "tests:\n  - match: true\n    events: {Image: 'C:\\none.exe'}\n"


@pytest.fixture
def checkout(site: Path) -> Path:
    """A committed repository in which everything has something to find."""
    for name, rule_id in (("first", FIRST), ("second", SECOND)):
        write(site, name, WRONG_DATE.format(title=name, id=rule_id, tool=name))
        (site / f"sigma_rules/{name}.test.yaml").write_text(TEST, encoding="utf-8")
    write(site, "many", CORRELATION)
    write(site, "ours", FILTER)
    (site / "mappings").mkdir()
    git(site, "init", "-q", "-b", "main")
    git(site, "add", ".")
    git(site, "-c", "user.name=t", "-c", "user.email=t@example.net", "commit", "-qm", "all")
    return site


def git(site: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(site), *arguments], check=True, capture_output=True)


def names_since(ref: str = "HEAD") -> set[str]:
    return {Path(path).name for _, path, _ in found("--changed-since", ref)}


def append(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8") + "# more\n", encoding="utf-8")


OF_FIRST = {"first.yml", "first.test.yaml", "many.yml", "ours.yml"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("first.yml", OF_FIRST),
        ("second.yml", {"second.yml", "second.test.yaml"}),
        ("second.test.yaml", {"second.test.yaml"}),
        ("ours.yml", OF_FIRST),
        ("many.yml", OF_FIRST),
    ],
)
def test_a_change_tells_of_the_file_and_what_depends_on_it(
    checkout: Path, changed: str, told: set[str]
) -> None:
    assert names_since() == set()
    append(checkout / "sigma_rules" / changed)
    assert names_since() == told


def test_new_rules_count_and_a_mapping_touches_everything(checkout: Path) -> None:
    third = WRONG_DATE.format(title="third", id=FIRST.replace("1", "3"), tool="third")
    write(checkout, "third", third)
    assert names_since() == {"third.yml"}
    (checkout / "mappings/observables.yml").write_text("observables: []\n", encoding="utf-8")
    assert names_since() >= OF_FIRST | {"second.yml", "third.yml"}


def test_a_rule_that_goes_is_told_where_it_is_missed(checkout: Path) -> None:
    (checkout / "sigma_rules/first.yml").unlink()
    assert "many.yml" in names_since()


def test_a_ref_that_is_none_ends_with_3(checkout: Path) -> None:
    for ref in ("gone", "--output=x"):
        result = checked(f"--changed-since={ref}")
        assert result.exit_code == 3
        assert "S2H101" in result.stdout


def test_several_processes_find_what_one_finds(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        own = f"{number:08d}-1111-4111-8111-111111111111"
        write(site, f"good{number}", GOOD.format(title=f"R{number}", id=own, tool=number))
    second = GOOD.format(title=" first", id=SECOND, tool="second")
    write(site, "repeated", second)
    never = second.replace("condition: selection", "condition: selection and not selection")
    two = never.replace(SECOND, SECOND.replace("2", "3"))
    write(site, "two", f"{two}---\n{two.replace('3333', '4444').replace('01-31', '02-30')}")
    unplaced = never.replace(SECOND, SECOND.replace("2", "5")).replace("windows", "x")
    write(site, "unplaced", unplaced)
    write(site, "no_rule", "a: b\n")
    write(site, "no_yaml", "a: [\n")
    names = "filter: {rules: any, a: {X: 1}, b: {X: 2}, condition: a}"
    write(site, "filter", f"title: Filter\nlogsource: {{product: windows}}\n{names}\n")
    slow = second.replace(SECOND, SECOND.replace("2", "6"))
    write(site, "slow", slow.replace("{Image|endswith: '\\", "{ParentUser|re: '"))

    one = checked("--format", "json").stdout
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    forked = share_among_three(monkeypatch)
    assert checked("--format", "json").stdout == one
    assert len(forked) == 1
    assert checked("--format", "json").stdout == one  # with what was kept
    assert len(forked) == 1
    codes = {entry["code"] for entry in json.loads(one)["findings"]}
    assert codes >= {"S2H102", "S2H107", "S2H221", "S2H222", "S2H226", "S2H227", "S2H229", "S2H404"}
