"""The commit that a rule is from, as Git itself tells it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigma2hive.model.versions import RuleVersion, VersionState
from sigma2hive.repository import Versions


class Checkout:
    """A Git repository for a test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        names = ("user.name=t", "user.email=t@example.org", "commit.gpgsign=false")
        settings = [part for name in names for part in ("-c", name)]
        done = subprocess.run(
            ["git", "-C", str(self.root), *settings, *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str = "a") -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def commit(self, name: str, text: str = "a") -> str:
        """Write a file and commit it; return the commit."""
        self.write(name, text)
        self.git("add", "-f", name)
        self.git("commit", "-qm", f"Write {name}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return Checkout(tmp_path / "checkout")


@pytest.fixture
def versions(checkout: Checkout) -> Iterator[Versions]:
    with Versions(checkout.root) as made:
        yield made


def committed(commit: str) -> RuleVersion:
    return RuleVersion(VersionState.COMMITTED, commit)


def test_a_rule_is_from_the_commit_that_last_touched_it(
    checkout: Checkout, versions: Versions
) -> None:
    checkout.commit("rules/a.yml", "1")
    first = checkout.commit("rules/b.yml")
    second = checkout.commit("rules/a.yml", "2")
    third = checkout.commit("rules/umlaut ü\n:(x).yml")
    checkout.commit("README.md")
    assert versions.of("rules/b.yml") == committed(first)
    assert versions.of("rules/a.yml") == committed(second)
    assert versions.of("rules/umlaut ü\n:(x).yml") == committed(third)
    assert versions.of("rules/a.yml").is_as_committed


def test_rules_in_several_folders_are_of_one_checkout(checkout: Checkout) -> None:
    commits = {f"{name}/a.yml": checkout.commit(f"{name}/a.yml") for name in "abc"}
    with Versions(checkout.root) as versions:
        assert {name: versions.of(name).commit for name in commits} == commits


def test_what_differs_from_the_commit_is_said(checkout: Checkout, versions: Versions) -> None:
    names = ("edited.yml", "staged.yml", "both.yml")
    commits = [checkout.commit(name) for name in names]
    for name in names:
        checkout.write(name, "b")
    checkout.git("add", "staged.yml", "both.yml")
    checkout.write("both.yml", "c")
    changed = [RuleVersion(VersionState.CHANGED, commit) for commit in commits]
    assert [versions.of(name) for name in names] == changed
    assert not any(version.is_as_committed for version in changed)


def test_what_was_never_committed_is_said(checkout: Checkout, versions: Versions) -> None:
    checkout.commit(".gitignore", "ignored.yml\n")
    for name in ("untracked.yml", "below/untracked.yml", "added.yml", "ignored.yml"):
        checkout.write(name)
        if name == "added.yml":
            checkout.git("add", name)
        assert versions.of(name) == RuleVersion(VersionState.NEW), name


def test_a_merge_is_the_commit_that_brought_what_it_merged(
    checkout: Checkout, versions: Versions
) -> None:
    """Its parents hold other texts of the rule; only the merge has the one that is there."""
    checkout.commit("a.yml", "1\n\n\n\n\n2\n")
    checkout.git("checkout", "-qb", "side")
    checkout.commit("a.yml", "side\n\n\n\n\n2\n")
    checkout.git("checkout", "-q", "main")
    checkout.commit("a.yml", "1\n\n\n\n\nmain\n")
    checkout.git("merge", "-q", "--no-edit", "side")
    assert versions.of("a.yml") == committed(checkout.git("rev-parse", "HEAD"))


def test_a_shallow_clone_has_the_one_commit_that_there_is(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit("a.yml")
    head = checkout.commit("b.yml")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{checkout.root}", str(clone)], check=True
    )
    with Versions(clone) as versions:
        assert versions.of("a.yml") == committed(head)


def test_rules_outside_the_repository_are_looked_at_where_they_lie(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Checkout(tmp_path / "other")
    ours, theirs = checkout.commit("a.yml"), other.commit("rules/a.yml")
    monkeypatch.chdir(tmp_path)
    with Versions(checkout.root) as versions:
        assert versions.of("a.yml") == committed(ours)
        assert versions.of("other/rules/a.yml") == committed(theirs)
        assert versions.of(str(other.root / "rules" / "a.yml")) == committed(theirs)


def test_a_link_to_a_rule_is_the_rule(checkout: Checkout, versions: Versions) -> None:
    commit = checkout.commit("real.yml")
    (checkout.root / "link.yml").symlink_to("real.yml")
    assert versions.of("link.yml") == committed(commit)


def test_without_git_nothing_is_known(
    checkout: Checkout, versions: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.yml").write_text("a")
    assert versions.of(str(tmp_path / "plain" / "a.yml")) == RuleVersion()
    assert versions.of("gone.yml") == RuleVersion()
    checkout.commit("a.yml")
    monkeypatch.setenv("PATH", "")
    with Versions(checkout.root) as without:
        assert without.of("a.yml") == RuleVersion()


def test_a_checkout_without_a_commit_has_new_files_only(
    checkout: Checkout, versions: Versions
) -> None:
    checkout.write("a.yml")
    assert versions.of("a.yml") == RuleVersion(VersionState.NEW)


def test_a_hooks_surroundings_do_not_lead_astray(
    checkout: Checkout, versions: Versions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit = checkout.commit("a.yml")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert versions.of("a.yml") == committed(commit)


def test_a_checkout_cannot_start_a_program(checkout: Checkout, versions: Versions) -> None:
    commit = checkout.commit("a.yml")
    trap = checkout.root.parent / "sprung"
    program = checkout.root.parent / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {trap}\n")
    program.chmod(0o755)
    checkout.git("config", "core.fsmonitor", str(program))
    checkout.git("config", "gpg.program", str(program))
    checkout.git("config", "log.showSignature", "true")
    assert versions.of("a.yml") == committed(commit)
    assert not trap.exists()


def test_what_lies_far_back_is_found_after_what_is_near(
    checkout: Checkout, versions: Versions
) -> None:
    oldest = checkout.commit("oldest.yml")
    for number in range(30):
        checkout.commit("a.yml", str(number))
    assert versions.of("a.yml") == committed(checkout.git("rev-parse", "HEAD"))
    assert versions.of("oldest.yml") == committed(oldest)
