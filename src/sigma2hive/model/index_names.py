"""Names of indices: what they are apart from the marks that rollover and snapshots put on them.

Takes names and patterns; gives names. Knows no cluster.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

#: Put before an index name by index lifecycle management and by searchable snapshots.
#: Source: https://www.elastic.co/docs/manage-data/lifecycle/index-lifecycle-management, actions
_PREFIX = re.compile(r"(?:partial-|restored-|shrink-[0-9a-z_-]{4}-)(?=.)")
_BACKING_PREFIX = ".ds-"
#: A backing index of a data stream ends in date and generation, an older one in the generation
#: alone, as does an index behind a rollover alias.
#: Source: https://www.elastic.co/docs/manage-data/data-store/data-streams
_GENERATION = re.compile(r"(?:-[0-9]{4}\.[0-9]{2}\.[0-9]{2})?-[0-9]{6,}$")
_DATE = re.compile(r"(?<![0-9])[0-9]{4}[.-][0-9]{2}(?:[.-][0-9]{2})?(?![0-9])")


def without_marks(index: str) -> str:
    """Return the name that an index had before it was mounted, restored or shrunk."""
    cluster, colon, name = index.rpartition(":")
    while mark := _PREFIX.match(name):
        name = name[mark.end() :]
    return cluster + colon + name


def without_rollover_marks(index: str) -> str:
    """Return the data stream of a backing index, or the index as it was first named.

    ".ds-logs-system-2026.11.24-000007" → "logs-system"; a name that is only marks stays as it is.
    """
    cluster, colon, name = without_marks(index).rpartition(":")
    stem = _GENERATION.sub("", name)
    return cluster + colon + (stem.removeprefix(_BACKING_PREFIX) or name)


def index_family(index: str) -> str:
    """Return the name that an index has in common with its successors.

    As without rollover marks, and a date is "*": "logstash-2026.11.24" → "logstash-*".
    """
    return _DATE.sub("*", without_rollover_marks(index))


def is_within(pattern: str, other: str) -> bool:
    """Whether every index that fits `pattern` fits `other`; clusters are not looked at."""
    return fnmatchcase(pattern.rpartition(":")[2], other.rpartition(":")[2])
