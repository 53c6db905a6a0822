"""When the service loads its rules again, and when it need not."""

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from sigma2hive.cli.status import standing_lines
from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.clients.errors import UnreachableError
from sigma2hive.clock import FrozenClock
from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.model.service import RuleRecord
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.service.loop import Loop
from sigma2hive.runner.service.outcomes import CycleOutcome
from sigma2hive.runner.service.standing import standing_of
from sigma2hive.runner.store.sqlite import SqliteStore
from sigma2hive.settings import Settings, load_settings
from sigma2hive.workflows.project import Loaded, ProjectOptions, load_project
from sigma2hive.workflows.serving import RepositoryLoading
from tests.cli.test_exceptions import DAY, EXCEPTION, LAST_DAY, RULE


def _written(folder: Path, **rules: str) -> Settings:
    """Write a repository with files of rules, and return its settings."""
    (folder / "sigma_rules").mkdir()
    for name, text in rules.items():
        (folder / "sigma_rules" / f"{name}.yml").write_text(text)
    (folder / "sigma2hive.yml").write_text("elasticsearch: {urls: ['http://127.0.0.1:9']}\n")
    return load_settings(folder, None, Diagnostics(), {})


def test_on_the_day_after_an_exceptions_last_its_rule_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _written(tmp_path, rule=RULE, exception=EXCEPTION)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(LAST_DAY))
    with (
        closing(SqliteStore(tmp_path / "state.db")) as store,
        open_client(settings.elasticsearch) as client,
    ):
        loading = RepositoryLoading(ProjectOptions(tmp_path), settings, client)
        before = loading.load(store, LAST_DAY).cycle.compiled.rules[0]
        assert not loading.has_changed()
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(LAST_DAY + DAY))
        assert loading.has_changed()
        after = loading.load(store, LAST_DAY + DAY).cycle.compiled.rules[0]
        assert (len(before.filters), len(after.filters)) == (1, 0)
        assert not loading.has_changed()
        loading.close()


def test_what_cannot_be_loaded_on_another_day_is_tried_once_that_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _written(tmp_path, rule=RULE, exception=EXCEPTION)
    rule = tmp_path / "sigma_rules/rule.yml"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(LAST_DAY))
    with (
        closing(SqliteStore(tmp_path / "state.db")) as store,
        open_client(settings.elasticsearch) as client,
        closing(RepositoryLoading(ProjectOptions(tmp_path), settings, client)) as loading,
    ):
        loading.load(store, LAST_DAY)
        rule.write_text("no: [yaml")
        for later in (1, 2):
            monkeypatch.setenv("SOURCE_DATE_EPOCH", str(LAST_DAY + later * DAY))
            assert loading.has_changed()
            with pytest.raises(ConfigurationError):
                loading.load(store, LAST_DAY + later * DAY)
            assert not any(loading.has_changed() for _ in range(3))
        rule.write_text(RULE)
        loading.has_changed()  # the files stand still when they are looked at again
        assert loading.has_changed()
        after = loading.load(store, LAST_DAY + 2 * DAY).cycle.compiled.rules[0]
        assert not after.filters
        assert not loading.has_changed()


def test_status_tells_where_rules_are_that_cannot_be_used(tmp_path: Path) -> None:
    settings = _written(tmp_path, rule=RULE, broken="title: Half a rule\nlevel: low\n")
    with (
        closing(SqliteStore(tmp_path / "state.db")) as store,
        open_client(settings.elasticsearch) as client,
    ):
        loading = RepositoryLoading(ProjectOptions(tmp_path), settings, client)
        version = loading.load(store, LAST_DAY)
        Loop(loading, store, FrozenClock(LAST_DAY)).note(version, CycleOutcome(LAST_DAY))
        told = " ".join(line.strip() for line in standing_lines(standing_of(store, LAST_DAY)))
        loading.close()
    assert "1 cannot be used" in told
    assert "sigma_rules/broken.yml" in told


def test_rules_that_the_store_could_not_take_in_are_loaded_when_it_is_back(tmp_path: Path) -> None:
    class Away(SqliteStore):
        is_away = False

        def rules(self) -> Mapping[str, RuleRecord]:
            if self.is_away:
                raise UnreachableError("nothing answers", "see whether it runs")
            return super().rules()

    (tmp_path / "sigma_rules").mkdir()
    rule = tmp_path / "sigma_rules/rule.yml"
    rule.write_text(RULE)
    (tmp_path / "sigma2hive.yml").write_text("elasticsearch: {urls: ['http://127.0.0.1:9']}\n")
    settings = load_settings(tmp_path, None, Diagnostics(), {})
    with (
        closing(Away(tmp_path / "state.db")) as store,
        open_client(settings.elasticsearch) as client,
    ):
        loading = RepositoryLoading(ProjectOptions(tmp_path), settings, client)
        loading.load(store, LAST_DAY)
        rule.write_text(RULE.replace("title: ", "title: Renamed "))
        loading.has_changed()  # the files stand still when they are looked at again
        assert loading.has_changed()
        store.is_away = True
        for _ in range(2):
            with pytest.raises(UnreachableError):
                loading.load(store, LAST_DAY)
            assert loading.has_changed()
        store.is_away = False
        again = loading.load(store, LAST_DAY).cycle.compiled.rules[0]
        assert again.info.title.startswith("Renamed ")
        assert not loading.has_changed()
        loading.close()


@pytest.mark.parametrize("is_changed", [False, True])
def test_what_a_command_loaded_is_not_loaded_again_but_where_a_file_is_younger(
    tmp_path: Path, *, is_changed: bool
) -> None:
    (tmp_path / "sigma_rules").mkdir()
    rule = tmp_path / "sigma_rules/rule.yml"
    rule.write_text(RULE)
    (tmp_path / "sigma2hive.yml").write_text("elasticsearch: {urls: ['http://127.0.0.1:9']}\n")
    options = ProjectOptions(tmp_path)
    # Nobody can set when a file was changed: so the command is said to have begun later.
    began_ns = time.time_ns() + (-1 if is_changed else 60) * NANOSECONDS
    loaded = Loaded(load_project(options), began_ns)
    rule.write_text(RULE.replace("title: ", "title: Renamed "))
    settings = loaded.project.settings
    with (
        closing(SqliteStore(tmp_path / "state.db")) as store,
        open_client(settings.elasticsearch) as client,
    ):
        loading = RepositoryLoading(options, settings, client, first=loaded)
        first = loading.load(store, LAST_DAY).cycle.compiled.rules[0]
        assert first.info.title.startswith("Renamed ") is is_changed
        again = loading.load(store, LAST_DAY).cycle.compiled.rules[0]
        assert again.info.title.startswith("Renamed ")
        loading.close()
