"""`compile` for several targets: a folder for each, nothing made twice, and only what is ours."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from sigma2hive.compiler import TARGETS, Compiling
from sigma2hive.compiler.exact import TextTarget
from sigma2hive.workflows import compile as workflow
from sigma2hive.workflows import kept_artefacts
from tests.several_cores import share_among_three

RULE = """\
title: Rule {number}
id: {number:08d}-1111-4111-8111-111111111111
status: test
level: low
logsource: {{product: windows, category: process_creation}}
detection:
    selection: {{Image|endswith: '\\tool{number}.exe', CommandLine|contains: secret}}
    condition: selection
"""
TEXTS = [name for name, target in TARGETS.items() if isinstance(target, TextTarget)]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with five rules, with a cache of its own."""
    folder = tmp_path / "site"
    (folder / "sigma_rules").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(5):
        rule_file(folder, number).write_text(RULE.format(number=number))
    return folder


def rule_file(site: Path, number: int) -> Path:
    return site / "sigma_rules" / f"rule{number}.yml"


def compiled(*targets: str, more: tuple[str, ...] = ()) -> Result:
    names = [part for name in targets for part in ("--target", name)]
    return CliRunner().invoke(main, ["compile", *names, "--output", "out", *more])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_each_target_has_a_folder_with_what_it_would_write_alone(site: Path) -> None:
    result = compiled("all")
    assert result.exit_code == 0, result.output
    for name in TARGETS:
        assert f"{name}: 5 rules for winlogbeat: 5 written, 0 unchanged, 0 removed" in result.stdout
    together = contents(site / "out")
    for name in TARGETS:
        alone = ["compile", "--target", name, "--output", f"alone/{name}"]
        CliRunner().invoke(main, alone, catch_exceptions=False)
    noted = {"sigma2hive-targets.json": together.pop("sigma2hive-targets.json")}
    assert json.loads(noted["sigma2hive-targets.json"])["_sigma2hive"]["targets"] == list(TARGETS)
    assert together == contents(site / "alone")


def test_texts_are_as_published(site: Path, project_root: Path) -> None:
    text = (project_root / "docs/schemas/text-manifest.schema.json").read_text()
    validator = jsonschema.Draft202012Validator(json.loads(text))
    validator.check_schema(json.loads(text))
    compiled(*TEXTS)
    for name in TEXTS:
        files = contents(site / "out" / name)
        manifests = [json.loads(files[file]) for file in files if file.endswith(".json")]
        assert len(manifests) == 5
        for manifest in manifests:
            validator.validate(manifest)
            assert files[f"{manifest['id']}.txt"].decode() == manifest["query"] + "\n"


