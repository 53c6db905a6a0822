"""Write the sample story to examples/attack-story, the same bytes every time.

Example: python tools/make_story.py --output examples/attack-story
"""

from __future__ import annotations

import argparse
from pathlib import Path

from story.attack import cloud_attack, linux_attack, network_attack, windows_attack
from story.background import (
    cloud_background,
    linux_background,
    network_background,
    windows_background,
)
from story.common import Document, write_ndjson
from story.windows import WindowsHost

_SEED = 20261120
_WINDOWS_HOSTS = ("dc01", "rdgw01", "fs01", "wks014")


def story() -> dict[str, list[Document]]:
    """Return the events of each file, in the order of their times."""
    hosts = {name: WindowsHost(f"{name}.corp.example") for name in _WINDOWS_HOSTS}
    windows = windows_attack(hosts) + windows_background(hosts, _SEED)
    windows.sort(key=_windows_time)
    _renumber(windows)
    files = {
        "linux.ndjson": linux_attack() + linux_background(_SEED + 1),
        "network.ndjson": network_attack() + network_background(_SEED + 2),
        "cloud.ndjson": cloud_attack() + cloud_background(_SEED + 3),
    }
    for events in files.values():
        events.sort(key=lambda event: str(event["@timestamp"]))
    return {"windows.ndjson": windows, **files}


def _system(event: Document) -> Document:
    outer = event["Event"]
    assert isinstance(outer, dict)
    system = outer["System"]
    assert isinstance(system, dict)
    return system


def _windows_time(event: Document) -> str:
    return str(_system(event)["TimeCreated"])


def _renumber(events: list[Document]) -> None:
    """Give each log's records rising numbers in the order of time, as Windows does."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for event in events:
        system = _system(event)
        record = system["EventRecordID"]
        assert isinstance(record, int)
        log = (str(system["Computer"]), str(system["Channel"]))
        numbers.setdefault(log, []).append(record)
    rising = {log: iter(sorted(found)) for log, found in numbers.items()}
    for event in events:
        system = _system(event)
        system["EventRecordID"] = next(rising[str(system["Computer"]), str(system["Channel"])])


def main() -> None:
    """Write one file for each kind of source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("examples/attack-story"))
    output: Path = parser.parse_args().output
    for name, events in story().items():
        write_ndjson(output / name, events)
        print(f"{output / name}: {len(events)} events")


if __name__ == "__main__":
    main()
