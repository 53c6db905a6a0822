"""Search hits of Elasticsearch to events.

Takes hits as the client gives them; gives an `Event`, or the finding that puts a document aside.
Sends nothing: what to search for is the runner's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.events import Event
from sigma2hive.model.values import flatten
from sigma2hive.sources.documents import Piece, event_of_hit
from sigma2hive.sources.interface import PutAsideError


def read_hit(hit: Mapping[str, Any]) -> Event | Diagnostic:
    """Return the event of a hit with its whole `_source`.

    `raw` is the `_source` as compact JSON: Elasticsearch keeps the text of values, and the client
    reads numbers without loss. `origin` is "index/_id". Values in the hit's `fields` are added to
    the event's, and not to `raw`.
    """
    origin = f"{hit['_index']}/{hit['_id']}"
    try:
        if not isinstance(hit.get("_source"), Mapping):
            raise PutAsideError(
                "S2H501",
                "the index does not keep its documents (_source is off), so there is no event",
                "turn _source on in the index template, or leave the index out of the profile",
            )
        source = json.dumps(hit["_source"], ensure_ascii=False, separators=(",", ":"))
        piece = Piece(source.encode("utf-8", "surrogatepass"), origin)
        return _with_computed(event_of_hit(hit, piece), hit.get("fields"))
    except PutAsideError as reason:
        place = Location(origin)
        return Diagnostic(reason.code, Severity.ERROR, place, reason.message, reason.hint)


def _with_computed(event: Event, computed: object) -> Event:
    """Add the values that only the index has, as the search's `fields` gives them."""
    if not isinstance(computed, Mapping) or not computed:
        return event
    values = dict(event.values)
    for path, texts in flatten(computed).items():
        values[path] = tuple(dict.fromkeys((*values.get(path, ()), *texts)))
    return replace(event, values=values)
