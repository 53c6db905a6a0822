"""Events of tests that are written in Sigma's own field names, whatever the profile's are.

Takes an event and the log source of the rule that it tests; gives the event in the profile's
fields. Of Windows it is read as the raw event that it says, and so has what ingestion makes of it;
of others each field is put where the profile reads it. Any other event stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.events import TIME_FIELD, Event, EventKeyKind
from sigma2hive.model.folding import fold
from sigma2hive.model.profiles import Logsource, LogsourcePlace, Profile
from sigma2hive.model.times import render_time
from sigma2hive.model.values import Values
from sigma2hive.schema import load_profile
from sigma2hive.sources import Piece, SourceOptions, read_event

#: The profile whose fields are Sigma's own.
_SIGMA = "windows-flat"
_ATTRIBUTES = "#attributes"
#: Sigma's name of each part of System → the element, and the attribute where it is one.
_SYSTEM = {
    "Channel": ("Channel", ""),
    "Computer": ("Computer", ""),
    "EventID": ("EventID", ""),
    "EventRecordID": ("EventRecordID", ""),
    "Execution_ProcessID": ("Execution", "ProcessID"),
    "Execution_ThreadID": ("Execution", "ThreadID"),
    "Keywords": ("Keywords", ""),
    "Level": ("Level", ""),
    "Opcode": ("Opcode", ""),
    "Provider_Guid": ("Provider", "Guid"),
    "Provider_Name": ("Provider", "Name"),
    "Security_UserID": ("Security", "UserID"),
    "Task": ("Task", ""),
    "Version": ("Version", ""),
}
#: What a log source is told by.
_SOURCE_OF = ("Channel", "EventID", "Provider_Name")
#: Who writes to a channel, by its folded name, where ingestion asks for that.
_PROVIDERS = {
    "security": "Microsoft-Windows-Security-Auditing",
    "microsoft-windows-sysmon/operational": "Microsoft-Windows-Sysmon",
}


class SigmaNames:
    """Brings events of tests into a profile's fields."""

    def __init__(self, profile: Profile, options: SourceOptions) -> None:
        self._profile = profile
        self._sigma = load_profile(_SIGMA, None, Diagnostics())
        times = (*options.time_fields, *(self._sigma.time_fields if self._sigma else ()))
        #: How events of tests are read: their time may go by Sigma's names too.
        self.options = replace(options, time_fields=tuple(dict.fromkeys(times)))

    def translated(
        self, event: Event, logsources: Sequence[Logsource], *, is_inline: bool
    ) -> Event:
        """Return the event in the profile's fields.

        One that is written in the test, and does not say of which log it is, is of the rule's.
        """
        # What a correlation counts may be of several log sources; one of them knows the names.
        place = self._profile.place(logsources[0]) if logsources else None
        sigma = self._sigma.place(logsources[0]) if logsources and self._sigma else None
        if place is None:
            return event
        named = {name: texts for name, texts in event.values.items() if name != TIME_FIELD}
        is_flat = self.options.flavour == "flat"
        if event.key.kind is not EventKeyKind.CONTENT or not named:
            return event  # raw Windows events and hits have their fields by now
        if not is_flat and not _is_in_sigmas_names(named, place):
            return event
        if sigma is not None and is_inline and len(set(logsources)) == 1:
            named = {**_missing_source(named, sigma), **named}
        if is_flat:
            found: Values | None = {**event.values, **named}
        elif sigma is not None and self.options.flavour not in (None, "none"):
            found = self._as_ingested(event, named)
        else:
            found = _where_it_is_read(event, named, place, is_inline=is_inline)
        return event if found is None else replace(event, values=found)

    def _as_ingested(self, event: Event, named: Values) -> Values | None:
        """Return what ingestion makes of the Windows event that has these values."""
        raw = json.dumps(_windows_event(event, named)).encode("utf-8")
        read = read_event(Piece(raw, event.origin, event.time_ns), self.options)
        return read.values if isinstance(read, Event) else None


def _is_in_sigmas_names(named: Values, place: LogsourcePlace) -> bool:
    """Whether none of the names is a field of the index, and Sigma or Windows has some of them."""
    if any("." in name or place.types.knows(name) for name in named):
        return False
    return bool(place.default_prefix) or any(name in place.paths for name in named)


def _missing_source(named: Values, sigma: LogsourcePlace) -> Values:
    """Return what the event does not say of its log, by the first alternative that it fits."""
    for alternative in sigma.any_of:
        if "Channel" in named and "Channel" not in alternative:
            continue  # it says of which log it is, and that is another
        wanted = {path: values for path, values in alternative.items() if path in _SOURCE_OF}
        given = {path: {fold(text) for text in named.get(path, ())} for path in wanted}
        if all(
            not given[path] or given[path] & set(map(fold, values))
            for path, values in wanted.items()
        ):
            return {path: values[:1] for path, values in wanted.items() if not given[path]}
    return {}


def _windows_event(event: Event, named: Values) -> Mapping[str, Any]:
    channel = fold(named.get("Channel", ("",))[0])
    system: dict[str, Any] = {
        "TimeCreated": {_ATTRIBUTES: {"SystemTime": render_time(event.time_ns)}}
    }
    if channel in _PROVIDERS and "Provider_Name" not in named:
        named = {**named, "Provider_Name": (_PROVIDERS[channel],)}
    data: dict[str, Any] = {}
    for name, texts in named.items():
        element, attribute = _SYSTEM.get(name, ("", ""))
        if attribute:
            system.setdefault(element, {_ATTRIBUTES: {}})[_ATTRIBUTES][attribute] = texts[0]
        elif element:
            system[element] = texts[0]
        else:
            data[name] = texts[0] if len(texts) == 1 else list(texts)
    return {"Event": {"System": system, "EventData": data}}


def _where_it_is_read(
    event: Event, named: Values, place: LogsourcePlace, *, is_inline: bool
) -> Values | None:
    """Return each value where the profile reads it first; None where it puts fields together."""
    found = {TIME_FIELD: event.values[TIME_FIELD]} if TIME_FIELD in event.values else {}
    for name, texts in named.items():
        field = place.resolve(name)[0]
        if field.derived is not None:
            return None
        found[field.path] = (*found.get(field.path, ()), *texts)
    if is_inline:
        for path, values in (place.any_of[0] if place.any_of else {}).items():
            if path not in place.derived:
                found.setdefault(path, values[:1])
    return found
