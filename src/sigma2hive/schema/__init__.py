"""What fields an index has: the shipped profiles and a team's own.

Takes a profile's name and the folder of own profiles; gives a `Profile`. Reads files, and nothing
from a server.
"""

from sigma2hive.schema.loading import known_profiles, load_profile

__all__ = ["known_profiles", "load_profile"]
