"""The condition language: precedence, names, and where a mistake is."""

import re
from pathlib import Path

import pytest
from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionItem,
    ConditionNOT,
    ConditionSelector,
    condition,
)

from sigma2hive.sigma.condition_text import (
    ConditionError,
    Junction,
    Named,
    Negation,
    Parsed,
    Selector,
    parse_condition,
)


def shape(parsed: Parsed) -> object:
    match parsed:
        case Named(name):
            return name
        case Selector(pattern, every):
            return ("all" if every else "1", pattern)
        case Negation(operand):
            return ("not", shape(operand))
        case Junction(operands, every):
            return ("and" if every else "or", *map(shape, operands))


def pysigma_shape(item: ConditionItem) -> object:
    if isinstance(item, ConditionSelector):
        return ("all" if item.cond_class is ConditionAND else "1", item.pattern)
    if isinstance(item, ConditionIdentifier):
        return item.identifier
    if isinstance(item, ConditionNOT):
        return ("not", pysigma_shape(item.args[0]))
    return ("and" if isinstance(item, ConditionAND) else "or", *map(pysigma_shape, item.args))


def test_names_that_begin_like_an_operator_are_names() -> None:
    assert shape(parse_condition("notable and order_1 or android")) == (
        "or",
        ("and", "notable", "order_1"),
        "android",
    )


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("selection and", 13),
        ("(a or b", 7),
        ("a b", 2),
        ("a AND b", 2),
        ("2 of them", 0),
        ("1 of", 4),
        ("a and or b", 6),
        ("selection | count() > 5", 10),
        ("a and !b", 6),
        ("(" * 500 + "a" + ")" * 500, 100),
    ],
)
def test_a_mistake_has_its_place(text: str, offset: int) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition(text)
    assert caught.value.offset == offset


def test_the_same_tree_as_pysigma_for_all_of_sigmahq(shared: Path) -> None:
    """Held against pySigma's own grammar on every condition that is written out there."""
    found = (
        re.search(r"^    condition: *(.+?) *(?:#.*)?$", path.read_text("utf-8"), re.MULTILINE)
        for path in (shared / "data" / "sigmahq").rglob("*.yml")
    )
    texts = {match[1] for match in found if match and match[1][0] not in "|>'\""}
    assert len(texts) > 300
    for text in texts:
        (expected,) = condition.parse_string(text, parse_all=True)
        assert shape(parse_condition(text)) == pysigma_shape(expected), text
