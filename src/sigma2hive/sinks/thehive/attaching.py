"""Puts raw logs beside an alert, each once, even where another run does so at the same moment.

Takes the events whose logs are to lie there; gives what was refused. Only ever removes a file that
it has put there itself, and only when what was in it lies there without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from sigma2hive.clients.errors import MissingError, PrivilegeError, RequestRefusedError
from sigma2hive.clients.thehive import Attachment, TheHiveClient
from sigma2hive.model.events import Event
from sigma2hive.sinks.steady import Pacing
from sigma2hive.sinks.thehive.raw_logs import RawFile, files_of, is_ours, not_held

T = TypeVar("T")

#: A file that was not taken, and why.
Refusal = tuple[str, RequestRefusedError | PrivilegeError]


@dataclass(slots=True)
class Attaching:
    """Attaches to one alert; files have at most `limit_bytes`, but for one log alone.

    `refused` are files that were not taken; `has_changed` where one was.
    """

    client: TheHiveClient
    pace: Pacing
    alert_id: str
    limit_bytes: int
    refused: list[Refusal] = field(default_factory=list)
    has_changed: bool = False

    def attach_logs(self, events: Sequence[Event]) -> None:
        """Attach the logs that no file beside the alert holds."""
        before = self._files()
        if {file.name for file in files_of(events, self.limit_bytes)} <= {f.name for f in before}:
            return
        # Other files may hold some of them: those of a run that saw fewer events, or others.
        missing = not_held(events, self._contents(one for one in before if is_ours(one.name)))
        made = self._attach(files_of(missing, self.limit_bytes))
        if made:
            self._give_way(made, {one.id for one in (*before, *(mine for mine, _ in made))})

    def held_logs(self) -> list[bytes]:
        """Return the files of raw logs that lie beside the alert."""
        return self._contents(one for one in self._files() if is_ours(one.name))

    def attach_text(self, name: str, content: bytes) -> None:
        """Attach a file, unless one of its name is there."""
        if name not in {one.name for one in self._files()}:
            self._attach([RawFile(name, content, ())])

    def _attach(self, files: Iterable[RawFile]) -> list[tuple[Attachment, RawFile]]:
        """Return the files that are there now because of us."""
        made = []
        for file in files:
            try:
                mine = self.pace.call(partial(self._attach_one, file))
            except (RequestRefusedError, PrivilegeError) as error:
                # Another run may have been faster with the same file.
                if file.name not in {one.name for one in self._files()}:
                    self.refused.append((file.name, error))
                continue
            self.has_changed = True
            if mine is not None:
                made.append((mine, file))
        return made

    def _attach_one(self, file: RawFile, is_repeat: bool) -> Attachment | None:
        """Return the file that was made; None where nobody knows who made the one there is."""
        if is_repeat:
            # TheHive may keep doubles, and nobody knows what became of the first attempt.
            there = self.client.attachments_of(self.alert_id)
            if file.name in {one.name for one in there}:
                return None
        return self.client.attach(self.alert_id, file.name, file.content)

    def _give_way(self, made: Iterable[tuple[Attachment, RawFile]], known: set[str]) -> None:
        """Take back what a file has that came from elsewhere meanwhile, before ours.

        The later one gives way: it sees the earlier one for certain, and never the other way.
        """
        others = [one for one in self._files() if is_ours(one.name) and one.id not in known]
        for mine, file in made:
            earlier = [one for one in others if one.age < mine.age]
            rest = not_held(file.events, self._contents(earlier)) if earlier else file.events
            wanted = list(files_of(rest, self.limit_bytes))
            # A file of that name is another run's, which may be about to give way to ours.
            if len(rest) < len(file.events) and len(self._attach(wanted)) == len(wanted):
                # Where it may not be removed, some logs are there twice; none is missing.
                with suppress(RequestRefusedError, PrivilegeError, MissingError):
                    self._ask(partial(self.client.detach, self.alert_id, mine))

    def _files(self) -> tuple[Attachment, ...]:
        return self._ask(partial(self.client.attachments_of, self.alert_id))

    def _contents(self, files: Iterable[Attachment]) -> list[bytes]:
        found = []
        for one in files:
            with suppress(MissingError):  # another run has just taken its own back
                found.append(self._ask(partial(self.client.content_of, self.alert_id, one)))
        return found

    def _ask(self, ask: Callable[[], T]) -> T:
        return self.pace.call(lambda _: ask())
