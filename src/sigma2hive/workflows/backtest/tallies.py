"""Counting hits in bounded memory: numbers and frequent values, never events.

Takes values; gives counts that can be added to others and written as JSON. What is counted by value
keeps so many values at most: a frequent one is never lost (Misra and Gries), a rare one may be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sigma2hive.model.backtests import Counted, FieldValues, Sample
from sigma2hive.model.folding import fold

#: Different values of one field of one rule that are counted.
MAX_VALUES = 256
#: Characters of a value; longer ones that begin alike count as one.
MAX_CHARACTERS = 500
#: Characters of a selection; each of its values is short.
MAX_CHOICE = 10_000
MAX_SAMPLES = 3


@dataclass(slots=True)
class TopValues:
    """How often values came, whatever their letter case.

    `lost` is by how much any count may be too low; what is not kept came at most so often.
    Source: J. Misra, D. Gries, Finding repeated elements, 1982
    """

    counts: Counter[str] = field(default_factory=Counter)
    shown: dict[str, str] = field(default_factory=dict)
    lost: int = 0

    def add(self, value: str, most: int = MAX_CHARACTERS) -> None:
        """Count a value, of which no more than the first characters are looked at, once more."""
        value = value[:most]
        key = fold(value)
        if key not in self.counts and len(self.counts) >= MAX_VALUES:
            self._reduce(1)
            return
        self.counts[key] += 1
        self.shown.setdefault(key, value)

    def merge(self, other: TopValues) -> None:
        """Add the counts of another."""
        self.counts.update(other.counts)
        for key, value in other.shown.items():
            self.shown.setdefault(key, value)
        self.lost += other.lost
        if len(self.counts) > MAX_VALUES:
            self._reduce(sorted(self.counts.values(), reverse=True)[MAX_VALUES])

    def _reduce(self, by: int) -> None:
        self.lost += by
        self.counts = Counter({key: n - by for key, n in self.counts.items() if n > by})
        self.shown = {key: self.shown[key] for key in self.counts}

    def top(self, name: str, most: int) -> FieldValues:
        """Return the most frequent values, as those of the field `name`."""
        ordered = sorted(self.counts.items(), key=lambda entry: (-entry[1], entry[0]))
        values = tuple(Counted(self.shown[key], count) for key, count in ordered[:most])
        return FieldValues(name, values, not self.lost)

    def as_json(self) -> Any:
        """Return a JSON value for `from_json`."""
        return [self.lost, [[key, self.shown[key], n] for key, n in self.counts.items()]]

    @classmethod
    def from_json(cls, value: Any) -> TopValues:
        """Return what `as_json` gave."""
        lost, rows = value
        counts = Counter({key: count for key, _, count in rows})
        return cls(counts, {key: shown for key, shown, _ in rows}, lost)


@dataclass(slots=True)
class RuleTally:
    """The hits of one rule: by day, by value of some fields, and a few samples.

    `choices` are selections that a filter could be made of, as JSON.
    """

    hits: int = 0
    by_day: Counter[str] = field(default_factory=Counter)
    values: dict[str, TopValues] = field(default_factory=dict)
    choices: TopValues = field(default_factory=TopValues)
    samples: list[Sample] = field(default_factory=list)

    def add_values(self, found: Mapping[str, tuple[str, ...]]) -> None:
        """Count the values that one hit has in each field, each once."""
        for name, values in found.items():
            top = self.values.setdefault(name, TopValues())
            for value in {fold(text[:MAX_CHARACTERS]): text for text in values}.values():
                top.add(value)

    def merge(self, other: RuleTally) -> None:
        """Add the counts of another."""
        self.hits += other.hits
        self.by_day.update(other.by_day)
        for name, top in other.values.items():
            self.values.setdefault(name, TopValues()).merge(top)
        self.choices.merge(other.choices)
        self.samples = [*self.samples, *other.samples][:MAX_SAMPLES]

    def as_json(self) -> Any:
        """Return a JSON value for `from_json`."""
        return {
            "hits": self.hits,
            "by_day": self.by_day,
            "values": {name: top.as_json() for name, top in self.values.items()},
            "choices": self.choices.as_json(),
            "samples": [[sample.time_ns, sample.origin] for sample in self.samples],
        }

    @classmethod
    def from_json(cls, value: Any) -> RuleTally:
        """Return what `as_json` gave."""
        return cls(
            hits=value["hits"],
            by_day=Counter(value["by_day"]),
            values={name: TopValues.from_json(top) for name, top in value["values"].items()},
            choices=TopValues.from_json(value["choices"]),
            samples=[Sample(time_ns, origin) for time_ns, origin in value["samples"]],
        )
