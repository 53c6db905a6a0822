"""Profiles by name: own before shipped, parents joined, and every mistake at its exact place."""

from pathlib import Path

import pytest

from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.profiles import Logsource, Profile, WindowsEvents
from sigma2hive.schema import known_profiles, load_profile

HEAD = "profile: mine\ntitle: Mine\n"


def load(folder: Path, name: str = "mine") -> Profile:
    diagnostics = Diagnostics()
    profile = load_profile(name, folder, diagnostics)
    assert profile is not None, [str(finding) for finding in diagnostics]
    assert not diagnostics.found
    return profile


def findings(folder: Path, text: str, name: str = "mine") -> list[tuple[str, int, int, str, str]]:
    """Return (code, line, column, message, hint) of each finding about `text` as mine.yml."""
    (folder / "mine.yml").write_text(text)
    diagnostics = Diagnostics()
    assert load_profile(name, folder, diagnostics) is None
    return [
        (found.code, found.location.line, found.location.column, found.message, found.hint)
        for found in diagnostics
    ]


@pytest.mark.parametrize("name", ["winlogbeat", "elastic-agent", "ecs", "windows-flat"])
def test_a_shipped_profile_loads_without_findings(name: str) -> None:
    diagnostics = Diagnostics()
    profile = load_profile(name, None, diagnostics)
    assert not diagnostics.found
    assert profile is not None
    assert profile.name == name
    assert profile.windows_events not in (None, WindowsEvents.NONE)


def test_known_profiles_are_the_shipped_heads_and_own_ones_without_parts(tmp_path: Path) -> None:
    assert known_profiles(None) == ["ecs", "elastic-agent", "windows-flat", "winlogbeat"]
    (tmp_path / "mine.yml").write_text(HEAD)
    (tmp_path / "piece.yml").write_text("profile: piece\ntitle: Piece\npart: true\n")
    assert known_profiles(tmp_path) == [
        "ecs",
        "elastic-agent",
        "mine",
        "windows-flat",
        "winlogbeat",
    ]


def test_an_own_profile_extends_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(
        HEAD + "extends: [elastic-agent]\n"
        "logsources:\n"
        "  - {product: okta, service: okta, indices: [sec-okta-*], fields: {eventType: my.type}}\n"
    )
    place = load(tmp_path).place(Logsource("okta", service="okta"))
    assert place is not None
    assert place.indices == ("sec-okta-*",)
    assert [field.path for field in place.resolve("eventType")] == ["my.type"]
    assert [field.path for field in place.resolve("displayMessage")] == ["okta.display_message"]
    assert load(tmp_path).windows_events is WindowsEvents.ELASTIC_AGENT


