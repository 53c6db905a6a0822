"""What the shipped type tables say of fields that anyone can look up."""

import json
from importlib.resources import files

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.fields import FieldType
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.schema import load_profile
from sigma2hive.schema.types import known_type_tables, load_type_table


def profile_of(name: str) -> Profile:
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    return profile


@pytest.mark.parametrize(
    ("path", "type_", "ignore_above"),
    [
        ("source.ip", FieldType.IP, 0),
        ("process.pid", FieldType.LONG, 0),
        ("event.code", FieldType.KEYWORD, 1024),
        ("process.command_line", FieldType.WILDCARD, 0),
        ("process.name.text", FieldType.MATCH_ONLY_TEXT, 0),
        ("message", FieldType.MATCH_ONLY_TEXT, 0),
        ("host.risk.calculated_score", FieldType.DOUBLE, 0),
        ("dll.code_signature.valid", FieldType.BOOLEAN, 0),
        ("@timestamp", FieldType.DATE, 0),
        ("data_stream.dataset", FieldType.CONSTANT_KEYWORD, 0),
        ("event.original", FieldType.OTHER, 0),  # in the document, but not indexed
        ("process.env_vars", FieldType.KEYWORD, 1024),
        ("nobody.knows.this", FieldType.KEYWORD, 1024),
    ],
)
def test_types_of_ecs(path: str, type_: FieldType, ignore_above: int) -> None:
    field = load_type_table("ecs-9.5.0").field(path)
    assert (field.path, field.type, field.ignore_above) == (path, type_, ignore_above)


def test_types_of_winlogbeat() -> None:
    types = profile_of("winlogbeat").types
    assert types.field("powershell.file.script_block_text").type is FieldType.TEXT
    assert types.field("winlog.process.pid").type is FieldType.LONG
    assert types.field("winlog.event_data.LogonType").type is FieldType.KEYWORD
    assert types.knows("winlog.event_data.Whatever")
    # Aliases of Beats' own migration are off by default: Sigma's "task" is no field of the index.
    assert not types.knows("task")


def test_only_the_agents_windows_data_has_caseless_subfields() -> None:
    agent = profile_of("elastic-agent")
    windows = agent.place(Logsource("windows"))
    linux = agent.place(Logsource("linux", "process_creation"))
    assert windows is not None and linux is not None
    assert windows.field("process.executable").caseless == "process.executable.caseless"
    assert windows.field("process.name").caseless == "process.name.caseless"
    assert windows.field("process.command_line").caseless == ""
    assert windows.field("source.ip").type is FieldType.IP
    assert linux.field("process.executable").caseless == ""
    assert profile_of("winlogbeat").types.field("process.executable").caseless == ""


@pytest.mark.parametrize("name", known_type_tables())
def test_a_table_names_its_source_and_is_small(name: str) -> None:
    text = files("sigma2hive.data").joinpath("types", f"{name}.json").read_text("utf-8")
    content = json.loads(text)
    assert content["name"] == name
    assert content["source"] and content["licence"]
    assert content["made_by"] == "tools/make_types.py"
    assert len(text) < 150_000