def test_sigmahqs_texts_are_as_published(site: Path, shared: Path, project_root: Path) -> None:
    text = (project_root / "docs/schemas/text-manifest.schema.json").read_text()
    validator = jsonschema.Draft202012Validator(json.loads(text))
    rules = ("--rules", str(shared / "data/sigmahq/rules/windows/file"))
    assert compiled(*TEXTS, more=rules).exit_code == 0
    manifests = [path for name in TEXTS for path in (site / "out" / name).glob("*.json")]
    assert len(manifests) > 300
    for path in manifests:
        validator.validate(json.loads(path.read_bytes()))


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was emitted or compiled, as it happens."""
    seen: list[str] = []
    emit, add = TextTarget.emit, Compiling.add

    def emitted(self: TextTarget, rule: object) -> object:
        seen.append(f"{self.name} {rule.info.title}")  # type: ignore[attr-defined]
        return emit(self, rule)  # type: ignore[arg-type]

    def added(self: Compiling, rule: object, filters: object) -> object:
        seen.append(f"compiled {rule.info.title}")  # type: ignore[attr-defined]
        return add(self, rule, filters)  # type: ignore[arg-type]

    monkeypatch.setattr(TextTarget, "emit", emitted)
    monkeypatch.setattr(Compiling, "add", added)
    yield seen


def test_only_what_changed_is_made_again_and_once_for_all_targets(
    site: Path, looked_at: list[str]
) -> None:
    compiled(*TEXTS)
    looked_at.clear()
    assert "5 unchanged" in compiled(*TEXTS).stdout
    assert looked_at == []
    before = contents(site / "out")
    rule_file(site, 3).write_text(RULE.format(number=3).replace("secret", "token"))
    result = compiled(*TEXTS)
    assert result.stdout.count("1 written, 4 unchanged") == len(TEXTS)
    assert looked_at == ["compiled Rule 3", *(f"{name} Rule 3" for name in TEXTS)]
    after = contents(site / "out")
    assert {name for name in after if after[name] != before[name]} == {
        f"{name}/{3:08d}-1111-4111-8111-111111111111{suffix}"
        for name in TEXTS
        for suffix in (".json", ".txt")
    }


def test_what_the_folder_lacks_or_has_otherwise_is_made_again(
    site: Path, looked_at: list[str]
) -> None:
    compiled("lucene")
    before = contents(site / "out")
    names = sorted(path for path in (site / "out").iterdir() if path.suffix == ".json")
    names[0].unlink()
    edited = names[1].read_text().replace("Rule 1", "Rule X")
    stamp = names[1].stat()
    names[1].write_text(edited)  # as long as it was
    os.utime(names[1], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    looked_at.clear()
    assert "2 written, 3 unchanged" in compiled("lucene").stdout
    assert looked_at == ["lucene Rule 0", "lucene Rule 1"]
    assert contents(site / "out") == before


def known_by_looks(site: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    # As if files were written long before, so that they are known by their looks.
    monkeypatch.setattr("sigma2hive.workflows.looks._TICK_NS", -(10**18))
    monkeypatch.setattr(kept_artefacts, "_FEW", 0)
    compiled("dsl")
    return contents(site / "out")


def test_a_file_that_another_compile_removes_meanwhile_is_no_matter(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_by_looks(site, monkeypatch)
    folder, scandir = site / "out", os.scandir
    gone = min(folder.iterdir())
    rule_file(site, 0).unlink()

    def listed(path: object = ".") -> Any:
        if Path(str(path)) != folder and Path(str(path)) != Path("out"):
            return scandir(path)  # type: ignore[call-overload]
        with scandir(path) as entries:  # type: ignore[call-overload]
            found = list(entries)
        gone.unlink()
        return nullcontext(found)

    monkeypatch.setattr("sigma2hive.workflows.artefacts.os.scandir", listed)
    result = compiled("dsl")
    assert (result.exit_code, result.stderr) == (0, "")
    assert not gone.exists()


def test_a_file_that_goes_while_artefacts_are_made_is_not_taken_for_somebody_elses(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled("dsl")
    names = set(contents(site / "out"))
    rule_file(site, 0).write_text(RULE.format(number=0).replace("secret", "other"))
    plan_changes = workflow.plan_changes

    def planned(*arguments: Any) -> Any:
        min((site / "out").iterdir()).unlink()
        return plan_changes(*arguments)

    monkeypatch.setattr(workflow, "plan_changes", planned)
    result = compiled("dsl")
    assert (result.exit_code, result.stderr) == (0, "")
    assert set(contents(site / "out")) == names


@contextmanager
def done_first(do: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """What another process does meanwhile, done before anything else."""
    done = do()
    yield lambda: done


def while_rules_are_loaded(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen after the folder was looked at, before it is written."""
    load = workflow.load_for_targets

    def loaded(*arguments: Any, **more: Any) -> Any:
        project = load(*arguments, **more)
        happens()
        return project

    monkeypatch.setattr(workflow, "begun", done_first)
    monkeypatch.setattr(workflow, "load_for_targets", loaded)


