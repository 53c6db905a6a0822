"""What alerts are called, remembered: type and source are half of an alert's name in TheHive.

Takes what alerts.yml says and the state folder; refuses a change, since every alert that a later
run finds again would arrive a second time, under its new name.
"""

from __future__ import annotations

from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.model.mappings import AlertMapping
from sigma2hive.records import dataclass
from sigma2hive.runner.state import DEFAULT_STATE, EpisodeStore, stored_naming
from sigma2hive.settings import Settings


@dataclass(frozen=True, slots=True)
class Naming:
    """Type and source of all alerts; `is_new_wanted` says that a change is meant."""

    type: str
    source: str
    is_new_wanted: bool = False

    def check(self, settings: Settings) -> None:
        """Find out, without writing anything, whether alerts were called otherwise so far.

        Raises:
            ConfigurationError: they were, and a change is not wanted.
            StorageError: the state cannot be read.
        """
        earlier = stored_naming(settings.state / DEFAULT_STATE.name)
        if earlier is None or self.is_new_wanted or earlier == (self.type, self.source):
            return
        diagnostics = Diagnostics()
        diagnostics.error(
            "S2H408",
            Location((settings.mappings / "alerts.yml").as_posix()),
            f"type and source of alerts are now '{self.type}' and '{self.source}', and were "
            f"'{earlier[0]}' and '{earlier[1]}': whatever is found again would arrive twice",
            "put them back, or run once with --new-identity if that is meant",
        )
        diagnostics.show_from(settings.root)
        raise ConfigurationError(diagnostics, settings.root)

    def remember(self, store: EpisodeStore) -> None:
        """Keep the names for the next runs."""
        store.save_naming(self.type, self.source)


def naming_of(mapping: AlertMapping, *, is_new_wanted: bool) -> Naming:
    """Return what alerts.yml calls alerts."""
    return Naming(mapping.type, mapping.source, is_new_wanted)
