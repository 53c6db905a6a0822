"""Write src/sigma2hive/data/types/*.json from the published field lists of ECS and Beats.

Run `python tools/make_types.py FOLDER` with the folder that holds ecs_flat-9.5.0.json.gz and
beats-9.5.0.json.gz, as elastic/detection-rules keeps them under detection_rules/etc. The files are
committed; a newer version of Elastic's fields is a new file beside the old one.

A file is a list of groups: fields that share type, `ignore_above` and subfields, as one string.
"""

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = "9.5.0"
TARGET = Path(__file__).parent.parent / "src" / "sigma2hive" / "data" / "types"
LICENCE_ECS = "Apache-2.0 (elastic/ecs)"
LICENCE_BEATS = "Apache-2.0 and Elastic License 2.0 (elastic/beats); facts only, no text"

#: Elasticsearch's types → the few that change what a comparison means (model.profiles.FieldType).
TYPES = {
    "integer": "long",
    "short": "long",
    "unsigned_long": "long",
    "float": "double",
    "half_float": "double",
    "scaled_float": "double",
    "geo_point": "other",
    "array": "object",
    "group": "object",
}
#: Beats gives every keyword of its fields.yml this limit where the file says nothing.
BEATS_IGNORE_ABOVE = 1024

#: Subfields "caseless" (keyword, normaliser lowercase) of the Elastic Agent's Windows data.
#: Source: elastic/integrations, pull request 10533: packages/system/data_stream/security and
#: packages/windows/data_stream/sysmon_operational and forwarded, fields/ecs.yml.
CASELESS = ("process.executable", "process.name")
#: Fields of the Windows integration that Winlogbeat has not.
#: Source: elastic/integrations, packages/windows/data_stream/powershell_operational/fields.
AGENT_ONLY = {
    "powershell.file.script_block_signature": "keyword",
    "powershell.file.script_block_hash": "keyword",
    "powershell.file.script_block_entropy_bits": "double",
    "powershell.file.script_block_surprisal_stdev": "double",
    "powershell.file.script_block_length": "long",
    "powershell.file.script_block_unique_symbols": "long",
}


@dataclass(frozen=True)
class Kind:
    """What a group of fields has in common."""

    type: str
    ignore_above: int = 0
    subfields: tuple[tuple[str, str], ...] = ()


@dataclass
class Table:
    """One file to write."""

    name: str
    source: str
    licence: str
    fields: dict[str, Kind] = field(default_factory=dict)

    def write(self) -> None:
        """Write the file, grouped and sorted, so that a rerun gives the same bytes."""
        groups: dict[Kind, list[str]] = {}
        for path, kind in self.fields.items():
            groups.setdefault(kind, []).append(path)
        content = {
            "name": self.name,
            "source": self.source,
            "licence": self.licence,
            "made_by": "tools/make_types.py",
            "groups": [
                _group(kind, paths)
                for kind, paths in sorted(groups.items(), key=lambda item: repr(item[0]))
            ],
        }
        target = TARGET / f"{self.name}.json"
        target.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"{target.name}: {len(self.fields):,} fields, {target.stat().st_size:,} bytes")


def _group(kind: Kind, paths: list[str]) -> dict[str, Any]:
    group: dict[str, Any] = {"type": kind.type}
    if kind.ignore_above:
        group["ignore_above"] = kind.ignore_above
    if kind.subfields:
        group["subfields"] = dict(kind.subfields)
    group["fields"] = " ".join(sorted(paths))
    return group


def ecs_fields(path: Path) -> dict[str, Kind]:
    """Return every field of an ecs_flat file."""
    content: Mapping[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return {name: _ecs_kind(entry) for name, entry in content.items()}


def _ecs_kind(entry: Mapping[str, Any]) -> Kind:
    if entry.get("index") is False:
        # Kept in the document only: a query on it is refused, so it is decided in-process.
        return Kind("other")
    return Kind(
        TYPES.get(entry["type"], entry["type"]),
        entry.get("ignore_above", 0),
        tuple(sorted((sub["name"], sub["type"]) for sub in entry.get("multi_fields", ()))),
    )


def beats_fields(path: Path, *beats: str) -> dict[str, Kind]:
    """Return the fields that these Beats and modules define, aliases aside.

    Aliases are of Beats' own migration from 6 to 7, off by default.
    """
    content: Mapping[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    found: dict[str, Kind] = {}
    for beat in beats:
        node: Mapping[str, Any] = {"folders": content}
        for step in beat.split("/"):
            node = node["folders"][step]
        for name, entry in _entries(node):
            if entry.get("type") not in (None, "alias"):
                found[name] = _beats_kind(entry)
    return found


def _entries(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, content in node.get("files", {}).items():
        if name.startswith("fields."):
            for section in content or ():
                yield from _leaves(section.get("fields"), "")
    for name, folder in node.get("folders", {}).items():
        if name not in ("tests", "testdata"):
            yield from _entries(folder)


def _leaves(fields: Any, prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in fields or ():
        path = prefix + entry["name"]
        if "fields" in entry:
            yield from _leaves(entry["fields"], path + ".")
        if entry.get("type") != "group":
            yield path, entry


def _beats_kind(entry: Mapping[str, Any]) -> Kind:
    kind = TYPES.get(entry["type"], entry["type"])
    limit = entry.get("ignore_above", BEATS_IGNORE_ABOVE) if kind == "keyword" else 0
    subfields = tuple(sorted((sub["name"], sub["type"]) for sub in entry.get("multi_fields", ())))
    return Kind(kind, limit, subfields)


def main(folder: Path) -> None:
    ecs = ecs_fields(folder / f"ecs_flat-{VERSION}.json.gz")
    Table(f"ecs-{VERSION}", f"elastic/ecs {VERSION}, ecs_flat.yml", LICENCE_ECS, ecs).write()

    beats = folder / f"beats-{VERSION}.json.gz"
    windows = beats_fields(beats, "libbeat/_meta", "libbeat/processors", "winlogbeat")
    Table(
        f"winlogbeat-{VERSION}",
        f"elastic/beats {VERSION}, fields.yml of winlogbeat and libbeat",
        LICENCE_BEATS,
        windows,
    ).write()

    agent = beats_fields(beats, "winlogbeat")
    agent |= {
        path: Kind(kind, 1024 if kind == "keyword" else 0) for path, kind in AGENT_ONLY.items()
    }
    for path in CASELESS:
        agent[path] = Kind("keyword", 1024, (("caseless", "keyword"), ("text", "match_only_text")))
    Table(
        "elastic-agent-windows",
        f"elastic/integrations, packages windows and system; winlog.* as winlogbeat {VERSION}",
        LICENCE_BEATS,
        agent,
    ).write()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
