"""Checks at load time: a rule's own `sigma2hive` attribute, and every template of the mappings.

Takes what was read; gives findings with their place: S2H405 for what a key may not say, S2H406 for
templates. A rule or mapping that passes here renders.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sigma2hive.alerts.description import SECTIONS
from sigma2hive.alerts.templates import check_template
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.mapping_reading import SETTINGS_KEYS, read_row, read_settings
from sigma2hive.model.mappings import Mappings, RuleMapping, templates_of
from sigma2hive.model.rules import RuleInfo
from sigma2hive.model.shapes import Shape

#: How the template of a web address begins: with its scheme, or with what a field holds.
_MAY_BE_LINK = re.compile(r"\s*(?:https?://|\{)", re.IGNORECASE)


def check_custom(
    info: RuleInfo, diagnostics: Diagnostics, data_types: Collection[str] = ()
) -> bool:
    """Report what is wrong in the rule's own attribute, at the rule's place; return whether not.

    `data_types` are the server's own observable types, from observables.yml.
    """
    mark = len(diagnostics.errors)
    custom = read_custom(info, diagnostics, data_types)
    for template in templates_of(custom.settings):
        check_template(template, diagnostics)
    return len(diagnostics.errors) == mark


def check_mappings(mappings: Mappings, diagnostics: Diagnostics) -> bool:
    """Report every template of alerts.yml that cannot be rendered; return whether all can."""
    mark = len(diagnostics.errors)
    link = mappings.alerts.external_link
    if link.text and not _MAY_BE_LINK.match(link.text):
        message = "'external_link' is no http:// or https:// address"
        diagnostics.error("S2H405", link.location, message, "begin it with https://")
    for template in mappings.alerts.templates():
        is_description = template is mappings.alerts.description
        check_template(template, diagnostics, SECTIONS if is_description else ())
    return len(diagnostics.errors) == mark


def _place(info: RuleInfo, keys: tuple[str | int, ...]) -> Location:
    """Return the place of the deepest of `keys` that is there."""
    for length in range(len(keys), -1, -1):
        place = info.custom_places.get(keys[:length])
        if place is not None:
            return place
    return info.location


def read_custom(
    info: RuleInfo, diagnostics: Diagnostics, data_types: Collection[str] = ()
) -> RuleMapping:
    """Return what the rule's own attribute says, without the parts that are wrong."""
    if not info.custom:  # as nearly all are
        return RuleMapping()
    shape = Shape(info.custom, lambda *keys: _place(info, keys), diagnostics)
    # What stands under `tests` is the business of `sigma2hive test`.
    shape.allow((*SETTINGS_KEYS, "observables", "tests", "kibana"))
    if (kibana := shape.child("kibana")) is not None:
        # What `compile --target kibana` reads.
        kibana.allow(("allow_approximate",))
        kibana.flag("allow_approximate", False)
    rows = [read_row(child, data_types) for child in shape.children("observables")]
    return RuleMapping(
        settings=read_settings(shape),
        observables=tuple(row for row in rows if row is not None),
    )
