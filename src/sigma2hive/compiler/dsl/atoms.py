"""One atom on each kind of field: what a query can say of it.

Takes an atom of the condition tree, its fields resolved; gives bounds over all its fields. What a
test means is said in `model.conditions` and `engine`; here only what the index can tell of it.

Assumed of an index, beyond the types of its profile: where a `null_value`, `copy_to` or script puts
values into a field that documents do not have, the field is `computed`, so that who decides reads
them through the search's `fields`; and an alias is named by the path of its target where that has
`ignore_above`. A snapshot of the index says both.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from sigma2hive.compiler.dsl.addresses import (
    network_on_address,
    network_on_text,
    text_on_address,
)
from sigma2hive.compiler.dsl.bounds import (
    IMPLICIT_LIMIT,
    Bounds,
    Reason,
    any_bounds,
    anything,
    at_most,
    exists,
    has_value,
    ignored,
    worse_of,
)
from sigma2hive.compiler.dsl.derived import derived_bounds
from sigma2hive.compiler.dsl.existence import existence
from sigma2hive.compiler.dsl.nodes import Kind, all_of, leaves_of, never
from sigma2hive.compiler.dsl.numbers import (
    boolean_bounds,
    comparison_on_number,
    comparison_on_text,
    number_on_number,
    number_on_text,
    text_on_number,
)
from sigma2hive.compiler.dsl.texts import Slot, can_exceed, language_on, text_bounds, with_unindexed
from sigma2hive.compiler.regexes import texts_with
from sigma2hive.model.conditions import (
    Atom,
    Boolean,
    Cidr,
    Compare,
    Exists,
    FieldReference,
    Null,
    Number,
    Regex,
    Test,
    Text,
    TimePart,
    Wildcard,
)
from sigma2hive.model.fields import Field, FieldType


def atom_bounds(atom: Atom) -> Bounds:
    """Return what a query can say of the atom over all of its fields."""
    return _on_fields(atom.test, atom.fields, atom.parts)


@lru_cache(maxsize=32768)  # nearly half of the atoms of many rules are those of others
def _on_fields(
    test: Test, fields: tuple[Field, ...], _parts: tuple[tuple[Field, ...], ...]
) -> Bounds:
    match test:
        case Null() | Exists(False):
            return _opposite(_any_exists(fields))
        case Exists():
            return _any_exists(fields)
        case FieldReference(fields=others):
            both = (_any_exists(fields), _any_exists(others))
            return at_most(all_of(part.upper for part in both), Reason.FIELD_REFERENCE)
        case _:
            return any_bounds([_on_field(test, field) for field in fields])


def _any_exists(fields: Iterable[Field]) -> Bounds:
    return any_bounds([existence(field) for field in fields])


def _opposite(bounds: Bounds) -> Bounds:
    return Bounds(never(bounds.lower), never(bounds.upper), bounds.reason)


def _on_field(test: Test, field: Field) -> Bounds:
    if field.derived is not None:
        return derived_bounds(test, field, field.derived)
    return _on_index_field(test, field)


def _on_index_field(test: Test, field: Field) -> Bounds:
    if field.below is not None:
        return anything(Reason.MANY_FIELDS)
    if field.opaque:
        present = existence(field)
        return present if _takes_empty_text(test) else present._replace(upper=has_value(field))
    match field.type:
        case FieldType.KEYWORD | FieldType.WILDCARD:
            return _on_keyword(test, field)
        case FieldType.CONSTANT_KEYWORD:
            bounds = _on_slot(test, Slot(field.path, IMPLICIT_LIMIT))
            return at_most(bounds.upper, Reason.TYPE)
        case FieldType.TEXT | FieldType.MATCH_ONLY_TEXT:
            return _on_analysed(test, field)
        case FieldType.IP:
            return _on_address(test, field)
        case FieldType.LONG | FieldType.DOUBLE:
            return _on_number(test, field)
        case FieldType.BOOLEAN:
            return _on_boolean(test, field)
        case FieldType.DATE:
            reason = Reason.TIME if isinstance(test, TimePart) else Reason.TYPE
            return at_most(has_value(field), reason)
        case FieldType.FLATTENED:
            return _on_flattened(test, field)
        case FieldType.NESTED | FieldType.OBJECT | FieldType.OTHER:
            return anything(Reason.TYPE)


def _takes_empty_text(test: Test) -> bool:
    match test:
        case Text(pattern):
            return all(part is Wildcard.ANY for part in pattern)
        case Regex():
            return texts_with(test, True).nullable
        case _:
            return False


def _on_keyword(test: Test, field: Field) -> Bounds:
    limit = field.ignore_above or IMPLICIT_LIMIT
    is_lower_cased = field.caseless == field.path
    bounds = _on_slot(test, Slot(field.path, limit, is_lower_cased))
    if field.caseless and not is_lower_cased and isinstance(test, Text) and _is_plain(test):
        # The lower-cased subfield finds a text by looking it up instead of walking all terms; what
        # must not be found too much is asked of the field itself.
        caseless = _on_slot(test, Slot(field.caseless, limit, lower_cased=True))
        bounds = Bounds(caseless.upper, bounds.lower, worse_of((caseless.reason, bounds.reason)))
    if field.is_runtime and _is_confused_at_runtime(test):
        bounds = at_most(bounds.upper, worse_of((bounds.reason, Reason.RUNTIME)) or Reason.RUNTIME)
    if field.dynamic:
        # A field that no mapping names may be one too many for the index.
        bounds = with_unindexed(bounds, Slot(field.path, limit))
    return bounds


def _is_confused_at_runtime(test: Test) -> bool:
    """Whether Java's equalsIgnoreCase, which a term on a runtime field is, takes other letters."""
    if not isinstance(test, Text):
        return isinstance(test, Boolean)
    literal = "" if test.cased else test.literal or ""
    return not {"i", "k", "s"}.isdisjoint(literal.lower())


