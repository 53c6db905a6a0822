"""Comments in a file that set findings aside: `# sigma2hive: ignore[S2H228] why`.

Takes findings and the lines of files; gives what is set aside, and findings about comments that say
no reason, name no code, or set nothing aside. A comment speaks of its line; one that stands before
everything else in the file speaks of the file. What looks like one in a value is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sigma2hive.diagnostics import CODES, Diagnostic, Diagnostics, Location
from sigma2hive.model.checks import Checked, SetAside
from sigma2hive.repository import SourceFiles
from sigma2hive.yamlmarks import texts_of

_COMMENT = re.compile(r"(?:^|(?<=\s))#\s*sigma2hive:\s*ignore\b(?:\[([^\]]*)\])?(.*)")
#: Findings about setting aside cannot be set aside.
ABOUT_SETTING_ASIDE = frozenset({"S2H233", "S2H234", "S2H235"})


_Span = tuple[tuple[int, int], tuple[int, int]]


@dataclass(slots=True)
class _Comment:
    place: Location
    codes: tuple[str, ...]
    reason: str
    is_of_file: bool
    used: set[str] = field(default_factory=set)

    def covers(self, finding: Diagnostic) -> bool:
        is_here = self.is_of_file or finding.location.line == self.place.line
        return is_here and finding.code in self.codes


def set_aside(
    checked: Iterable[Checked],
    paths: Iterable[str],
    files: SourceFiles,
    was_looked_for: Callable[[str], bool],
) -> tuple[list[Checked], list[Diagnostic]]:
    """Return the findings with those set aside marked, and what is wrong with the comments.

    `paths` are files to look into besides those with findings. `was_looked_for` says of a code
    whether this check could find it: else a comment that has no use now may have one another time.
    """
    checked = list(checked)
    wrong = Diagnostics()
    every = dict.fromkeys((*paths, *(entry.finding.location.path for entry in checked)))
    comments = {path: list(_comments(path, files, wrong)) for path in every}
    result = [_marked(entry, comments[entry.finding.location.path]) for entry in checked]
    for found in comments.values():
        for comment in found:
            _report_stale(comment, was_looked_for, wrong)
    return result, list(wrong)


def _marked(entry: Checked, comments: Sequence[_Comment]) -> Checked:
    finding = entry.finding
    for comment in comments:
        if comment.covers(finding):
            comment.used.add(finding.code)
            return replace(entry, set_aside=SetAside.IGNORED, reason=comment.reason)
    return entry


def _comments(path: str, files: SourceFiles, wrong: Diagnostics) -> Iterator[_Comment]:
    is_head = True
    lines = files.lines(Location(path, 1, 1))
    quoted: list[_Span] | None = None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        is_head = is_head and (not text or text.startswith("#") or text == "---")
        found = _COMMENT.search(line) if "sigma2hive:" in line else None
        if found is None:
            continue
        place = Location(path, number, found.start() + 1)
        if quoted is None:  # few files have such a comment
            quoted = list(texts_of("\n".join(lines)))
        if any(start <= (place.line, place.column) < end for start, end in quoted):
            continue
        named = [code.strip().upper() for code in (found[1] or "").split(",") if code.strip()]
        codes = tuple(code for code in named if code in CODES and code not in ABOUT_SETTING_ASIDE)
        reason = found[2].strip(" \t-:")
        unknown = [code for code in named if code not in codes]
        if unknown or not named:
            what = (
                f"names {', '.join(unknown)}, which cannot be ignored"
                if unknown
                else ("names no code")
            )
            hint = "write # sigma2hive: ignore[S2H228] and the reason"
            wrong.warning("S2H234", place, f"the comment {what}", hint)
        elif not reason:
            message = f"the comment gives no reason for ignoring {', '.join(codes)}"
            wrong.warning("S2H234", place, message, "say behind the codes why it is right here")
        yield _Comment(place, codes, reason, is_head)


def _report_stale(
    comment: _Comment, was_looked_for: Callable[[str], bool], wrong: Diagnostics
) -> None:
    stale = [code for code in comment.codes if code not in comment.used and was_looked_for(code)]
    if stale:
        where = "the file" if comment.is_of_file else "this line"
        message = f"nothing is found in {where} that {', '.join(stale)} would say"
        wrong.warning("S2H233", comment.place, message, "take the code out of the comment")
