"""A rule that stops being usable is blind; one that is taken out is gone."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from sigma2hive.cli import main
from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.service import Interval, Searched, Step
from sigma2hive.model.times import NANOSECONDS, shown_time
from sigma2hive.runner.service.metrics import Standings
from sigma2hive.runner.service.standing import Standing, standing_of
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.settings import load_settings
from sigma2hive.workflows.project import ProjectOptions
from sigma2hive.workflows.serving import RepositoryLoading

START = 1_801_353_600 * NANOSECONDS
PATTERN = "winlogbeat-*"
HOUR = 3_600 * NANOSECONDS
CLEARED, INSTALLED = (f"{digit * 8}-5f8e-4c8e-9d3e-2f1f0a1b2c3d" for digit in "ab")
BREAKS = {
    "a condition": ("condition: selection", "condition: selektion"),
    "yaml": ("level: high", "level: [high"),
    "its id": (f"id: {CLEARED}", "id: not-a-uuid"),
    "a duplicate key": ("level: high", "level: high\nlevel: low"),
    "a log source without a place": ("service: security", "service: nowhere"),
}


def rule(rule_id: str, code: int) -> str:
    return f"""\
title: Code {code}
id: {rule_id}
level: high
logsource: {{product: windows, service: security}}
detection:
    selection: {{EventID: {code}}}
    condition: selection
"""


class World:
    """A repository of two rules, and a service that loads it; nothing is sent to Elasticsearch."""

    def __init__(self, folder: Path, store: SqliteStore, loading: RepositoryLoading) -> None:
        self.rules, self.store, self.loading = folder / "sigma_rules", store, loading
        self.now_ns = START

    def write(self, name: str, text: str) -> None:
        (self.rules / name).write_text(text)

    def load(self) -> Standing:
        """Load the rules an hour later, and return how the service stands then."""
        self.now_ns += HOUR
        self.loading.load(self.store, self.now_ns)
        searched = Interval(START, self.now_ns)
        entry = Searched(f"pattern:{PATTERN}", PATTERN, searched, patterns=(PATTERN,))
        self.store.commit(Step(searched=(entry,)))
        return standing_of(self.store, self.now_ns)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma2hive.yml").write_text("elasticsearch: {urls: ['http://127.0.0.1:9']}\n")
    settings = load_settings(tmp_path, None, Diagnostics(), {})
    (tmp_path / ".sigma2hive").mkdir()
    with (
        closing(SqliteStore(tmp_path / ".sigma2hive" / "state.db")) as store,
        open_client(settings.elasticsearch) as client,
        closing(RepositoryLoading(ProjectOptions(tmp_path), settings, client)) as loading,
    ):
        found = World(tmp_path, store, loading)
        found.write("cleared.yml", rule(CLEARED, 1102))
        found.write("installed.yml", rule(INSTALLED, 7045))
        found.load()
        yield found


def blind(standing: Standing) -> dict[str, int | None]:
    return {entry.record.rule_id: entry.blind_since_ns for entry in standing.blind}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_rule_that_an_edit_broke_is_blind_since_then(world: World, broken: str) -> None:
    world.write("cleared.yml", rule(CLEARED, 1102).replace(*BREAKS[broken]))
    broke_ns = world.now_ns + HOUR
    for _ in range(2):
        standing = world.load()
        assert not standing.is_well
        assert blind(standing)[CLEARED] == broke_ns
    told = CliRunner().invoke(main, ["status", "--check"])
    assert told.exit_code == 1
    text = " ".join(told.stdout.split())
    assert f"{CLEARED} is blind since {shown_time(broke_ns)}: sigma_rules/cleared.yml" in text
    registry = CollectorRegistry()
    registry.register(Standings(lambda: standing))
    asked = {"rule_id": CLEARED}
    since = registry.get_sample_value("sigma2hive_rule_blind_since_seconds", asked)
    assert since == broke_ns / NANOSECONDS


def test_a_broken_rule_of_which_an_older_version_kept_no_file_is_blind_while_one_is_nameless(
    world: World,
) -> None:
    world.store.save_rules([replace(one, path="") for one in world.store.rules().values()])
    whole = rule(CLEARED, 1102)
    world.write("cleared.yml", whole.replace(*BREAKS["its id"]))
    for _ in range(2):
        standing = world.load()
        assert [*blind(standing)] == [CLEARED]
    (reason,) = [entry.reason for entry in standing.blind]
    assert reason.startswith("it may be in sigma_rules/cleared.yml, which cannot be used whole")
    # One that was taken out is not told again, whatever else is broken.
    world.write("cleared.yml", whole.replace(CLEARED, CLEARED.replace("aaaa", "cccc")))
    assert not blind(world.load())
    world.write("cleared.yml", whole.replace(*BREAKS["its id"]))
    assert CLEARED not in blind(world.load())


def _unreadable(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def _leads_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _is_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _leads_to_a_pipe_elsewhere(path: Path) -> None:
    pipe = path.parents[2] / "pipe"
    os.mkfifo(pipe)
    path.unlink()
    path.symlink_to(pipe)


@pytest.mark.parametrize(
    "break_", [_unreadable, _leads_nowhere, _is_a_pipe, _leads_to_a_pipe_elsewhere]
)
def test_so_is_one_whose_file_cannot_be_read(world: World, break_: Callable[[Path], None]) -> None:
    break_(world.rules / "cleared.yml")
    assert CLEARED in blind(world.load())


def test_so_is_every_rule_behind_what_broke_in_its_file(world: World) -> None:
    both = rule(CLEARED, 1102).replace("level: high", "level: [high") + "---\n"
    world.write("installed.yml", both + rule(INSTALLED, 7045))
    (world.rules / "cleared.yml").unlink()
    world.write("other.yml", rule(CLEARED.replace("a", "c"), 4625))
    assert blind(world.load()).keys() == {CLEARED, INSTALLED}


def test_it_looks_again_once_it_is_mended(world: World) -> None:
    world.write("cleared.yml", rule(CLEARED, 1102).replace(*BREAKS["a condition"]))
    world.load()
    world.write("cleared.yml", rule(CLEARED, 1102))
    assert CLEARED not in blind(world.load())
    assert world.store.rules()[CLEARED].missed  # and looks at what it missed


def test_a_rule_that_was_taken_out_is_not_blind(world: World) -> None:
    (world.rules / "cleared.yml").unlink()
    # What is broken besides is another rule, that was never there.
    new = rule(CLEARED.replace("a", "c"), 4625).replace(*BREAKS["a condition"])
    world.write("new.yml", new)
    standing = world.load()
    assert not standing.blind
    assert {entry.record.rule_id for entry in standing.rules} == {INSTALLED}


def test_so_is_one_that_is_taken_out_while_it_is_broken(world: World) -> None:
    world.write("cleared.yml", rule(CLEARED, 1102).replace(*BREAKS["a condition"]))
    assert CLEARED in blind(world.load())
    (world.rules / "cleared.yml").unlink()
    assert not world.load().blind


def test_a_rule_that_was_taken_out_of_a_file_with_another_broken_one_is_not_blind(
    world: World,
) -> None:
    world.write("installed.yml", rule(INSTALLED, 7045) + "---\n" + rule(CLEARED, 1102))
    (world.rules / "cleared.yml").unlink()
    world.load()
    new = rule(CLEARED.replace("a", "c"), 4625).replace(*BREAKS["a condition"])
    world.write("installed.yml", rule(INSTALLED, 7045) + "---\n" + new)
    assert not world.load().blind
