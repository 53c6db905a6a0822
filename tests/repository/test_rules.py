"""Rules folders: what is read, what is left out, and that the rest goes on."""

import os
from pathlib import Path

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.rules import DetectionRepository
from sigma2hive.repository import load_placeholders, load_repository
from tests.sigma_texts import detection

GOOD = detection("selection:\n    A: 1\ncondition: selection")
OTHER_ID = "6f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"


def read(*paths: Path, root: Path) -> tuple[DetectionRepository, list[str]]:
    diagnostics = Diagnostics()
    repository = load_repository(paths, root, {}, diagnostics)
    return repository, [f"{finding.location.path} {finding.code}" for finding in diagnostics]


def test_folders_are_read_in_order_without_tests_and_hidden_files(tmp_path: Path) -> None:
    names = ["b.yml", "a.yaml", "sub/c.yml", ".hidden.yml", ".git/d.yml", "a.test.yml", "notes.md"]
    for number, name in enumerate(names):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(GOOD.replace("5f0e0e0a", f"{number:08d}"))
    repository, found = read(tmp_path, root=tmp_path)
    assert [entry.info.location.path for entry in repository.rules] == [
        "a.yaml",
        "b.yml",
        "sub/c.yml",
    ]
    assert found == []


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    repository, found = read(tmp_path, tmp_path / "a.yml", root=tmp_path)
    assert len(repository.rules) == 1
    assert found == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x7fELF\x02\x01\x01\x00", "S2H102"),
        (b"\x89PNG\r\n\x1a\n", "S2H106"),
        (GOOD.encode() + b"#" * 5_000_000, "S2H104"),
        (b"a: [", "S2H102"),
        (b"title: x\ntitle: y\n", "S2H103"),
    ],
)
def test_a_file_that_cannot_be_used_does_not_stop_the_rest(
    tmp_path: Path, content: bytes, code: str
) -> None:
    (tmp_path / "a_bad.yml").write_bytes(content)
    (tmp_path / "b_good.yml").write_text(GOOD)
    repository, found = read(tmp_path, root=tmp_path)
    assert len(repository.rules) == 1
    assert len(repository.skipped) == 1
    assert found == [f"a_bad.yml {code}"]


def test_a_folder_named_like_a_rule_and_links_in_a_loop_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.yml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself.yml").symlink_to(tmp_path / "itself.yml")
    (tmp_path / "good.yml").write_text(GOOD)
    repository, found = read(tmp_path, root=tmp_path)
    assert len(repository.rules) == 1
    assert found == ["dangling.yml S2H101", "itself.yml S2H101"]


def test_a_link_that_leads_out_of_the_repository_is_refused_but_what_is_named_is_read(
    tmp_path: Path,
) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for folder in (root / "rules", root / "more", elsewhere):
        folder.mkdir(parents=True)
    (elsewhere / "good.yml").write_text(GOOD)
    (root / "rules" / "out.yml").symlink_to("../../elsewhere/good.yml")
    repository, found = read(root / "rules", root=root)
    assert not repository.rules and len(repository.skipped) == 1
    assert found == ["rules/out.yml S2H111"]
    # What a person names is read, and so is what leads there.
    for named in (root / "rules" / "out.yml", elsewhere):
        repository, found = read(named, root=root)
        assert (len(repository.rules), found) == (1, [])
    repository, found = read(root / "rules", elsewhere, root=root)
    assert (len(repository.rules), found) == (1, [])
    # Within the repository links are what Git keeps.
    (root / "more" / "good.yml").write_text(GOOD)
    (root / "rules" / "out.yml").unlink()
    (root / "rules" / "within.yml").symlink_to("../more/good.yml")
    repository, found = read(root / "rules", root=root)
    assert (len(repository.rules), found) == (1, [])


def test_a_link_to_a_folder_is_told_where_nothing_in_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "rules" / "good.yml").write_text(GOOD)
    (tmp_path / "rules" / "linked").symlink_to("../more")
    assert read(tmp_path / "rules", root=tmp_path)[1] == ["rules/linked S2H111"]
    (tmp_path / "more" / "other.yml").write_text(GOOD.replace("5f0e0e0a", "6f0e0e0a"))
    assert read(tmp_path / "rules", tmp_path / "more", root=tmp_path)[1] == []


def test_a_pipe_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    (tmp_path / "good.yml").write_text(GOOD)
    repository, found = read(tmp_path, root=tmp_path)
    assert len(repository.rules) == 1
    assert found == ["pipe.yml S2H101"]


def test_the_second_rule_with_an_id_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    (tmp_path / "b.yml").write_text(GOOD.replace("A rule", "Another rule"))
    repository, found = read(tmp_path, root=tmp_path)
    assert [entry.info.title for entry in repository.rules] == ["A rule"]
    assert found == ["b.yml S2H208"]
    assert len(repository.skipped) == 1


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    _, found = read(tmp_path / "nope", root=tmp_path)
    assert found == ["nope S2H108"]


def test_an_empty_folder_is_a_warning(tmp_path: Path) -> None:
    repository, found = read(tmp_path, root=tmp_path)
    assert found == [". S2H108"]
    assert repository.skipped == ()


def test_all_of_sigmahq_is_read_but_rules_whose_placeholders_have_no_values(shared: Path) -> None:
    diagnostics = Diagnostics()
    repository = load_repository([shared / "data" / "sigmahq"], shared, {}, diagnostics)
    read_or_left = len(repository.rules) + len(repository.skipped)
    assert read_or_left == 3780
    assert {finding.code for finding in diagnostics} <= {"S2H212"}
    assert all("|expand" in (shared / place.path).read_text() for place in repository.skipped)


def test_placeholders_are_a_map_of_name_to_values(tmp_path: Path) -> None:
    file = tmp_path / "placeholders.yml"
    file.write_text("admins: [anna, 17]\n'%hosts%': dc01\nbad: {a: b}\n")
    diagnostics = Diagnostics()
    values = load_placeholders(file, tmp_path, diagnostics)
    assert values == {"admins": ("anna", "17"), "hosts": ("dc01",)}
    assert [str(finding.location) for finding in diagnostics] == ["placeholders.yml:3:1"]


def test_placeholders_are_the_texts_that_are_written(tmp_path: Path) -> None:
    # YAML 1.1 reads true, 8, 45045 and 1.1.
    file = tmp_path / "placeholders.yml"
    file.write_text("odd: [yes, 010, 12:30:45, 1.10]\none: 0x1F\n")
    values = load_placeholders(file, tmp_path, Diagnostics())
    assert values == {"odd": ("yes", "010", "12:30:45", "1.10"), "one": ("0x1F",)}
