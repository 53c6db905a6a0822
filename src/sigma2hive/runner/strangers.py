"""Events that are of no rule's log source: all of them, or not worth a word.

Takes batches; keeps a few of their events for as long as every event is one, so that it can be said
whose they are. Decides nothing about rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sigma2hive.model.values import Values
from sigma2hive.sources import EventRows

#: Events of a batch, and of all batches, that are kept.
_OF_A_BATCH = 8
_IN_ALL = 64
#: What tells of a log source is short.
_LONGEST_TEXT = 256


@dataclass(slots=True)
class Strangers:
    """Counts events; `sample` has some of them while all are strangers."""

    events: int = 0
    sample: list[Values] = field(default_factory=list)
    _has_others: bool = False

    @property
    def are_all(self) -> bool:
        """Whether there are events, and none is of any rule's log source."""
        return self.events > 0 and not self._has_others

    def look(self, events: int, strangers: Sequence[Values]) -> None:
        """Take a batch: without strangers one of its events, or one before, was none."""
        self.events += events
        if events and not strangers:
            self._has_others = True
            self.sample.clear()
        elif not self._has_others:
            self.sample.extend(strangers[: _IN_ALL - len(self.sample)])


def strangers_among(rows: EventRows) -> tuple[Values, ...]:
    """Return the short values of some events of a batch, from its start to its end."""
    step = max(len(rows) // _OF_A_BATCH, 1)
    return tuple(_short(rows.values_of(row)) for row in range(0, len(rows), step))[:_OF_A_BATCH]


def _short(values: Values) -> Values:
    return {
        path: texts
        for path, texts in values.items()
        if all(len(text) <= _LONGEST_TEXT for text in texts)
    }