def test_a_profile_alone_says_nothing_of_raw_windows_events(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(HEAD + "extends: [windows]\n")
    assert load(tmp_path).windows_events is None
    (tmp_path / "mine.yml").write_text(HEAD + "extends: [windows]\nwindows_events: none\n")
    assert load(tmp_path).windows_events is WindowsEvents.NONE


def test_where_the_time_stands_is_inherited_and_else_at_timestamp(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(HEAD)
    assert load(tmp_path).time_fields == ("@timestamp",)
    (tmp_path / "mine.yml").write_text(HEAD + "extends: [windows-flat]\n")
    assert load(tmp_path).time_fields[:2] == ("@timestamp", "TimeCreated")
    (tmp_path / "mine.yml").write_text(HEAD + "extends: [windows-flat]\ntime_fields: [when, a.b]\n")
    assert load(tmp_path).time_fields == ("when", "a.b")


def test_alerts_may_use_the_names_of_another_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(HEAD)
    assert load(tmp_path).alert_names is None
    (tmp_path / "mine.yml").write_text(HEAD + "extends: [windows-flat]\n")
    names = load(tmp_path).alert_names
    assert names is not None and names.name == "winlogbeat"


@pytest.mark.parametrize("name", ["winlogbaet", "windows"])
def test_alert_names_of_no_profile_are_told_at_their_place(tmp_path: Path, name: str) -> None:
    (found,) = findings(tmp_path, HEAD + f"alert_names: {name}\n")
    assert found[:3] == ("S2H403", 3, 1)


def test_an_own_profile_of_a_shipped_name_extends_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "ecs.yml").write_text(
        "profile: ecs\ntitle: Ours\nextends: [ecs]\n"
        "logsources: [{product: github, service: audit, indices: [ours-*]}]\n"
    )
    profile = load(tmp_path, "ecs")
    assert profile.title == "Ours"
    github = profile.place(Logsource("github", service="audit"))
    okta = profile.place(Logsource("okta", service="okta"))
    assert github is not None and github.indices == ("ours-*",)
    assert okta is not None and "logs-*" in okta.indices


def test_a_profile_that_extends_itself_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(HEAD + "extends: [mine]\n")
    diagnostics = Diagnostics()
    assert load_profile("mine", tmp_path, diagnostics) is None
    (finding,) = diagnostics
    assert finding.code == "S2H405"
    assert finding.message == "profile 'mine' extends itself, and none of that name is shipped"


def test_what_extends_gives_comes_after_the_own_in_the_order_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(
        HEAD + "extends: [first, second]\n"
        "field_types: {a: ip}\n"
        "derived: {one: {join: [own]}}\n"
        "logsources: [{product: x, fields: {A: own}}]\n"
    )
    (tmp_path / "first.yml").write_text(
        "profile: first\ntitle: First\nextends: [base]\nwindows_events: winlogbeat\n"
        "field_types: {a: long, b: long}\n"
        "derived: {one: {join: [first]}, two: {join: [first]}}\n"
        "logsources: [{product: x, indices: [first-*], fields: {A: first, B: first}}]\n"
    )
    (tmp_path / "second.yml").write_text(
        "profile: second\ntitle: Second\nextends: [base]\nwindows_events: elastic-agent\n"
        "logsources: [{product: x, indices: [second-*], fields: {B: second, C: second}}]\n"
    )
    (tmp_path / "base.yml").write_text(
        "profile: base\ntitle: Base\nlogsources: [{product: x, fields: {C: base, D: base}}]\n"
    )
    profile = load(tmp_path)
    place = profile.place(Logsource("x"))
    assert place is not None
    assert place.indices == ("first-*",)
    # base stands right behind first, which extends it, and only once.
    assert {name: path for name, (path,) in place.paths.items()} == {
        "A": "own", "B": "first", "C": "base", "D": "base",
    }  # fmt: skip
    assert profile.windows_events is WindowsEvents.WINLOGBEAT
    assert profile.types.field("a").type == "ip"
    assert profile.types.field("b").type == "long"
    assert [part.path for part in profile.derived["one"].parts] == ["own"]
    assert [part.path for part in profile.derived["two"].parts] == ["first"]


def test_an_unknown_name_is_told_with_the_nearest_known_one() -> None:
    diagnostics = Diagnostics()
    asked_at = Location("sigma2hive.yml", 3, 10)
    assert load_profile("winlogbaet", None, diagnostics, asked_at) is None
    (found,) = diagnostics
    assert (found.code, found.location) == ("S2H403", asked_at)
    assert "'winlogbaet'" in found.message
    assert found.hint == "did you mean 'winlogbeat'?"


def test_a_part_is_no_profile_to_choose() -> None:
    diagnostics = Diagnostics()
    assert load_profile("cloud", None, diagnostics) is None
    assert [found.code for found in diagnostics] == ["S2H403"]


def test_an_unknown_parent_is_told_where_it_is_named(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, HEAD + "extends: [ecs, wnidows]\n")
    assert found[:3] == ("S2H403", 3, 16)
    assert found[4] == "did you mean 'windows'?"


def test_profiles_that_extend_each_other_are_told_where_the_circle_closes(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("profile: other\ntitle: O\nextends: [ecs, mine]\n")
    (found,) = findings(tmp_path, HEAD + "extends: [other]\n")
    assert found[:3] == ("S2H405", 3, 16)
    assert "mine → other → mine" in found[3]


def test_a_broken_parent_leaves_the_profile_out(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("profile: other\ntitel: O\n")
    found = findings(tmp_path, HEAD + "extends: [other]\n")
    assert ("S2H405", 2, 1, "unknown key 'titel'", "did you mean 'title'?") in found


def test_the_file_is_named_like_the_profile(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "title: T\nprofile: yours\n")
    assert found[:3] == ("S2H405", 2, 1)
    assert "mine.yml" in found[3] and "'yours'" in found[3]


def test_a_file_without_a_document_is_told(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "# nothing here\n")
    assert found[0] == "S2H405"


def test_broken_yaml_is_told_by_its_own_code(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, HEAD + "logsources: [\n")
    assert found[0] == "S2H102"


@pytest.mark.parametrize(
    ("text", "line", "column", "says", "hint"),
    [
        ("- profile: mine\n", 1, 1, "a profile is a mapping", ""),
        ("title: Mine\n", 1, 1, "'profile' is missing", "add 'profile'"),
        ("profile: Mine\ntitle: M\n", 1, 1, "'Mine' cannot stand here", "lower-case"),
        (HEAD + "indexes: [a-*]\n", 3, 1, "unknown key 'indexes'", "known are "),
        (HEAD + "part: 1\n", 3, 1, "true or false", ""),
        (HEAD + "extends: ecs\n", 3, 1, "a list is needed here, not text", "[a, b]"),
        (HEAD + "windows_events: winlogbat\n", 3, 1, "'winlogbat'", "'winlogbeat'"),
        (HEAD + "time_fields: []\n", 3, 1, "the list is empty", "name at least one"),
        (HEAD + "time_fields: [a, 1]\n", 3, 18, "text is needed here", "quotes"),
        (HEAD + "alert_names: [ecs]\n", 3, 1, "text is needed here", "quotes"),
        (HEAD + "types: [ecs-9.5]\n", 3, 9, "'ecs-9.5'", "did you mean 'ecs-9.5.0'?"),
        (HEAD + "field_types: {a.b: keywrd}\n", 3, 15, "'keywrd'", "'keyword'"),
        (HEAD + "field_types: {a..b: ip}\n", 3, 15, "'a..b' is no field path", "dots"),
        (HEAD + "field_types: {a: {type: ip, ignore: 1}}\n", 3, 29, "'ignore'", "'ignore_above'"),
        (HEAD + "field_types:\n  a: {type: keyword, ignore_above: -1}\n", 4, 22, "number", ""),
        (HEAD + "derived: {u: {separator: x}}\n", 3, 11, "'join' is missing", "add"),
        (HEAD + "derived: {u: {join: []}}\n", 3, 11, "joins nothing", "at least one path"),
        (HEAD + "derived: {u: {join: [{path: a, uper: true}]}}\n", 3, 32, "'uper'", "'upper'"),
        (HEAD + "derived: {u: [a]}\n", 3, 11, "a derived field is a mapping", ""),
        (HEAD + "logsources: [text]\n", 3, 14, "a row of logsources is a mapping", ""),
        (HEAD + "logsources:\n  - prodct: x\n", 4, 5, "unknown key 'prodct'", "'product'"),
        (HEAD + "logsources:\n  - product: []\n", 4, 5, "the list is empty", ""),
        (HEAD + "logsources:\n  - product: [a, 1]\n", 4, 18, "text is needed here", "quotes"),
        (HEAD + "logsources:\n  - indices: [Logs-*]\n", 4, 15, "'Logs-*'", "lower-case"),
        (HEAD + "logsources:\n  - indices: [a, 'b c']\n", 4, 18, "'b c'", "lower-case"),
        (HEAD + "logsources:\n  - any_of: {a: b}\n", 4, 5, "a list is needed here", ""),
        (HEAD + "logsources:\n  - any_of: [a]\n", 4, 14, "an alternative of any_of", ""),
        (HEAD + "logsources:\n  - any_of: [{}]\n", 4, 14, "met by every event", "leave"),
        (HEAD + "logsources:\n  - any_of: [{a.b: [{c: d}]}]\n", 4, 21, "a single value", ""),
        (HEAD + "logsources:\n  - any_of: [{'a. b': c}]\n", 4, 15, "'a. b' is no field", ""),
        (HEAD + "logsources:\n  - fields: {A: [a, 'b.*']}\n", 4, 21, "'b.*'", "dots"),
        (HEAD + "logsources:\n  - fields: [a]\n", 4, 5, "'fields' is a mapping", ""),
        (HEAD + "logsources:\n  - keyword_fields: ['a*']\n", 4, 22, "'a*'", "dots"),
        (HEAD + "logsources:\n  - default_prefix: a.b\n", 4, 5, "'a.b'", "end it with a dot"),
        (HEAD + "logsources:\n  - also_read: a.b\n", 4, 5, "'a.b'", "{field} once"),
        (HEAD + "logsources:\n  - dropped: ''\n", 4, 5, "a list is needed here", ""),
    ],
)
def test_a_mistake_is_told_at_its_exact_place(
    tmp_path: Path, text: str, line: int, column: int, says: str, hint: str
) -> None:
    (found,) = findings(tmp_path, text)
    assert found[:3] == ("S2H405", line, column)
    assert says in found[3]
    assert hint in found[4]


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = HEAD + "extend: [ecs]\nlogsources:\n  - {product: x, index: [a]}\n  - {field: {}}\n"
    assert [(found[1], found[2]) for found in findings(tmp_path, text)] == [(3, 1), (5, 18), (6, 6)]


def test_numbers_and_booleans_of_a_condition_are_the_texts_that_events_have(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(
        HEAD
        + "logsources: [{product: x, indices: [a], any_of: [{event.code: [1, '02'], b: true}]}]\n"
    )
    place = load(tmp_path).place(Logsource("x"))
    assert place is not None
    assert place.any_of == ({"event.code": ("1", "02"), "b": ("true",)},)


@pytest.mark.parametrize(
    ("logsource", "patterns"),
    [
        (Logsource("windows", service="security"), {"logs-system.security-*"}),
        (Logsource("windows", "image_load"), {"logs-windows.sysmon_operational-*"}),
        (
            Logsource("windows", "process_creation"),
            {"logs-windows.sysmon_operational-*", "logs-system.security-*"},
        ),
        (Logsource("windows", "ps_script"), {"logs-windows.powershell_operational-*"}),
        (Logsource("windows", service="bits-client"), {"logs-windows.*-*"}),
    ],
)
def test_the_agent_profile_searches_the_data_streams_that_have_the_events(
    logsource: Logsource, patterns: set[str]
) -> None:
    profile = load_profile("elastic-agent", None, Diagnostics())
    assert profile is not None
    place = profile.place(logsource)
    assert place is not None
    assert patterns <= set(place.indices)
    narrow = "logs-windows.*-*" not in patterns
    assert narrow == ("logs-windows.*-*" not in place.indices)
