"""What Elasticsearch says about a document, apart from the document.

Takes the metadata of a search hit; gives the event key that is the same wherever the document is
found again: after a rollover, a shrink, a mount from a snapshot or a restore.
"""

from __future__ import annotations

from sigma2hive.model.events import EventKey, EventKeyKind
from sigma2hive.model.index_names import without_rollover_marks


def elasticsearch_event_key(index: str, document_id: str, time_ns: int) -> EventKey:
    """Return the key of a document; `time_ns` is its @timestamp, however that was written."""
    return EventKey(
        EventKeyKind.ELASTICSEARCH, (without_rollover_marks(index), document_id, str(time_ns))
    )
