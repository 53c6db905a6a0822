"""Search hits of Elasticsearch to events.

Takes hits as the client gives them; gives an `Event`, or the finding that puts a document aside.
Sends nothing: what to search for is the runner's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sigma2hive.diagnostics import Diagnostic, Location, Severity
from sigma2hive.model.events import Event
from sigma2hive.sources.documents import Piece, event_of_hit
from sigma2hive.sources.interface import PutAsideError


def read_hit(hit: Mapping[str, Any]) -> Event | Diagnostic:
    """Return the event of a hit with its whole `_source`.

    `raw` is the `_source` as compact JSON: Elasticsearch keeps the text of values, and the client
    reads numbers without loss. `origin` is "index/_id".
    """
    source = json.dumps(hit["_source"], ensure_ascii=False, separators=(",", ":"))
    origin = f"{hit['_index']}/{hit['_id']}"
    piece = Piece(source.encode("utf-8", "surrogatepass"), origin)
    try:
        return event_of_hit(hit, piece)
    except PutAsideError as reason:
        place = Location(origin)
        return Diagnostic(reason.code, Severity.ERROR, place, reason.message, reason.hint)
