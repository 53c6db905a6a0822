"""What fields an index has: the shipped profiles, a team's own, and snapshots of a cluster.

Takes a profile's name and the folder of own profiles; gives a `Profile`. Reads files, and nothing
from a server: what a cluster answered is given to it.
"""

from sigma2hive.schema.index_mapping import INDEX_SETTINGS, mapping_of, unflattened
from sigma2hive.schema.indexed import IndexFacts, MappingError, snapshot_of
from sigma2hive.schema.loading import known_profiles, load_profile, parse_profile
from sigma2hive.schema.reading import is_index_pattern, is_profile_name
from sigma2hive.schema.snapshots import field_line, render_snapshots

__all__ = [
    "INDEX_SETTINGS",
    "IndexFacts",
    "MappingError",
    "field_line",
    "is_index_pattern",
    "is_profile_name",
    "known_profiles",
    "load_profile",
    "mapping_of",
    "parse_profile",
    "render_snapshots",
    "snapshot_of",
    "unflattened",
]
