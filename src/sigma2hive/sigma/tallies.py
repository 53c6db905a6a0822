"""What the items of a rule come to: a few characters may stand for thousands of values.

Takes numbers; gives nothing, or refuses what is too much before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sigma2hive.diagnostics import nearest
from sigma2hive.sigma.problems import ValueProblem

#: Values that modifiers may make of one that was written, and at least may of a whole item.
MAX_MADE = 1_000
#: How many times as many values as were written an item may become.
MAX_FACTOR = 10
#: Characters of all values of an item together.
MAX_CHARACTERS = 1_000_000

Placeholders = Mapping[str, Sequence[str]]


@dataclass(slots=True)
class Tally:
    """What one item of a rule comes to: values that were written, and values made of them.

    The values of a placeholder, name → values, count as written.
    """

    placeholders: Placeholders
    written: int = 0
    made: int = 0

    def refuse_too_many(self, made: int) -> None:
        """Refuse `made` more values where with them the item has too many.

        Raises:
            ValueProblem: they are more than the limit, and more than ten times as many as written.
        """
        limit = max(MAX_MADE, MAX_FACTOR * self.written)
        if self.made + made > limit:
            raise ValueProblem(
                "S2H207",
                f"the modifiers make {self.made + made:,} values of what is written; the limit "
                f"here is {limit:,}",
                "write out the values that really occur, or the parts that they have in common "
                "with |contains|all",
            )

    def values_of(self, name: str) -> Sequence[str]:
        """Return the values of a placeholder, as they are written.

        Raises:
            ValueProblem: it has none.
        """
        values = self.placeholders.get(name)
        if not values:
            raise ValueProblem(
                "S2H212",
                f"the placeholder %{name}% has no values",
                nearest(
                    name,
                    self.placeholders,
                    "list its values in the file that `placeholders` in sigma2hive.yml names",
                ),
            )
        return values