def _is_plain(test: Text) -> bool:
    if test.cased or test.pattern == (Wildcard.ANY,):
        return False
    return all(part.isascii() for part in test.pattern if not isinstance(part, Wildcard))


def _on_slot(test: Test, slot: Slot) -> Bounds:
    """Return the bounds on a field that holds whole texts."""
    if slot.lower_cased and not isinstance(test, (Text, Boolean)):
        return with_unindexed(at_most(exists(slot.path), Reason.LETTER_CASE), slot)
    match test:
        case Text():
            return text_bounds(test, slot)
        case Boolean(boolean):
            return text_bounds(Text(("true" if boolean else "false",)), slot)
        case Regex():
            return language_on(slot, texts_with(test, True), texts_with(test, False))
        case Number():
            return number_on_text(test, slot)
        case Compare():
            return comparison_on_text(slot)
        case Cidr(network):
            return network_on_text(network, slot)
        case _:
            return with_unindexed(at_most(exists(slot.path), Reason.TIME), slot)


def _on_analysed(test: Test, field: Field) -> Bounds:
    if not field.keyword:
        # What tokens an analyzer made of a text is not known, only that it is there.
        return at_most(exists(field.path), Reason.ANALYSED)
    slot = Slot(field.keyword, 0)
    return with_unindexed(_on_slot(test, slot), slot)


def _on_address(test: Test, field: Field) -> Bounds:
    match test:
        case Text():
            return text_on_address(test, field)
        case Cidr(network):
            return network_on_address(network, field)
        case _:
            return at_most(has_value(field), Reason.TYPE)


def _on_number(test: Test, field: Field) -> Bounds:
    match test:
        case Text():
            return text_on_number(test, field)
        case Number(number):
            return number_on_number(number, field)
        case Compare():
            return comparison_on_number(test, field)
        case Regex() if texts_with(test, True).nullable:
            return at_most(existence(field).upper, Reason.TYPE)
        case Boolean():
            return at_most(ignored(field.path), Reason.TYPE)
        case _:
            return at_most(has_value(field), Reason.TYPE)


def _on_boolean(test: Test, field: Field) -> Bounds:
    if isinstance(test, Boolean):
        return boolean_bounds(test.boolean, field)
    if not isinstance(test, Text) or test.literal is None:
        return at_most(has_value(field), Reason.TYPE)
    word = test.literal
    if word in ("true", "false") or (not test.cased and word.lower() in ("true", "false")):
        return boolean_bounds(word.lower() == "true", field)
    if not word:
        # An empty string is indexed as false.
        return at_most(boolean_bounds(False, field).upper, Reason.TYPE)
    return at_most(ignored(field.path), Reason.TYPE)


def _on_flattened(test: Test, field: Field) -> Bounds:
    """Flattened fields know term and prefix only, and leave out long values without a trace."""
    limit = field.ignore_above or IMPLICIT_LIMIT
    if isinstance(test, Boolean):
        test = Text(("true" if test.boolean else "false",))
    if not isinstance(test, Text) or can_exceed(test, limit):
        return anything(Reason.TYPE)
    upper = text_bounds(test, Slot(field.path, limit)).upper
    if all(leaf.kind in (Kind.TERM, Kind.PREFIX) for leaf in leaves_of(upper)):
        return at_most(upper, Reason.TYPE)
    return at_most(exists(field.path), Reason.TYPE)
