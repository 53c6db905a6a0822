"""Where a log source lies: rows merged by how specific they are, nothing placed by half."""

from pathlib import Path

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.fields import FieldType
from sigma2hive.model.profiles import Logsource, LogsourcePlace, Profile
from sigma2hive.schema import load_profile

ROWS = r"""
profile: mine
title: Mine
field_types: {event.code: keyword, source.ip: ip, message: text, raw: flattened, items: nested}
derived:
  sigma.user: {join: [user.domain, user.name], separator: '\'}
logsources:
  - indices: [everything-*]
  - product: [windows, win]
    any_of: [{winlog.channel: '*'}]
    keyword_fields: [message, winlog.event_data.*]
    default_prefix: winlog.event_data.
    also_read: winlog.event_data.{field}
    dropped: ['', '-']
    fields: {EventID: event.code, User: sigma.user, Ip: [source.ip, client.ip], Details: first}
  - {product: windows, fields: {Details: second, More: second}}
  - product: windows
    category: process_creation
    any_of:
      - {winlog.channel: Sysmon, event.code: '1'}
      - {winlog.channel: Security, event.code: ['4688']}
    fields: {Details: third}
  - {category: process_creation, indices: [processes-*], dropped: []}
  - {product: linux, service: sshd, any_of: [{process.name: sshd}]}
  - {product: linux, keyword_fields: [message]}
  - {category: dns}
"""


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    (tmp_path / "mine.yml").write_text(ROWS)
    loaded = load_profile("mine", tmp_path, Diagnostics())
    assert loaded is not None
    return loaded


def placed(profile: Profile, logsource: Logsource) -> LogsourcePlace:
    place = profile.place(logsource)
    assert place is not None, profile.unplaced_reason(logsource)
    return place


def test_the_most_specific_row_that_says_something_decides_it(profile: Profile) -> None:
    place = placed(profile, Logsource("windows", "process_creation"))
    assert place.indices == ("processes-*",)  # from the category's row; the product's says nothing
    assert place.any_of == (
        {"winlog.channel": ("Sysmon",), "event.code": ("1",)},
        {"winlog.channel": ("Security",), "event.code": ("4688",)},
    )
    assert place.dropped == ("", "-")  # of two rows as specific, the earlier
    assert [field.path for field in place.keyword_fields] == ["message", "winlog.event_data.*"]


def test_fields_merge_name_by_name(profile: Profile) -> None:
    place = placed(profile, Logsource("windows", "process_creation"))
    assert place.paths["Details"] == ("third",)
    assert place.paths["More"] == ("second",)
    assert place.paths["EventID"] == ("event.code",)
    assert placed(profile, Logsource("windows")).paths["Details"] == ("first",)


def test_a_value_of_a_list_is_covered(profile: Profile) -> None:
    assert placed(profile, Logsource("win")).paths["EventID"] == ("event.code",)


@pytest.mark.parametrize(
    ("logsource", "reason"),
    [
        (Logsource("windows", service="foo"), "no row names service=foo for product=windows"),
        (Logsource("solaris"), "no row names product=solaris"),
        (
            Logsource("solaris", service="sshd"),
            "no row names product=solaris service=sshd",
        ),
        (Logsource("linux", "dns"), "no row names product=linux category=dns together"),
    ],
)
def test_a_log_source_that_no_row_names_whole_has_no_place(
    profile: Profile, logsource: Logsource, reason: str
) -> None:
    assert profile.place(logsource) is None
    assert profile.unplaced_reason(logsource) == reason
    hint = profile.unplaced_hint(logsource)
    assert f"product: {logsource.product}" in hint and "mappings/schemas" in hint


def test_without_indices_there_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("profile: mine\ntitle: M\nlogsources: [{product: x}]\n")
    profile = load_profile("mine", tmp_path, Diagnostics())
    assert profile is not None
    assert profile.place(Logsource("x")) is None
    assert profile.unplaced_reason(Logsource("x")) == "no row for product=x gives indices"


def test_a_mapped_name_gives_its_candidates_and_is_also_read_raw(profile: Profile) -> None:
    place = placed(profile, Logsource("windows"))
    fields = place.resolve("Ip")
    assert [(field.path, field.type) for field in fields] == [
        ("source.ip", FieldType.IP),
        ("client.ip", FieldType.KEYWORD),
        ("winlog.event_data.Ip", FieldType.KEYWORD),
    ]
    assert all(field.dropped == ("", "-") for field in fields)


def test_a_derived_field_is_put_together_from_the_document(profile: Profile) -> None:
    derived, raw = placed(profile, Logsource("windows")).resolve("User")
    values = {"user.domain": ("CORP",), "user.name": ("anna",)}
    assert derived.values_of(values) == ("CORP\\anna",)
    assert raw.path == "winlog.event_data.User"


def test_a_name_that_is_a_path_of_the_index_is_that_path(profile: Profile) -> None:
    place = placed(profile, Logsource("windows"))
    for path in ("source.ip", "winlog.event_data.Foo", "sigma.user", "raw.below"):
        (field,) = place.resolve(path)
        assert field.path == path


def test_any_other_name_is_read_under_the_default_prefix(profile: Profile) -> None:
    (field,) = placed(profile, Logsource("windows")).resolve("TaskName")
    assert field.path == "winlog.event_data.TaskName"
    assert field.dropped == ("", "-")
    (bare,) = placed(profile, Logsource("linux")).resolve("TaskName")
    assert bare.path == "TaskName"
    assert bare.dropped == ()


def test_below_flattened_and_nested_fields_a_query_cannot_compare(profile: Profile) -> None:
    place = placed(profile, Logsource("linux"))
    assert place.field("raw.a.b").type is FieldType.FLATTENED
    assert place.field("items.name").type is FieldType.NESTED


SNAPSHOT = """
profile: own
title: Own
field_types: {word: keyword}
logsources:
  - {product: windows, indices: ['east:logs-*']}
snapshot:
  "logs-*":
    indices: [logs-windows]
    fields: |
      word long
"""
NEAR = "  - {product: windows, service: near, indices: [logs-windows*]}\n"


@pytest.mark.parametrize(("rows", "kind"), [("", FieldType.LONG), (NEAR, FieldType.KEYWORD)])
def test_a_snapshot_of_this_cluster_says_nothing_of_another(
    tmp_path: Path, rows: str, kind: FieldType
) -> None:
    (tmp_path / "own.yml").write_text(SNAPSHOT.replace("snapshot:", rows + "snapshot:"))
    diagnostics = Diagnostics()
    own = load_profile("own", tmp_path, diagnostics)
    assert own is not None, list(diagnostics)
    (word,) = placed(own, Logsource("windows")).resolve("word")
    assert word.type is kind
