"""Makes text that others wrote safe to look at.

Takes any text; gives the same with every character that a reader cannot see, or that steers a
terminal or the direction of writing, written out. Never shortens and never escapes markup.
"""

from __future__ import annotations

import unicodedata

#: Letters and marks that look like nothing: fillers, blank Braille, selectors. The two variation
#: selectors of emoji are left: they hide nothing.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0))))
)


def visible(text: str) -> str:
    """Return `text` with control, format, bidirectional and unassigned characters as <U+202E>.

    Line breaks and tabs too: the result is one line. Spaces of all widths stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"<U+{ord(char):04X}>" if is_hidden(char) else char for char in text)


def is_hidden(char: str) -> bool:
    """Return whether a reader cannot see a character, or it steers what is around it."""
    if char.isprintable():
        return char in _BLANK
    return unicodedata.category(char) != "Zs"
