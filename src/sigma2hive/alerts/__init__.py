"""From a match to an alert: identity, title and description, observables, procedures."""

from typing import TYPE_CHECKING

from sigma2hive.alerts.facts import AlertContext, Facts
from sigma2hive.alerts.lookup import Lookup, Named
from sigma2hive.lazily import importing

if TYPE_CHECKING:
    from sigma2hive.alerts.builder import AlertBuilder, Detail, build_alert
    from sigma2hive.alerts.checks import check_custom, check_mappings
    from sigma2hive.alerts.discover import check_kibana
    from sigma2hive.alerts.identity import source_ref
    from sigma2hive.alerts.known_fields import KnownFields
    from sigma2hive.alerts.muting import filter_document, is_mutable, mute_selection
    from sigma2hive.alerts.ruling import own_settings, settings_of

__all__ = [
    "AlertBuilder",
    "AlertContext",
    "Detail",
    "Facts",
    "KnownFields",
    "Lookup",
    "Named",
    "build_alert",
    "check_custom",
    "check_kibana",
    "check_mappings",
    "filter_document",
    "is_mutable",
    "mute_selection",
    "own_settings",
    "settings_of",
    "source_ref",
]

# Hidden from type checkers, which would take any name for one of these.
if not TYPE_CHECKING:
    __getattr__ = importing(
        __name__,
        {
            "KnownFields": "known_fields",
            "AlertBuilder": "builder",
            "Detail": "builder",
            "build_alert": "builder",
            "check_custom": "checks",
            "check_kibana": "discover",
            "check_mappings": "checks",
            "filter_document": "muting",
            "is_mutable": "muting",
            "mute_selection": "muting",
            "own_settings": "ruling",
            "settings_of": "ruling",
            "source_ref": "identity",
        },
    )
