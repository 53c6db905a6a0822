"""Every diagnostic code: the files that provoke it, and exactly what a person is told.

A case is a folder tests/diagnostics/<code>/. Its files are laid over those of base/, a repository
with one good rule and one event that it finds, so that each case also shows that the rest goes on.
`expected.txt` is all that the command prints, and its exit code.
"""

import gzip
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main
from sigma2hive.diagnostics import CODES
from sigma2hive.model.service import Interval, RuleRecord, Searched, SearchStatus, Step
from sigma2hive.runner.state import EpisodeStore
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.bench.answering import Answer, answering
from tests.doubles.running import running_thehive

CASES = Path(__file__).parent / "diagnostics"
BASE = CASES / "base"
ARGUMENTS = "run --once --dry-run --events events.ndjson"


def cut_in_half(folder: Path) -> None:
    packed = gzip.compress((folder / "events.ndjson").read_bytes() * 50)
    (folder / "damaged.ndjson.gz").write_bytes(packed[: len(packed) // 2])


def remember_other_names(folder: Path) -> None:
    with EpisodeStore(folder / ".sigma2hive" / "state.db") as store:
        store.save_naming("sigma", "sigma2hive")


def put_a_document_aside(folder: Path) -> None:
    name, rule_id = "logs-1/pgxQ5pMB", "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
    (folder / ".sigma2hive").mkdir()
    store = SqliteStore(folder / ".sigma2hive" / "state.db")
    entry = Searched(
        *(f"aside:{name}", name, Interval(0, 1_795_824_000_000_000_000), SearchStatus.TRUNCATED),
        *("S2H509: RecursionError: maximum recursion depth exceeded (values.py:80)", ("logs-*",)),
    )
    store.commit(Step(searched=(entry,)))
    store.save_rules([RuleRecord(rule_id, "", 1_795_824_000_000_000_000, ("logs-*",))])
    store.close()


#: What cannot or should not lie in a repository as a file.
GENERATED: dict[str, Callable[[Path], object]] = {
    "S2H101": lambda folder: (folder / "mappings" / "observables.yml").mkdir(parents=True),
    "S2H104": lambda folder: (folder / "sigma_rules" / "large.yml").write_text(
        "title: Large\n" + "# more\n" * 800_000, encoding="utf-8"
    ),
    "S2H106": lambda folder: (folder / "sigma_rules" / "binary.yml").write_bytes(
        b"title: x\nid: \xff\xfe\x00\n"
    ),
    "S2H111": lambda folder: (folder / "sigma_rules" / "linked.yml").symlink_to("/etc/hostname"),
    "S2H408": remember_other_names,
    "S2H504": cut_in_half,
    "S2H509": put_a_document_aside,
}


@contextmanager
def no_server() -> Iterator[Mapping[str, str]]:
    yield {}


@contextmanager
def a_cluster_with_another_field() -> Iterator[Mapping[str, str]]:
    kinds = {"keyword": {"type": "keyword", "searchable": True, "aggregatable": True}}
    mapping = {"properties": {"process": {"properties": {"executable": {"type": "keyword"}}}}}
    fields = {"process.executable": kinds}
    answers = (
        Answer({"indices": ["site"], "fields": fields}),
        Answer({"site": {"mappings": mapping}}),
        Answer({"site": {"settings": {"index.number_of_shards": "1"}}}),
    )
    with answering(*answers) as server:
        yield {"SIGMA2HIVE_ELASTICSEARCH_URLS": server.url}


@contextmanager
def a_thehive_with_nothing_set_up() -> Iterator[Mapping[str, str]]:
    with running_thehive() as running:
        thehive = running.thehive
        yield {"SIGMA2HIVE_THEHIVE_URL": thehive.url, "SIGMA2HIVE_THEHIVE_API_KEY": thehive.key}


#: The day of all cases: some tell of days that are left, or gone. 2026-11-28, 00:00 UTC.
DAY = {"SOURCE_DATE_EPOCH": "1795824000"}
#: Servers that a case asks; what they give is added to the environment.
SERVERS = {"S2H418": a_cluster_with_another_field, "S2H419": a_thehive_with_nothing_set_up}


def told(case: Path, folder: Path) -> str:
    """Return what the command prints in a copy of the case, and its exit code."""
    shutil.copytree(BASE, folder, dirs_exist_ok=True)
    shutil.copytree(case, folder, dirs_exist_ok=True)
    if generate := GENERATED.get(case.name):
        generate(folder)
    arguments = folder / "arguments.txt"
    line = arguments.read_text(encoding="utf-8") if arguments.exists() else ARGUMENTS
    with SERVERS.get(case.name, no_server)() as environment:
        result = CliRunner().invoke(main, shlex.split(line), env={**DAY, **environment})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return f"{result.output.replace(str(folder), '<folder>')}exit code {result.exit_code}\n"


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_finding_is_told_exactly_so(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    expected = CASES / code / "expected.txt"
    monkeypatch.chdir(tmp_path)
    text = told(CASES / code, tmp_path)
    if update_golden:
        expected.write_text(text, encoding="utf-8")
    assert f" {code}: " in text
    assert text == expected.read_text(encoding="utf-8")


def test_there_is_a_case_for_every_code_and_no_other() -> None:
    assert {case.name for case in CASES.iterdir()} == {*CODES, "base"}


def test_the_base_has_nothing_to_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = told(BASE, tmp_path)
    assert text.endswith("1 alert, 0 left out; nothing was written or sent\nexit code 0\n")
    assert "S2H" not in text
