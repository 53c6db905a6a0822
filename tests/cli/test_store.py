"""What a start stores for the next: the same answers, sooner, and nothing that could do harm."""

import hashlib
import json
import os
import pickle
import sys
from array import array
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from sigma2hive.workflows.store.packs import MAGIC

RULE = """\
title: Whoami
name: whoami
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
status: test
level: low
logsource: {product: windows, category: process_creation}
detection:
  selection: {CommandLine|contains: whoami}
  loop: {CommandLine|re: '(a+)+b'}
  condition: selection or loop
---
title: Many
id: 11111111-1111-4111-8111-111111111111
status: test
level: high
correlation:
  type: event_count
  rules: [whoami]
  group-by: [Computer]
  timespan: 10m
  condition: {gte: 2}
  generate: true
"""
EVENT = (
    '{"@timestamp": "2026-11-24T09:00:0%d.000Z", "winlog": {"channel": '
    '"Microsoft-Windows-Sysmon/Operational", "computer_name": "dc01"}, "event": {"code": "1"},'
    ' "process": {"command_line": "WHOAMI /all"}}\n'
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a rule and events, and the user's cache beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    (folder / "sigma_rules").mkdir(parents=True)
    (folder / "sigma_rules" / "whoami.yml").write_text(RULE)
    (folder / "events.ndjson").write_text("".join(EVENT % number for number in range(3)))
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["run", "--once", "--dry-run", "--json", "--events", "events.ndjson", *arguments]
    )


def stored(repository: Path, kind: str = "made") -> list[Path]:
    return sorted((repository.parent / "cache" / "sigma2hive").glob(f"*.{kind}"))


def test_what_was_stored_gives_the_same_answers(repository: Path) -> None:
    first = run()
    (file,) = stored(repository)
    content = file.read_bytes()
    second = run()
    assert first.exit_code == 0
    assert (
        "4 alerts"
        in CliRunner()
        .invoke(main, ["run", "--once", "--dry-run", "--events", "events.ndjson"])
        .stdout
    )
    assert "S2H219" in first.stderr
    assert (second.stdout, second.stderr) == (first.stdout, first.stderr)
    assert [path.read_bytes() for path in stored(repository)] == [content]
    for kept in (file, *stored(repository, "read")):
        assert kept.stat().st_mode & 0o077 == 0
    assert not [*repository.rglob("*.made"), *repository.rglob("*.read")]


@pytest.mark.parametrize("changed", ["rule", "mapping", "profile", "settings"])
def test_whatever_decides_is_looked_at_again_when_it_changes(
    repository: Path, changed: str
) -> None:
    assert len(json.loads(run().stdout)["alerts"]) == 4
    if changed == "rule":
        path = repository / "sigma_rules" / "whoami.yml"
        path.write_text(RULE.replace("contains: whoami", "contains: other"))
        assert json.loads(run().stdout)["alerts"] == []
    elif changed == "mapping":
        (repository / "mappings").mkdir()
        (repository / "mappings" / "alerts.yml").write_text("nonsense: true\n")
        assert run().exit_code == 3
    elif changed == "profile":
        assert run("--profile", "windows-flat").exit_code == 0
    else:
        (repository / "sigma2hive.yml").write_text("profile: nowhere\n")
        assert run().exit_code == 3


@pytest.mark.parametrize("kind", ["made", "read"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "class"])
def test_a_file_that_is_damaged_counts_as_none(repository: Path, damage: str, kind: str) -> None:
    first = run()
    (file,) = stored(repository, kind)
    if kind == "read":
        # What was read is looked at where what was made does not do.
        stored(repository)[0].unlink()
    content = bytearray(file.read_bytes())
    witness = repository / "witness"
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[len(content) // 2] ^= 255
    elif damage == "empty":
        content.clear()
    else:
        content = bytearray(_packed_again(bytes(content), pickle.dumps(_Harmful(witness))))
    file.write_bytes(content)
    again = run()
    assert (again.stdout, again.stderr) == (first.stdout, first.stderr)
    assert not witness.exists()


def _packed_again(content: bytes, piece: bytes) -> bytes:
    """Return a file of the same number of pieces, each of them `piece`, but for the first."""
    start = len(MAGIC) + 32
    count = int.from_bytes(content[start : start + 8], sys.byteorder)
    sizes = array("Q", content[start + 8 : start + 8 * (1 + count)])
    first = content[start + 8 * (1 + count) :][: sizes[0]]
    pieces = [first if sizes[0] == 32 else piece, *[piece] * (count - 1)]
    sizes = array("Q", map(len, pieces))
    body = b"".join((count.to_bytes(8, sys.byteorder), sizes.tobytes(), *pieces))
    return MAGIC + hashlib.sha256(body).digest() + body


class _Harmful:
    """What an attacker would store: it makes a file when it is read."""

    def __init__(self, witness: Path) -> None:
        self._witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._witness),)


def test_a_folder_that_others_may_write_is_not_used(repository: Path) -> None:
    folder = repository.parent / "cache" / "sigma2hive"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert run().exit_code == 0
    assert list(folder.iterdir()) == []
