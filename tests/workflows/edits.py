"""A small repository and what people do to it: rules, filters, mappings and settings that change.

Each file has some contents, good and bad; a step gives one file another content, or takes it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

#: Rules that stay as they are, so that a change is a small part.
_STEADY = 24
_ID = "5f0e0e0a-3f5e-4e9f-8f5c-{:012d}"
_RULE = """\
title: {title}
{more}id: {id}
status: test
level: low
logsource: {logsource}
detection:
  selection:
    {detection}
  condition: {condition}
"""


def _rule(
    number: int,
    title: str,
    detection: str,
    more: str = "",
    logsource: str = "{product: windows, category: process_creation}",
    condition: str = "selection",
) -> str:
    return _RULE.format(
        **{"id": _ID.format(number), "title": title, "detection": detection},
        **{"more": more, "logsource": logsource, "condition": condition},
    )


_WHOAMI = _rule(1, "Whoami", "CommandLine|contains: whoami", "name: whoami\n")
_EXPAND = _rule(2, "Placeholders", "User|expand: '%admins%'")
_KEYWORDS = "detection: {a: [secret], condition: a}\n"
_FILTER = """\
title: No lab
logsource: {product: windows, category: process_creation}
filter:
  rules: %s
  %s
  condition: lab
"""
_CORRELATION = """\
title: Many
id: 11111111-1111-4111-8111-111111111111
status: test
level: high
correlation:
  type: event_count
  rules: %s
  group-by: [Computer]
  timespan: 10m
  condition: {gte: 2}
%s
"""
_CUSTOM = "sigma2hive:\n  tags: ['t:{%s}']\n"

#: What each file may hold, the first to begin with; None is no file.
FILES: dict[str, tuple[str | None, ...]] = {
    "sigma_rules/steady.yml": (
        "---\n".join(
            _rule(100 + number, f"Steady {number}", f"Image|endswith: '\\tool{number}.exe'")
            for number in range(_STEADY)
        ),
    ),
    "sigma_rules/a.yml": (
        _WHOAMI,
        _WHOAMI.replace("contains: whoami", "contains: other"),
        "\n\n" + _WHOAMI,
        _WHOAMI.replace("CommandLine|contains: whoami", "CommandLine|re: '(a+)+b'"),
        _WHOAMI.replace("CommandLine", "ComandLine"),
        _WHOAMI.replace("contains", "bogus"),
        _WHOAMI.replace("name: whoami", "name: renamed"),
        _WHOAMI.replace("process_creation", "nowhere"),
        _WHOAMI.replace("{product: windows, category: process_creation}", "{product: nothing}"),
        _WHOAMI + _CUSTOM % "rule.title",
        _WHOAMI + _CUSTOM % "process.exxecutable",
        "sigma2hive: {nonsense: 1}\n" + _WHOAMI,
        "title: [\n",
        _WHOAMI + "---\n" + _KEYWORDS,
        None,
    ),
    "sigma_rules/b.yml": (
        _EXPAND,
        _EXPAND.replace("%admins%", "%guests%"),
        # The id, and the name, of another rule.
        _WHOAMI.replace("title: Whoami", "title: Twin"),
        _rule(3, "Namesake", "Image|endswith: '\\x.exe'", "name: whoami\n"),
        None,
    ),
    "sigma_rules/filter.yml": (
        _FILTER % ("[whoami]", "lab: {Computer: lab}"),
        _FILTER % ("[whoami]", "lab: {Computer: dc01}"),
        _FILTER % ("any", "lab: {Computer|re: '(x+)+y'}"),
        _FILTER % ("[Many, whoami]", "lab: {Comptuer: lab}"),
        _FILTER % ("[11111111-1111-4111-8111-111111111111]", "lab: {Computer: lab}"),
        _FILTER % ("[nobody]", "lab: {Computer: lab}"),
        _FILTER % ("[whoami]", "lab: [lab]"),
        None,
    ),
    "sigma_rules/many.yml": (
        None,
        _CORRELATION % ("[whoami]", "  generate: true"),
        _CORRELATION % ("[whoami]", ""),
        _CORRELATION % ("[nobody]", ""),
        _CORRELATION % ("[whoami]", _CUSTOM % "nothing.known"),
        _CORRELATION % ("[whoami]", "  aliases: {x: {nobody: y}}"),
    ),
    "placeholders.yml": (
        "admins: [root]\n",
        "admins: [root, admin]\n",
        "guests: [guest]\n",
        "admins: [root]\nothers: [x]\n",
        "admins: {a: b}\n",
        None,
    ),
    "mappings/alerts.yml": (
        None,
        "extends: default\ntlp: green\n",
        "extends: default\ntlp: red\ntags: ['x:{nothing.known}']\n",
        "nonsense: true\n",
    ),
    "mappings/schemas/site.yml": (
        "profile: site\ntitle: Ours\nextends: windows-flat\n",
        "profile: site\ntitle: Ours\nextends: windows-flat\nfield_types: {ComandLine: keyword}\n",
        "profile: site\ntitle: Ours\nextends: winlogbeat\n",
        "profile: other\n",
        None,
    ),
    "sigma2hive.yml": (
        "placeholders: placeholders.yml\n",
        "placeholders: placeholders.yml\nrules: [sigma_rules, more]\n",
        "placeholders: placeholders.yml\nunknown: 1\n",
        "{}\n",
    ),
    "more/c.yml": (
        None,
        _rule(4, "More", "Image|endswith: '\\more.exe'"),
        _WHOAMI.replace("title: Whoami", "title: Twin"),
    ),
}
RULES = _STEADY + 2
EVENTS = (
    {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Computer": computer, **more}
    for computer in ("lab", "dc01")
    for more in (
        {"CommandLine": "WHOAMI /all", "Image": "C:\\tool3.exe"},
        {"CommandLine": "another", "User": "root", "Image": "C:\\x.exe"},
        {"ComandLine": "whoami", "User": "guest", "Image": "C:\\more.exe"},
    )
)
_TOUCHES = {
    "rule": ("sigma_rules/a.yml", 1),
    "filter": ("sigma_rules/filter.yml", 1),
    "placeholder": ("placeholders.yml", 1),
    "mapping": ("mappings/alerts.yml", 1),
}


@dataclass(frozen=True, slots=True)
class Step:
    """Files with the content they get, and how the start after it is asked for."""

    files: tuple[tuple[str, int], ...]
    profile: str
    with_repository: bool

    def apply(self, folder: Path) -> None:
        """Give the files their content."""
        for name, number in self.files:
            _write(folder, name, number)


@st.composite
def _file(draw: st.DrawFn) -> tuple[str, int]:
    name = draw(st.sampled_from(list(FILES)))
    return name, draw(st.integers(0, len(FILES[name]) - 1))


def steps() -> st.SearchStrategy[Step]:
    """Some files change at once, or none."""
    profiles = st.sampled_from(["windows-flat", "windows-flat", "winlogbeat", "site"])
    is_whole = st.sampled_from([False, False, True])
    return st.builds(Step, st.lists(_file(), max_size=3).map(tuple), profiles, is_whole)


def write_first(folder: Path) -> None:
    """Write every file as it is at the beginning."""
    (folder / "more").mkdir(parents=True)
    for name in FILES:
        _write(folder, name, 0)


def touch(folder: Path, what: str) -> None:
    """Change one thing; "nothing" changes none."""
    if what in _TOUCHES:
        _write(folder, *_TOUCHES[what])


def _write(folder: Path, name: str, number: int) -> None:
    path, content = folder / name, FILES[name][number]
    if content is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
