"""What a check says of conditions: always or never met, values that cannot be, and no good rule."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main

RULE = """\
title: Rule
id: 11111111-1111-4111-8111-111111111111
status: test
level: low
logsource: {{{product}category: {category}}}
detection:
{detection}
"""


def codes(
    folder: Path,
    detection: str,
    product: str = "windows",
    category: str = "process_creation",
    profile: str = "winlogbeat",
) -> list[str]:
    """Return the codes of all warnings about a rule."""
    text = RULE.format(
        product=f"product: {product}, " if product else "", category=category, detection=detection
    )
    (folder / "rule.yml").write_text(text, encoding="utf-8")
    line = ["compile", "--check", "--rules", str(folder / "rule.yml"), "--profile", profile]
    result = CliRunner().invoke(main, [*line, "--format", "github"], catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output
    commands = result.stdout.splitlines()
    return [line.split("title=")[1][:6] for line in commands if not line.startswith("::notice")]


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def two(first: str, second: str, condition: str) -> str:
    return f"  a: {first}\n  b: {second}\n  condition: {condition}"


@pytest.mark.parametrize(
    ("first", "second", "condition"),
    [
        ("{X: v}", "{Y: v}", "a and b and not a"),
        ("{X: v}", "{Y: v}", "not (a or b or not a)"),
        ("{X|endswith: '\\A.exe'}", "{X|endswith: '.EXE'}", "a and not b"),
        ("{X|startswith: ab, Y: z}", "{X|startswith: [a, c]}", "a and not b"),
        ("{X: [abc, adc]}", "{X: a?c}", "a and not b"),
        ("{X: v}", "{X|exists: true}", "a and not b"),
        ("{X|contains|all: [ab, cd]}", "{X|contains: [b, z]}", "a and not b"),
        ("{X|cased: Abc}", "{X: abc}", "a and not b"),
    ],
)
def test_a_condition_that_no_event_meets(
    site: Path, first: str, second: str, condition: str
) -> None:
    assert codes(site, two(first, second, condition)) == ["S2H227"]


@pytest.mark.parametrize(
    "condition", ["a or not a or b", "not (a and not a and b)", "a or not (a and b)"]
)
def test_a_condition_that_every_event_meets(site: Path, condition: str) -> None:
    assert codes(site, two("{X: v}", "{Y: v}", condition)) == ["S2H227"]


@pytest.mark.parametrize(
    ("first", "second", "condition"),
    [
        ("{X: v}", "{X: w}", "a and b"),  # a field may have both values
        ("{X: v}", "{X: w}", "a and not b"),
        ("{X|endswith: '.exe'}", "{X|endswith: '\\a.exe'}", "a and not b"),
        ("{X: abc}", "{X|cased: Abc}", "a and not b"),
        ("{X: 'a*'}", "{X: 'a?*'}", "a and not b"),
        ("{X: 'a\\*'}", "{X: 'a*c'}", "a and not b"),
        ("{X: [abc, axd]}", "{X: a?c}", "a and not b"),
        ("{X: 4625}", "{X: '4625'}", "a and not b"),
        ("{X|re: 'a.*'}", "{X|startswith: a}", "a and not b"),
        ("{X: null}", "{X|exists: true}", "a and not b"),
        ("{X: v}", "{Y: v}", "not a and not b"),
        ("{X|contains: a}", "{X|contains: b}", "a or not b"),
    ],
)
def test_nothing_is_said_of_what_may_be_met(
    site: Path, first: str, second: str, condition: str
) -> None:
    assert codes(site, two(first, second, condition)) == []


def one(item: str) -> str:
    return f"  a:\n    {item}\n  condition: a"


@pytest.mark.parametrize(
    "item",
    [
        "Image: cmd.exe",
        "Image|endswith: '/cmd.exe'",
        "ParentImage|startswith: 'C:/Windows/'",
        "Image|contains: ['\\good\\', '/bad/']",
    ],
)
def test_paths_that_windows_never_writes(site: Path, item: str) -> None:
    assert codes(site, one(item)) == ["S2H228"]


@pytest.mark.parametrize(
    "item",
    [
        "Image: System",
        "Image: '*cmd.exe'",
        "Image|endswith: '\\cmd.exe'",
        "Image: 'C:\\Windows\\cmd.exe'",
        "CommandLine|contains: ['C:/tools/', ' /c ']",
        "OriginalFileName: cmd.exe",
    ],
)
def test_paths_that_windows_may_write(site: Path, item: str) -> None:
    assert codes(site, one(item)) == []


def test_other_systems_write_paths_otherwise(site: Path) -> None:
    assert codes(site, one("Image|endswith: /sh"), "linux", profile="ecs") == []


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("dst_ip: corp*", ["S2H228"]),
        ("dst_ip|endswith: '.example'", ["S2H228"]),
        ("dst_ip: '10.*'", []),
        ("dst_ip|cidr: 10.0.0.0/8", []),
        ("dst_port: https", ["S2H228"]),
        ("dst_port: 443", []),
        ("dst_port|startswith: '44'", []),
    ],
)
def test_values_that_the_type_of_a_field_cannot_hold(
    site: Path, item: str, expected: list[str]
) -> None:
    found = codes(site, one(item), "", "firewall", profile="ecs")
    assert found == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("gt: 10", "lt: 5", ["S2H228"]),
        ("gte: 5", "lt: 5", ["S2H228"]),
        ("gte: 5", "lte: 5", []),
        ("gt: 5", "lt: 10", []),
    ],
)
def test_a_range_that_holds_no_number(site: Path, low: str, high: str, expected: list[str]) -> None:
    assert codes(site, f"  a:\n    X|{low}\n    X|{high}\n  condition: a") == expected
    either = f"  a:\n    - X|{low}\n    - X|{high}\n  condition: a"
    assert codes(site, either) == []
