"""Makes text that others wrote safe to look at.

Takes any text; gives the same with every character that a reader cannot see, or that steers a
terminal or the direction of writing, written out. Never shortens and never escapes markup.
"""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """Return `text` with control, format, bidirectional and unassigned characters as <U+202E>.

    Line breaks and tabs too: the result is one line. Spaces of all widths stay.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else f"<U+{ord(char):04X}>"
        for char in text
    )
