"""Files are shown as people name them: relative to the repository where they lie inside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigma2hive.repository import shown_path

ROOT = Path("/srv/rules")


@pytest.mark.parametrize(
    ("working", "path", "shown"),
    [
        ("/", "/srv/rules/win/a.yml", "win/a.yml"),
        ("/", "/srv/rules/a.yml", "a.yml"),
        ("/", "/srv/rules", "."),
        ("/", "/srv/other/a.yml", "/srv/other/a.yml"),
        ("/", "/srv/rules-old/a.yml", "/srv/rules-old/a.yml"),
        ("/", "/a.yml", "/a.yml"),
        ("/srv/rules", "win/a.yml", "win/a.yml"),
        ("/srv/rules", "a.yml", "a.yml"),
        ("/srv/rules/win", "a.yml", "win/a.yml"),
        ("/srv/rules/win", ".", "win"),
        ("/srv/rules/win", "../a.yml", "win/../a.yml"),
        ("/srv", "rules/a.yml", "a.yml"),
        ("/srv", "rules", "."),
        ("/srv", "other/a.yml", "other/a.yml"),
        ("/srv/other", "../rules/a.yml", "../rules/a.yml"),
    ],
)
def test_a_path_is_shown_from_the_repository(
    working: str, path: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getcwd", lambda: working)
    assert shown_path(Path(path), ROOT) == shown
    # Whatever was asked for in another folder.
    monkeypatch.setattr("os.getcwd", lambda: "/")
    shown_path(Path(path), ROOT)
    monkeypatch.setattr("os.getcwd", lambda: working)
    assert shown_path(Path(path), ROOT) == shown


def test_an_absolute_path_is_shown_where_the_working_folder_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("os.getcwd", gone)
    assert shown_path(Path("/srv/rules/win/a.yml"), ROOT) == "win/a.yml"
