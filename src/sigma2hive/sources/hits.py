"""What Elasticsearch says about a document, apart from the document.

Takes the metadata of a search hit; gives the event key that is the same wherever the document is
found again: after a rollover, a shrink, a mount from a snapshot or a restore.
"""

from __future__ import annotations

import re

from sigma2hive.model.events import EventKey, EventKeyKind

#: Put before an index name by index lifecycle management and by searchable snapshots.
#: Source: https://www.elastic.co/docs/manage-data/lifecycle/index-lifecycle-management, actions
_PREFIX = re.compile(r"(?:partial-|restored-|shrink-[0-9a-z_-]{4}-)(?=.)")
_BACKING_PREFIX = ".ds-"
#: A backing index of a data stream ends in date and generation, an older one in the generation
#: alone, as does an index behind a rollover alias.
#: Source: https://www.elastic.co/docs/manage-data/data-store/data-streams
_GENERATION = re.compile(r"(?:-[0-9]{4}\.[0-9]{2}\.[0-9]{2})?-[0-9]{6,}$")


def without_rollover_marks(index: str) -> str:
    """Return the data stream of a backing index, or the index as it was first named.

    ".ds-logs-system-2026.11.24-000007" → "logs-system"; a name that is only marks stays as it is.
    """
    cluster, colon, name = index.rpartition(":")
    while mark := _PREFIX.match(name):
        name = name[mark.end() :]
    stem = _GENERATION.sub("", name)
    return cluster + colon + (stem.removeprefix(_BACKING_PREFIX) or name)


def elasticsearch_event_key(index: str, document_id: str, time_ns: int) -> EventKey:
    """Return the key of a document; `time_ns` is its @timestamp, however that was written."""
    return EventKey(
        EventKeyKind.ELASTICSEARCH, (without_rollover_marks(index), document_id, str(time_ns))
    )