@pytest.mark.parametrize("how", ["folder removed", "file removed", "file replaced"])
def test_what_others_do_in_the_folder_while_rules_are_loaded_is_made_good(
    site: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    whole, folder = known_by_looks(site, monkeypatch), site / "out"

    def happens() -> None:
        file = min(folder.iterdir())
        if how == "folder removed":
            folder.rename(site / "elsewhere")
        elif how == "file removed":
            file.unlink()
        else:
            (site / "other").write_bytes(file.read_bytes() + b"\n")
            (site / "other").replace(file)

    while_rules_are_loaded(monkeypatch, happens)
    result = compiled("dsl")
    assert result.exit_code == 0
    assert ("5 written" if how == "folder removed" else "1 written, 4 unchanged") in result.stdout
    assert contents(folder) == whole


def test_what_is_edited_in_its_place_while_much_is_made_is_made_good(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, file = known_by_looks(site, monkeypatch), min((site / "out").iterdir())
    for number in range(5):
        rule_file(site, number).write_text(f"# a comment\n{RULE.format(number=number)}")
    share_among_three(monkeypatch)
    while_rules_are_loaded(monkeypatch, lambda: file.write_text(file.read_text() + "\n"))
    assert "1 written, 4 unchanged" in compiled("dsl").stdout
    assert contents(site / "out") == whole


def test_a_file_of_somebody_else_that_comes_while_rules_are_loaded_is_left_alone(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_by_looks(site, monkeypatch)
    rule_file(site, 5).write_text(RULE.format(number=5))
    name = f"{5:08d}-1111-4111-8111-111111111111.json"
    while_rules_are_loaded(monkeypatch, lambda: (site / "out" / name).write_text("mine"))
    result = compiled("dsl")
    assert result.exit_code == 3
    assert "S2H109" in result.stderr
    assert (site / "out" / name).read_text() == "mine"


@pytest.mark.parametrize("harm", [b"", b"\x00" * 64, b"sigma2hive made 2\n"])
def test_a_damaged_cache_counts_as_none(site: Path, tmp_path: Path, harm: bytes) -> None:
    compiled(*TEXTS)
    before = contents(site / "out")
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} >= {f".{name}" for name in TEXTS}
    for path in kept:
        content = path.read_bytes()
        path.write_bytes(harm or content[: len(content) // 2] + b"X" + content[len(content) // 2 :])
    rule_file(site, 0).unlink()
    assert compiled(*TEXTS).stdout.count("0 written, 4 unchanged, 1 removed") == len(TEXTS)
    gone = f"{0:08d}-1111-4111-8111-111111111111"
    assert contents(site / "out") == {k: v for k, v in before.items() if gone not in k}


def test_other_mappings_settings_and_profiles_are_noticed(site: Path) -> None:
    def title() -> str:
        (file,) = (site / "out").glob(f"{0:08d}*")
        return file.read_text()

    compiled("elastalert")
    first = title()
    (site / "mappings").mkdir()
    (site / "mappings" / "alerts.yml").write_text("extends: default\ntitle: Look at this\n")
    compiled("elastalert")
    second = title()
    assert "Look at this" in second and "Look at this" not in first
    (site / "sigma2hive.yml").write_text("elastalert: {buffer_minutes: 77}\n")
    compiled("elastalert")
    third = title()
    assert "77" in third and "Look at this" in third
    compiled("elastalert", more=("--profile", "elastic-agent"))
    assert "logs-" in title() and "winlogbeat" in third
    compiled("elastalert")
    assert title() == third


def test_several_processes_write_what_one_writes(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5, 40):
        rule_file(site, number).write_text(RULE.format(number=number))
    compiled("all")
    one = contents(site / "out")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    forked = share_among_three(monkeypatch)
    for path in (site / "out").rglob("*"):
        if path.is_file():
            path.unlink()
    result = compiled("all")
    assert result.exit_code == 0, result.output
    assert forked == [10]
    assert contents(site / "out") == one


def test_a_target_that_is_asked_for_no_more_leaves_no_file_of_ours(site: Path) -> None:
    compiled("dsl", "lucene", "eql")
    notes = site / "out" / "eql" / "notes.json"
    notes.write_text('{"by": "a person"}')
    before = contents(site / "out" / "dsl")
    drift = CliRunner().invoke(
        main,
        ["compile", "--check", "--target", "dsl", "--target", "lucene", "--output", "out"],
    )
    assert drift.exit_code == 1 and "no rule has this artefact any more" in drift.stdout
    result = compiled("dsl", "lucene")
    assert "eql: 0 rules for winlogbeat: 0 written, 0 unchanged, 5 removed" in result.stdout
    assert contents(site / "out" / "eql") == {"notes.json": notes.read_bytes()}
    assert contents(site / "out" / "dsl") == before


def test_a_folder_of_another_list_is_left_alone(site: Path) -> None:
    CliRunner().invoke(main, ["compile", "--target", "kibana", "--output", "out/kibana"])
    before = contents(site / "out")
    assert before
    compiled("dsl", "lucene")
    compiled("dsl")
    after = contents(site / "out")
    assert {name: after[name] for name in before} == before


def test_what_a_killed_process_left_goes_though_nothing_is_to_be_written(site: Path) -> None:
    compiled("lucene")
    left, young = site / "out" / ".sigma2hive-left", site / "out" / ".sigma2hive-young"
    for folder in (left, young):
        folder.mkdir()
        (folder / "half.json.part").write_text("{")
    os.utime(left, (0, 0))
    assert "0 written, 5 unchanged" in compiled("lucene").stdout
    assert not left.exists()
    assert young.exists()  # another process may be writing it


def test_what_a_killed_process_left_beside_the_folders_of_targets_goes(site: Path) -> None:
    compiled("lucene", "eql")
    left = site / "out" / ".sigma2hive-left"
    left.mkdir()
    (left / "sigma2hive-targets.json").write_text("")
    os.utime(left, (0, 0))
    compiled("lucene", "eql")
    assert not left.exists()


def test_a_process_that_is_killed_leaves_whole_files_and_nothing_that_stays(site: Path) -> None:
    for number in range(5, 300):
        rule_file(site, number).write_text(RULE.format(number=number))
    compiled("all")
    whole = contents(site / "out")
    for path in (site / "out").rglob("*"):
        if path.is_file():
            path.unlink()
    command = [sys.executable, "-m", "sigma2hive", "compile", "--target", "all", "--output", "out"]
    for _ in range(3):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        before = len(list((site / "out").rglob("*.*")))
        while process.poll() is None and len(list((site / "out").rglob("*.*"))) <= before:
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for name, content in contents(site / "out").items():
            if not any(part.startswith(".") for part in Path(name).parts[:-1]):
                assert content == whole[name] or name == "sigma2hive-targets.json"
    for path in (site / "out").rglob(".sigma2hive-*"):
        os.utime(path, (0, 0))
    assert compiled("all").exit_code == 0
    assert contents(site / "out") == whole
    assert not list((site / "out").rglob(".sigma2hive-*"))


COUNTED = """\
title: Counted
id: 00000006-1111-4111-8111-111111111111
name: counted
status: test
level: low
logsource: {product: windows, category: process_creation}
detection:
    selection: {CommandLine|fieldref: ParentCommandLine}
    condition: selection
---
title: Many
id: 00000007-1111-4111-8111-111111111111
status: test
level: low
correlation:
    type: event_count
    rules: [counted]
    group-by: [User]
    timespan: 1m
    condition: {gte: 6}
"""


def test_what_only_feeds_correlations_is_one_thing_for_targets_that_raise_alerts(
    site: Path,
) -> None:
    rule_file(site, 0).write_text(COUNTED)
    result = compiled("elastalert", "kibana")
    for name in ("elastalert", "kibana"):
        assert (
            f"{name}: 4 rules for winlogbeat: 4 written, 0 unchanged, 0 removed; 1 left out, "
            "1 without a file since it only feeds correlations\n"
        ) in result.stdout
    assert result.stderr.count("S2H330") == 1 and "generate: true" in result.stderr
    report = json.loads(compiled("elastalert", "kibana", more=("--json",)).stdout)
    counts = [(entry["left_out"], entry["only_counted"]) for entry in report["targets"]]
    assert counts == [(1, 1), (1, 1)]


def test_only_feeding_correlations_is_nothing_that_strict_would_mind(site: Path) -> None:
    text = COUNTED.replace("|fieldref: Parent", ": ").replace("    group-by: [User]\n", "")
    rule_file(site, 0).write_text(text)
    result = compiled("elastalert", more=("--allow-approximate", "--strict"))
    assert result.exit_code == 0, result.output
    assert "0 left out, 1 without a file" in result.stdout


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_what_targets_refuse_alike_is_said_once_with_their_names(
    site: Path, check: tuple[str, ...]
) -> None:
    rule_file(site, 0).write_text(COUNTED.split("---", maxsplit=1)[0])
    compiled("all")
    result = compiled("all", more=check)
    (line,) = [line for line in result.output.splitlines() if "S2H301:" in line]
    assert line.startswith("sigma_rules/rule0.yml:8:17: error S2H301: lucene, eql, esql, ")
    assert "ElastAlert 2 and kibana cannot say 'CommandLine|fieldref" in line


def test_programs_get_each_targets_refusal_by_itself(site: Path) -> None:
    rule_file(site, 0).write_text(COUNTED.split("---", maxsplit=1)[0])
    found = json.loads(compiled("lucene", "kibana", more=("--json",)).stdout)["findings"]
    assert [entry["message"].split()[0] for entry in found] == ["lucene", "kibana"]


def test_grouping_by_what_is_made_of_other_fields_is_refused_by_elastalert(site: Path) -> None:
    rule_file(site, 0).write_text(COUNTED)
    result = compiled("elastalert", more=("--allow-approximate",))
    assert result.exit_code == 0
    assert "S2H311: ElastAlert 2 cannot count as event_count does: User " in result.stderr
