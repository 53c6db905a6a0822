"""What is said of rules that ask for what a snapshot of the indices lacks, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sigma2hive.compiler import compile_query, find_blindness
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.rules import Blindness
from sigma2hive.schema import load_profile
from tests.compiler.dsl_world import compile_detection

PROFILE = """\
profile: site
title: A site's own
logsources:
  - product: windows
    indices: [site-*]
    fields: {Either: [there, gone], Image: image}
  - product: windows
    service: gated
    any_of: [{channel: Security}]
"""
SNAPSHOT = """\
snapshot:
  site-*:
    indices: [site]
    fields: |
      there keyword ignore_above=8
      image keyword
      short keyword ignore_above=8 .text=text
      address ip
      loose ip takes_malformed
      number long
      flag boolean
      constant constant_keyword value="acme"
      open constant_keyword
      object.leaf keyword
      alias alias target=number
"""


def seen(folder: Path, detection: dict[str, Any], text: str = "", gated: bool = False) -> Blindness:
    (folder / "site.yml").write_text(text or PROFILE + SNAPSHOT, encoding="utf-8")
    diagnostics = Diagnostics()
    profile = load_profile("site", folder, diagnostics)
    assert profile is not None, list(diagnostics)
    rule = compile_detection(detection, profile, folder, gated)
    assert rule is not None
    return find_blindness([rule], profile)


def codes(found: Blindness) -> list[str]:
    return [finding.code for finding in found.findings]


@pytest.mark.parametrize(
    "item",
    [
        {"there": "x"},
        {"Either": "x"},
        {"address": "10.*"},
        {"address": "fe80::1"},
        {"loose": "-"},
        {"number": "0x1a"},
        {"number|contains": "4"},
        {"number": ""},
        {"flag": "TRUE"},
        {"constant": "ACME"},
        {"constant|startswith": "ac"},
        {"open": "anything"},
        {"short|contains": "abc"},
        {"short.text": "abc"},
        {"alias": 5},
        {"gone|exists": False, "there": "x"},
    ],
)
def test_what_the_index_may_have_is_not_called_missing(
    tmp_path: Path, item: dict[str, Any]
) -> None:
    found = seen(tmp_path, {"a": item, "condition": "a"})
    assert found.never == 0
    assert [code for code in codes(found) if code != "S2H411"] == []
    assert ("S2H411" in codes(found)) == ("gone|exists" in item)


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"gone": "x"}, "S2H411"),
        ({"there|fieldref": "gone"}, "S2H411"),
        ({"object": "x"}, "S2H412"),
        ({"address": "foo"}, "S2H412"),
        ({"address|contains": "-"}, "S2H412"),
        ({"number": "abc"}, "S2H412"),
        ({"alias": "abc"}, "S2H412"),
        ({"number": True}, "S2H412"),
        ({"flag": 1}, "S2H412"),
        ({"constant": "other"}, "S2H412"),
    ],
)
def test_what_no_event_can_have_makes_the_rule_one_that_never_matches(
    tmp_path: Path, item: dict[str, Any], code: str
) -> None:
    found = seen(tmp_path, {"a": item, "condition": "a"})
    assert codes(found) == [code, "S2H410"]
    assert (found.checked, found.blind, found.never) == (1, 1, 1)
    assert found.findings.found[0].location.line > found.findings.found[1].location.line


def test_a_negated_part_on_a_missing_field_changes_nothing(tmp_path: Path) -> None:
    found = seen(tmp_path, {"a": {"there": "x"}, "b": {"gone": "y"}, "condition": "a and not b"})
    assert codes(found) == ["S2H411"]
    assert "changes nothing" in found.findings.found[0].message
    assert found.never == 0


def test_a_value_longer_than_the_index_keeps_is_told(tmp_path: Path) -> None:
    found = seen(tmp_path, {"a": {"short|contains": "123456789"}, "condition": "a"})
    assert codes(found) == ["S2H413"]


def test_a_missing_field_is_asked_for_by_presence_and_leaves_nothing_to_decide(
    tmp_path: Path,
) -> None:
    """It costs nothing while it is missing, and is found as whatever type it may come one day."""
    (tmp_path / "site.yml").write_text(PROFILE + SNAPSHOT, encoding="utf-8")
    profile = load_profile("site", tmp_path, Diagnostics())
    assert profile is not None
    rule = compile_detection({"a": {"Either": "x"}, "condition": "a"}, profile, tmp_path)
    assert rule is not None
    query = compile_query(rule)
    assert query.residual == ()
    assert {"exists": {"field": "gone"}} in query.body["bool"]["filter"][0]["bool"]["should"]


def test_a_field_that_documents_are_stored_without_is_told(tmp_path: Path) -> None:
    text = PROFILE + SNAPSHOT.replace("image keyword", "image keyword unkept")
    found = seen(tmp_path, {"a": {"Image": "x", "there": "x"}, "condition": "a"}, text)
    assert codes(found) == ["S2H416"]
    assert "site keeps documents without image" in found.findings.found[0].message


def test_a_log_source_whose_condition_cannot_be_met_is_told(tmp_path: Path) -> None:
    found = seen(tmp_path, {"a": {"there": "x"}, "condition": "a"}, gated=True)
    assert codes(found) == ["S2H410"]
    assert "the log source's condition cannot be met in site-*" in found.findings.found[0].message
    assert "channel" in found.findings.found[0].message


def test_what_a_closed_index_does_not_map_may_be_there_all_the_same(tmp_path: Path) -> None:
    closed = SNAPSHOT.replace("[site]\n", "[site]\n    closed: [site]\n")
    found = seen(tmp_path, {"a": {"gone": "x"}, "condition": "a"}, PROFILE + closed)
    assert (found.checked, found.blind) == (1, 0)


def test_without_a_snapshot_of_all_indices_nothing_is_said(tmp_path: Path) -> None:
    for text in (PROFILE, PROFILE + SNAPSHOT.replace("  site-*", "  site-2026.*")):
        assert seen(tmp_path, {"a": {"gone": "x"}, "condition": "a"}, text).checked == 0


def test_a_snapshot_of_a_wider_pattern_speaks_of_a_narrower_one(tmp_path: Path) -> None:
    text = PROFILE + SNAPSHOT.replace("  site-*", "  s*")
    assert seen(tmp_path, {"a": {"gone": "x"}, "condition": "a"}, text).never == 1
