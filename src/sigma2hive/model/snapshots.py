"""What indices really have: their fields as the cluster described them when it was asked.

Gives facts only, in Elasticsearch's own words; `model.snapshot_types` makes fields of them. Asks
nobody.
"""

from __future__ import annotations

from dataclasses import field, replace
from datetime import date
from enum import StrEnum

from sigma2hive.diagnostics import Location
from sigma2hive.records import dataclass

#: What an alias is called in mappings.
ALIAS = "alias"


class Normalizer(StrEnum):
    """What a normalizer does to a text before it is indexed; NONE leaves it as it is."""

    NONE = ""
    LOWERCASE = "lowercase"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, order=True)
class Subfield:
    """One more way in which a field's values are indexed; `name` is without the field's own."""

    name: str
    type: str
    ignore_above: int = 0
    normalizer: Normalizer = Normalizer.NONE
    is_searchable: bool = True
    has_null_value: bool = False


@dataclass(frozen=True, slots=True, order=True)
class IndexedField:
    """One field of some indices.

    `type` is Elasticsearch's word. `ignore_above` counts UTF-16 units, 0 is no limit. `target` is
    what an alias stands for. `value` is a constant_keyword's, None where no document gave one yet.
    `takes_malformed` where a value that the type cannot hold leaves the document in. `is_copy`
    where other fields are copied into it. `is_runtime` where it is read when asked, with
    `has_script` out of anything but itself. `is_unkept` where documents are stored without it. Of
    an object: `is_closed` where it indexes mapped fields only, `is_disabled` where none. `indices`
    are names of `Snapshot.indices`, () for all.
    """

    path: str
    type: str
    ignore_above: int = 0
    normalizer: Normalizer = Normalizer.NONE
    subfields: tuple[Subfield, ...] = ()
    target: str = ""
    value: str | None = None
    null_value: str | None = None
    is_searchable: bool = True
    takes_malformed: bool = False
    is_copy: bool = False
    is_runtime: bool = False
    has_script: bool = False
    is_unkept: bool = False
    is_closed: bool = False
    is_disabled: bool = False
    indices: tuple[str, ...] = ()

    @property
    def everywhere(self) -> IndexedField:
        """Return the same fact without where it holds, to be compared with others."""
        return replace(self, indices=())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fields of the indices that fit one pattern.

    `indices` are their names without dates and rollover marks, () where no index fits; a name that
    stands for several mappings has "/2", "/3" put behind it. In those that are `closed`, fields
    that no mapping names are kept and not indexed; those that are `sourceless` keep no documents.
    Two of the same are equal, whenever they were `pulled` (None where nobody wrote it down) and
    wherever they are written.
    """

    pattern: str
    indices: tuple[str, ...] = ()
    fields: tuple[IndexedField, ...] = ()
    closed: tuple[str, ...] = ()
    sourceless: tuple[str, ...] = ()
    pulled: date | None = field(default=None, compare=False)
    location: Location = field(default=Location(""), compare=False)
