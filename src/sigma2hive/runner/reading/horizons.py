"""How far a plan reaches: up to when all that Elasticsearch took is in it, or was read before.

Takes what was planned, and positions; gives times. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigma2hive.model.service import Position
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading import by_number
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.runner.reading.numbers import numbers_of
from sigma2hive.runner.reading.planned import Planned
from sigma2hive.runner.reading.times import times_of


def horizons_of(
    units: Sequence[Planned],
    held: Mapping[str, tuple[str, ...]],
    planned: Sequence[Slice],
    positions: Mapping[str, Position],
) -> Mapping[str, int]:
    """Return pattern → nanoseconds; a pattern of which a part was never read is left out.

    `held` are units that cannot be read now, with the patterns that look at them.
    """
    after = {**positions, **{part.unit: part.position for part in planned}}
    reached: list[tuple[tuple[str, ...], int | None]] = [
        (entry.targets, _reached_s(entry.unit, after.get(entry.unit), entry.shown_s))
        for entry in units
    ]
    for unit, targets in held.items():
        position = positions.get(unit)
        at_s = None if position is None else read_s(unit, position)
        reached.append((targets, None if at_s is None else _reached_s(unit, position, at_s)))
    found: dict[str, int] = {}
    unknown: set[str] = set()
    for targets, at_s in reached:
        for target in targets:
            if at_s is None:
                unknown.add(target)
            else:
                found[target] = min(found.get(target, at_s), at_s)
    return {target: at_s * NANOSECONDS for target, at_s in found.items() if target not in unknown}


def _reached_s(unit: str, position: Position | None, shown_s: int) -> int:
    """Return up to when all was read where a unit stands, which sees all up to `shown_s`."""
    if position is None:
        return shown_s
    if unit.startswith(by_number.PREFIX):
        left = [entry.start_s for entry in numbers_of(position).behind]
    else:
        left = [start_s for start_s, _ in times_of(position, ()).behind]
    return min(left, default=shown_s)


def read_s(unit: str, position: Position) -> int:
    """Return up to when a unit was read, but for what is behind."""
    key = "at" if unit.startswith(by_number.PREFIX) else "to"
    return position[key]  # type: ignore[return-value]
