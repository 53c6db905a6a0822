"""Real Windows events for bench.engine, made of checkouts of public collections.

Takes folders with archives of flat JSON (OTRF/Security-Datasets) and .evtx files
(sbousseaden/EVTX-ATTACK-SAMPLES, mdecrevoisier/EVTX-to-MITRE-Attack); gives, in a folder:

- windows-flat-all.ndjson: every distinct event of the archives, Sigma's field names at the top
- windows-flat.ndjson: of every thousand of these the first hundred, so whole stretches of each log
- windows-raw.ndjson: the same as windows-flat.ndjson as raw Windows events (bench.raw_events)
- evtx/: the .evtx files that differ and can be read, and evtx-flat.ndjson: their records, flattened

Nothing is invented: values stay as they came, only what Sigma names otherwise is renamed. What
cannot be read is counted and left out.

    python -m bench.windows_events --into DATA Security-Datasets EVTX-ATTACK-SAMPLES …

Without folders only windows-raw.ndjson is made, of what is there.
"""

import argparse
import hashlib
import json
import shutil
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from evtx import PyEvtxParser

from bench.raw_events import write_raw

#: What NXLog, the shipper of these data sets, names otherwise than Sigma.
RENAMED = {"SourceName": "Provider_Name", "Hostname": "Computer"}

FLAT_FILE, RAW_FILE = "windows-flat.ndjson", "windows-raw.ndjson"
#: How many events of how many go into the smaller file.
TAKEN, BLOCK = 100, 1_000


def main() -> None:
    """Write the files, and say what is in them."""
    parser = argparse.ArgumentParser(description="Make the data of the engine's measurement")
    parser.add_argument("folders", nargs="*", type=Path, help="checkouts of the collections")
    parser.add_argument("--into", required=True, type=Path, help="the folder to write")
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    if asked.folders:
        _write_flat(asked.folders, asked.into, counts)
        _write_evtx(asked.folders, asked.into, counts)
    counts[RAW_FILE] = write_raw(asked.into / FLAT_FILE, asked.into / RAW_FILE)
    for what, count in sorted(counts.items()):
        print(f"{what}: {count:,}")


def _write_flat(folders: Iterable[Path], into: Path, counts: Counter[str]) -> None:
    seen: set[bytes] = set()
    every, some = into / "windows-flat-all.ndjson", into / FLAT_FILE
    with every.open("wb") as all_out, some.open("wb") as some_out:
        for stream in _archived(folders, counts):
            number = 0
            for line in stream:
                digest = hashlib.blake2b(line, digest_size=16).digest()
                event = None if digest in seen else _flat_event(line)
                if event is None:
                    counts["lines left out (seen before, or not flat Windows events)"] += 1
                    continue
                seen.add(digest)
                made = _line_of(event)
                all_out.write(made)
                counts[every.name] += 1
                if number % BLOCK < TAKEN:
                    some_out.write(made)
                    counts[some.name] += 1
                number += 1


def _archived(folders: Iterable[Path], counts: Counter[str]) -> Iterator[IO[bytes]]:
    """Yield the JSON files in the archives of all folders, in the order of their names."""
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        try:
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    for name in sorted(archive.namelist()):
                        if name.endswith(".json"):
                            yield archive.open(name)
            elif path.name.endswith((".tar.gz", ".tgz")):
                with tarfile.open(path) as tar:
                    for member in tar:
                        held = tar.extractfile(member) if member.name.endswith(".json") else None
                        if held is not None:
                            yield held
        except (OSError, zipfile.BadZipFile, tarfile.TarError):
            counts["archives that cannot be read"] += 1


def _flat_event(line: bytes) -> dict[str, Any] | None:
    """Return an event of Windows that is flat, under Sigma's names; None for anything else."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or not {"EventID", "Channel"} <= event.keys():
        return None
    named = {RENAMED.get(name, name): value for name, value in event.items()}
    if "@timestamp" not in named and "TimeCreated" in named:
        named["@timestamp"] = named["TimeCreated"]
    return named


def _line_of(event: dict[str, Any]) -> bytes:
    text = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"


def _write_evtx(folders: Iterable[Path], into: Path, counts: Counter[str]) -> None:
    seen: set[bytes] = set()
    with (into / "evtx-flat.ndjson").open("wb") as out:
        for folder in folders:
            for path in sorted(folder.rglob("*.evtx")):
                digest = hashlib.sha256(path.read_bytes()).digest()
                if digest in seen:
                    continue
                seen.add(digest)
                try:
                    records = [_flat_record(record) for record in _records(path)]
                except (RuntimeError, OSError):
                    counts[".evtx files that cannot be read to their end"] += 1
                    continue
                if not records:
                    continue
                target = into / "evtx" / folder.resolve().name / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
                out.writelines(map(_line_of, records))
                counts["evtx/: files"] += 1
                counts["evtx-flat.ndjson"] += len(records)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    parser = PyEvtxParser(str(path), number_of_threads=1, indent=False)
    for record in parser.records_json():
        yield json.loads(record["data"])


def _flat_record(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as one level: System under Sigma's names, then the event's own data."""
    event = record["Event"]
    flat: dict[str, Any] = {}
    for name, value in (event.get("System") or {}).items():
        if name == "Provider":
            flat["Provider_Name"] = _attributes(value).get("Name")
        elif name == "TimeCreated":
            flat["@timestamp"] = _attributes(value).get("SystemTime")
        elif name in ("Execution", "Security", "Correlation"):
            flat.update(_attributes(value))
        else:
            flat[name] = _text_of(value)
    for section in ("EventData", "UserData"):
        flat.update(_leaves(event.get(section)))
    return {name: value for name, value in flat.items() if value is not None}


def _attributes(value: object) -> dict[str, Any]:
    return value.get("#attributes") or {} if isinstance(value, dict) else {}


def _text_of(value: object) -> object:
    """Return the content of an element that has attributes, or the value itself."""
    return value.get("#text") if isinstance(value, dict) and "#text" in value else value


def _leaves(section: object) -> Iterator[tuple[str, Any]]:
    """Yield names and values; a nested element counts by the names of its leaves."""
    if not isinstance(section, dict):
        return
    for name, value in section.items():
        inner = _text_of(value)
        if name == "#attributes":
            continue
        if isinstance(inner, dict):
            yield from _leaves(inner)
        else:
            yield name, inner


if __name__ == "__main__":
    main()
