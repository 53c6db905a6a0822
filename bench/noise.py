"""A day of Windows events, as many as asked for: some attacks in a lot of everyday noise.

Takes documents of real attacks; gives documents with the same fields and other values, the same for
the same seed. In noise every word of every value is another one, so that the index has as many
distinct values as a real one, and few of them meet a rule.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

SEED = 20261125
DAY = datetime(2026, 11, 25, tzinfo=UTC)
#: One document in so many is an attack as it came, with other numbers.
ATTACK_EVERY = 50

_WORDS = 6_000
_SYLLABLES = ("ba", "co", "di", "fu", "ge", "ha", "ki", "lo", "mi", "nu", "pe", "ra", "so", "tu")
#: What a log source is told by stays as it is.
_KEPT = re.compile(r"event\.|log\.|agent|ecs\.|host\.os|winlog\.(channel|provider|api|opcode|task)")
#: What most paths on Windows share.
_COMMON = frozenset(
    [
        "windows",
        "system32",
        "users",
        "program",
        "files",
        "microsoft",
        "appdata",
        "local",
        "temp",
        "software",
        "currentversion",
        "machine",
        "nt",
        "authority",
        "system",
        "exe",
        "dll",
        "com",
        "sys",
        "txt",
        "lnk",
    ]
)
_WORD = re.compile(r"[A-Za-z]{3,}|[0-9A-Fa-f]*[0-9][0-9A-Fa-f]*")


class Noise:
    """Makes documents out of those given; each has a time of one day, in order."""

    def __init__(self, attacks: Sequence[Mapping[str, Sequence[str]]], seed: int = SEED) -> None:
        self._attacks = attacks
        self._random = random.Random(seed)
        self._vocabulary = ["".join(self._syllables()) for _ in range(_WORDS)]

    def documents(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield `count` documents with dotted field names."""
        step = timedelta(days=1) / count
        for number in range(count):
            attack = self._attacks[self._random.randrange(len(self._attacks))]
            is_noise = number % ATTACK_EVERY != 0
            document: dict[str, Any] = {
                path: [self._varied(value, is_noise) for value in values]
                if not _KEPT.match(path)
                else list(values)
                for path, values in attack.items()
            }
            document["@timestamp"] = (DAY + number * step).isoformat(timespec="milliseconds")
            yield document

    def _varied(self, value: str, is_noise: bool) -> str:
        def another(found: re.Match[str]) -> str:
            word = found[0]
            if word.isalpha():
                return self._another_word(word) if is_noise else word
            return self._another_number(word) if len(word) > 3 else word

        return _WORD.sub(another, value)

    def _another_word(self, word: str) -> str:
        if word.lower() in _COMMON:
            return word
        # Some words are frequent and most are rare, as in any text.
        chosen = self._vocabulary[int(_WORDS * self._random.random() ** 3)]
        return chosen.title() if word[0].isupper() else chosen

    def _another_number(self, number: str) -> str:
        digits = "0123456789" if number.isdecimal() else "0123456789abcdef"
        return "".join(self._random.choices(digits, k=len(number)))

    def _syllables(self) -> list[str]:
        return self._random.choices(_SYLLABLES, k=self._random.randint(2, 4))
