"""When a change of files counts as a new version: once they stand still."""

from pathlib import Path

from sigma2hive.workflows.watching import Watched


def test_a_change_counts_once_it_stands_still(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    watched = Watched((rules,))
    watched.remember()
    assert not watched.has_changed()
    (rules / "one.yml").write_text("a")
    assert not watched.has_changed()  # it may go on
    (rules / "two.yml").write_text("b")
    assert not watched.has_changed()
    assert watched.has_changed()
    watched.remember()
    assert not watched.has_changed()


def test_removing_and_renaming_are_changes(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep" / "one.yml"
    file.write_text("a")
    watched = Watched((tmp_path,))
    watched.remember()
    file = file.rename(tmp_path / "deep" / "two.yml")
    assert [watched.has_changed() for _ in range(2)] == [False, True]
    watched.remember()
    file.unlink()
    assert [watched.has_changed() for _ in range(2)] == [False, True]


def test_nothing_has_changed_while_git_is_at_work(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    rules = tmp_path / "rules"
    rules.mkdir()
    watched = Watched((rules,))
    watched.remember()
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    (rules / "one.yml").write_text("a")
    assert not any(watched.has_changed() for _ in range(3))
    lock.unlink()
    assert [watched.has_changed() for _ in range(2)] == [False, True]


def test_a_path_that_is_not_there_yet_may_appear(tmp_path: Path) -> None:
    watched = Watched((tmp_path / "mappings",))
    watched.remember()
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "alerts.yml").write_text("a")
    assert [watched.has_changed() for _ in range(2)] == [False, True]
