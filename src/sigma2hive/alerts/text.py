"""Text from events and rules made safe to show: in a title, a tag, Markdown.

Takes any text, hostile ones and 10 MB among them; gives text that is shown as what it is: no
invisible or reordering characters, no clickable links, no Markdown or HTML of its own, and no
longer than asked, with the cut shown. Never used on raw logs that are kept or sent as data.
"""

from __future__ import annotations

import re

#: Stands for a value that an event does not have.
UNKNOWN = "unknown"
_CUT = "… [cut]"

# Controls, lone surrogates, bidirectional and other format characters, blank-looking letters.
# The two emoji variation selectors are left: they hide and reorder nothing.
# Source: Unicode general categories Cc, Cf, Cs, Zl, Zp and Default_Ignorable_Code_Point
_HIDDEN_RANGES = (
    "\u0000-\u001f\u007f-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff"
    "\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_HIDDEN_RANGES}]")
_HIDDEN_IN_LINES = re.compile(f"(?![\n\t])[{_HIDDEN_RANGES}]")

# Nothing here takes in more than a name, so that a link beside another is found too.
_HTTP = re.compile(r"(?i)(?<=h)tt(?=ps?://)")
# "[://" is no link any more, and stays: a title takes values that are defanged already.
_SCHEME = re.compile(r"(?<!\[)://([\w.-]{0,300})")
_NO_SCHEME = re.compile(r"//(?=[\w-]{1,63}\.)")
_BARE_SCHEME = re.compile(
    r"(?i)\b(mailto|javascript|vbscript|data|file|tel|callto|ms-[a-z]{1,20}):"
)
_WWW = re.compile(r"(?i)(?<=www)\.")
_MAIL = re.compile(r"(?<=[\w.+%-])@(?=[\w-])")

_MARKDOWN = re.compile(r"[\\`*_{}\[\]()<>#|~&!$^+]")
# What would begin a list, a rule or a heading.
_BLOCK_START = re.compile(r"^([0-9]*)([-=.)])")
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")
_BACKTICKS = re.compile(r"`+")


def visible(text: str, *, keep_lines: bool = False) -> str:
    """Return `text` with every hidden character as ‹U+202E›; `keep_lines` leaves \\n and \\t."""
    if _is_plain_ascii(text):
        return text
    pattern = _HIDDEN_IN_LINES if keep_lines else _HIDDEN
    return pattern.sub(lambda found: f"‹U+{ord(found[0]):04X}›", text)


def is_hidden(text: str) -> bool:
    """Whether `text` holds a character that `visible` would change."""
    return not _is_plain_ascii(text) and _HIDDEN.search(text) is not None


def _is_plain_ascii(text: str) -> bool:
    """Whether `text` is of ASCII's visible characters and blanks alone, as nearly all is."""
    return text.isascii() and text.isprintable()


def units(text: str) -> int:
    """Return the length as TheHive counts it: in UTF-16 code units."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def excerpt(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, with the number of those cut."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… [+{len(text) - limit:,} characters]"


def fit(text: str, limit: int) -> str:
    """Return `text` within `limit` UTF-16 code units, a cut shown as "… [cut]"."""
    if len(text) * 2 <= limit or units(text) <= limit:
        return text
    room = limit - len(_CUT)
    head = text[:room]
    while units(head) > room:
        head = head[: len(head) - max(1, (units(head) - room) // 2)]
    return head + _CUT


def defang(text: str) -> str:
    """Return `text` with URLs, www names and mail addresses that no program makes links of.

    What is defanged already stays as it is.
    """
    # Nearly no text has any of these, and to look for them is much faster than the patterns are.
    if "//" in text:
        text = _HTTP.sub("xx", text)
        text = _SCHEME.sub(lambda found: f"[://]{found[1].replace('.', '[.]')}", text)
        text = _NO_SCHEME.sub("[//]", text)
    if ":" in text:
        text = _BARE_SCHEME.sub(r"\1[:]", text)
    if "w." in text or "W." in text:
        text = _WWW.sub("[.]", text)
    return _MAIL.sub("[@]", text) if "@" in text else text


def plain(text: str, limit: int) -> str:
    """Return one safe line for titles and messages, where no Markdown is expected."""
    # What is cut here is still longer than the limit, so that `fit` shows the cut.
    return fit(defang(visible(text[: limit + 1])), limit)


def data_text(text: str, limit: int) -> str:
    """Return one safe line for tags and custom fields, whose values people search for."""
    return fit(visible(text[: limit + 1]), limit)


def markdown_text(text: str) -> str:
    """Return `text` as running Markdown text that looks as it is written, on one line."""
    line = _BLANKS.sub(" ", text).strip()
    shown = _MARKDOWN.sub(r"\\\g<0>", defang(visible(line)))
    return _BLOCK_START.sub(r"\1\\\2", shown)


def code_span(text: str, limit: int = 300, *, in_table: bool = True) -> str:
    """Return `text` as Markdown code, fit for a table's cell too.

    Outside a table, what keeps a bar from ending a cell would be seen.
    """
    shown = defang(visible(excerpt(text, limit)))
    shown = _without_pipes(shown) if in_table else shown
    if not shown:
        return "(empty)"
    longest = _longest_backticks(shown)
    fence = "`" * (longest + 1)
    # Blanks at both ends keep a backtick or blank of the value apart from the fence.
    needs_blanks = longest or shown[0] == " " or shown[-1] == " "
    return f"{fence} {shown} {fence}" if needs_blanks else f"{fence}{shown}{fence}"


def _longest_backticks(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text))) if "`" in text else 0


def _without_pipes(text: str) -> str:
    # Programs disagree about a backslash and a bar in a table's cell, and the cell could end there.
    return text.replace("\\|", "\\‹U+007C›").replace("|", "\\|") if "|" in text else text


def fenced(text: str, language: str = "") -> str:
    """Return `text` as a fenced Markdown block that nothing inside can close."""
    shown = visible(text, keep_lines=True)
    longest = _longest_backticks(shown)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def joined(values: tuple[str, ...], limit: int = 500) -> str:
    """Return several values as "a, b +3 more"; up to three in full."""
    shown = values if len(values) <= 3 else values[:2]
    text = ", ".join(excerpt(value, limit) for value in shown)
    return text if len(values) <= 3 else f"{text} +{len(values) - 2} more"


class Markdown(str):
    """Text that is Markdown already, made by us or written in a mapping: not escaped again."""

    __slots__ = ()
