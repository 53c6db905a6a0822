"""value_sum, value_avg, value_median and value_percentile, exactly: no figure is ever rounded."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from fractions import Fraction

from sigma2hive.engine.tallies.interface import Member
from sigma2hive.model.rules import CompiledCorrelation, Figure
from sigma2hive.model.scalars import number_of

#: The power of ten that no number exceeds, either way: sums of them are still a float.
_MAX_POWER = 300
_HALF = Fraction(1, 2)


def exact_number(text: str, *, hexadecimal: bool) -> Figure | None:
    """Return the number that a text is; None where it is none, or one that no log can mean.

    1e999999 is a number of a few characters, and its digits would fill the memory.
    """
    number = number_of(text, hexadecimal=hexadecimal)
    if number is None or (number and abs(number.adjusted()) > _MAX_POWER):
        return None
    if not number:
        return 0
    return _plain(Fraction(number))


def _plain(figure: Figure) -> Figure:
    return figure.numerator if figure.denominator == 1 else figure


def _numbers(member: Member) -> Iterator[Figure]:
    return (value for value in member.values if not isinstance(value, tuple))


class Sum:
    """The sum of all numbers."""

    def __init__(self, correlation: CompiledCorrelation) -> None:
        del correlation
        self._sum: Figure = 0
        self._count = 0

    def add(self, member: Member) -> None:
        """Add its numbers."""
        for number in _numbers(member):
            self._sum += number
            self._count += 1

    def remove(self, member: Member) -> None:
        """Take its numbers away."""
        for number in _numbers(member):
            self._sum -= number
            self._count -= 1

    @property
    def figure(self) -> Figure:
        """The sum."""
        return _plain(self._sum)


class Average(Sum):
    """The arithmetic mean of all numbers."""

    @property
    def figure(self) -> Figure:
        """The mean."""
        return _plain(Fraction(self._sum) / self._count)


class Percentile:
    """The number below which so many per cent of the numbers lie.

    Between two neighbours it is as far as the percentile's rank is between theirs, as in
    Elasticsearch, NumPy and PERCENTILE.INC of spreadsheets: the 50th is the median.
    """

    def __init__(self, correlation: CompiledCorrelation) -> None:
        self._share = self._share_of(correlation)
        self._sorted: list[Figure] = []

    def _share_of(self, correlation: CompiledCorrelation) -> Fraction:
        if correlation.percentile is None:
            raise ValueError(f"{correlation.info.id} was compiled without a percentile")
        return Fraction(correlation.percentile) / 100

    def add(self, member: Member) -> None:
        """Put its numbers where they belong."""
        for number in _numbers(member):
            insort(self._sorted, number)

    def remove(self, member: Member) -> None:
        """Take its numbers out."""
        for number in _numbers(member):
            del self._sorted[bisect_left(self._sorted, number)]

    @property
    def figure(self) -> Figure:
        """The number at the percentile's rank."""
        rank = self._share * (len(self._sorted) - 1)
        below = rank.numerator // rank.denominator
        low = self._sorted[below]
        if rank == below:
            return low
        return _plain(low + (self._sorted[below + 1] - low) * (rank - below))


class Median(Percentile):
    """The number in the middle: of an even number of them the mean of the two."""

    def _share_of(self, correlation: CompiledCorrelation) -> Fraction:
        del correlation
        return _HALF
