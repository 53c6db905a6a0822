"""The events and rules of bench.engine, as files: whole, cut short, one event, half the rules.

Takes what bench.windows_events wrote; gives data sets that know how many events they hold, each
with one of (nearly) one event. Reads in a stream: the measuring process must stay small.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evtx import PyEvtxParser

from bench.programs import EVTX, NDJSON


@dataclass(frozen=True, slots=True)
class DataSet:
    """A file or folder of events, how many it holds, and the same with next to none."""

    name: str
    path: Path
    form: str
    events: int
    smallest: DataSet | None = None

    @property
    def one(self) -> DataSet:
        """The set that tells what a run costs before there are events."""
        return self.smallest or self

    @property
    def megabytes(self) -> float:
        """The size of all files."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def flat_file(source: Path, into: Path, events: int) -> DataSet:
    """Return the first events of a file, or all where it has no more."""
    into.mkdir(exist_ok=True)
    single = _copied(source, into, 1, None)
    return _copied(source, into, events, single)


def cut(data: DataSet, into: Path, events: int) -> DataSet:
    """Return a file's first events as a set of their own."""
    return _copied(data.path, into, events, data.smallest)


def _copied(source: Path, into: Path, events: int, smallest: DataSet | None) -> DataSet:
    target = into / f"events-{events}.ndjson"
    count = 0
    with source.open("rb") as lines, target.open("wb") as out:
        for line in islice(lines, events):
            out.write(line)
            count += 1
    return DataSet(
        f"{count:,} event{'s' * (count != 1)} of NDJSON", target, NDJSON, count, smallest
    )


def evtx_sets(folder: Path, into: Path) -> DataSet:
    """Return a folder with .evtx files; its counterpart is the one file with the fewest records."""
    counts = {path: _records(path) for path in sorted(folder.rglob("*.evtx"))}
    fewest = min(counts, key=lambda path: (counts[path], path))
    alone = into / "one-evtx"
    alone.mkdir()
    shutil.copyfile(fewest, alone / fewest.name)
    one = DataSet(f"one .evtx file, records: {counts[fewest]}", alone, EVTX, counts[fewest])
    total = sum(counts.values())
    return DataSet(f"{total:,} events in {len(counts)} .evtx files", folder, EVTX, total, one)


def _records(path: Path) -> int:
    return sum(1 for _ in PyEvtxParser(str(path), number_of_threads=1).records_json())


def half_of(rules: Path, into: Path) -> Path:
    """Return a folder with every second rule file of another."""
    target = into / "half-the-rules"
    for path in sorted(rules.rglob("*.yml"))[::2]:
        place = target / path.relative_to(rules)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return target
