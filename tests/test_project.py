"""The project's own files agree with each other."""

import re
import tomllib
from pathlib import Path

import pytest


def normalised(requirement: str) -> str:
    """Return the name in a requirement as registries compare it."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture
def pyproject(project_root: Path) -> dict[str, object]:
    return tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_dependency_is_pinned_for_development(
    project_root: Path, pyproject: dict[str, dict[str, list[str]]]
) -> None:
    pinned = {
        normalised(line)
        for line in (project_root / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    needed = {
        normalised(requirement)
        for requirement in [
            *pyproject["project"]["dependencies"],
            *pyproject["dependency-groups"]["dev"],
        ]
    }
    assert len(needed) > 10
    assert needed - pinned == set(), "run: make lock"


def test_every_file_of_rules_and_pages_ends_in_a_line_break(project_root: Path) -> None:
    files = [
        path
        for folder in ("docs", "sigma_rules", "mappings", "src")
        for path in sorted((project_root / folder).rglob("*"))
        if path.suffix in {".md", ".yml", ".py", ".json"}
    ]
    assert len(files) > 20
    ragged = [
        str(path) for path in files if (content := path.read_bytes()) and content[-1:] != b"\n"
    ]
    assert ragged == []
