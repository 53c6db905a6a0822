"""Checks that Markdown holds nothing active: what is left of it outside code, and its fences.

Written after CommonMark's rules for fenced blocks and code spans, apart from the code under test.
"""

from __future__ import annotations

import re

#: Links that the alert itself makes: checked addresses only.
OWN_LINKS = re.compile(
    r"<https://example\.org/[^<>\s]*>"
    r"|\[[TGS][0-9.]+\]\(https://attack\.mitre\.org/(?:techniques|groups|software)/[A-Z0-9/]+\)"
)


def blocks_removed(markdown: str) -> str:
    """Return the text without fenced blocks. An unclosed fence would run to the end."""
    kept, fence = [], ""
    for line in markdown.split("\n"):
        opening = re.fullmatch(r" {0,3}(`{3,})[^`]*", line)
        if fence:
            if re.fullmatch(rf" {{0,3}}`{{{len(fence)},}}[ \t]*", line):
                fence = ""
        elif opening:
            fence = opening[1]
        else:
            kept.append(line)
    assert not fence, "a fence is left open"
    return "\n".join(kept)


def code_removed(line: str) -> str:
    """Return a line without code spans: a run of backticks up to the next run of that length."""
    out, at = [], 0
    while at < len(line):
        if line[at] == "\\" and at + 1 < len(line):
            out.append(line[at : at + 2])
            at += 2
            continue
        run = re.match(r"`+", line[at:])
        if run is None:
            out.append(line[at])
            at += 1
            continue
        closing = re.search(rf"(?<!`){run[0]}(?!`)", line[at + len(run[0]) :])
        assert closing, f"a code span is left open: {line!r}"
        at += len(run[0]) + closing.end()
    return "".join(out)


def active_parts(markdown: str) -> list[str]:
    """Return what could act in a viewer: links, images, HTML, autolinks, extra headings."""
    found = []
    for line in blocks_removed(markdown).split("\n"):
        if line.startswith("|"):
            # A cell ends at a bar without backslash, in code too: the count must be the header's.
            cells = len(re.findall(r"(?<!\\)\|", line))
            assert cells in (4, 5), f"a table row with {cells} bars: {line!r}"
            assert "\\\\|" not in line
        rest = OWN_LINKS.sub("", code_removed(line))
        bare = re.sub(r"\\[!-/:-@\[-`{-~]", "·", rest)  # escaped punctuation is text
        found += re.findall(r"<[^\s]|!\[|\]\(|\]:|[a-z][a-z0-9+.-]*://|www\.|&#?\w+;", bare, re.I)
        found += re.findall(r"\w@\w|(?:javascript|data|mailto):", bare, re.I)
    return found
