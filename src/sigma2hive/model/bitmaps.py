"""Sets of rows as bitmaps: bit n is set where row n is among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def mask_of(numbers: Sequence[int]) -> int:
    """Return the bitmap of row numbers, the highest of them last."""
    if len(numbers) == 1:
        return 1 << numbers[0]
    if not numbers:
        return 0
    # Shifting and joining integers would cost their whole length for each row.
    bits = bytearray((numbers[-1] >> 3) + 1)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(bits, "little")


def rows_of(mask: int) -> Iterator[int]:
    """Yield the rows of a bitmap, in rising order."""
    base = 0
    while mask:
        # By words, since taking off single bits of a long integer would be quadratic.
        word = mask & 0xFFFFFFFFFFFFFFFF
        while word:
            lowest = word & -word
            yield base + lowest.bit_length() - 1
            word ^= lowest
        mask >>= 64
        base += 64
