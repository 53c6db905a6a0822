"""A small world to hold queries against the engine in: an index, documents, and any rule.

The index has every field type of the test bench. The documents are drawn once, from a fixed seed,
out of texts that are hard on purpose; the rules are drawn by hypothesis out of the same texts, so
that they meet often.
"""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.values import Values, flatten
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile

RULE_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"

PROFILE = """\
profile: world
title: Every field type
field_types:
  kw: keyword
  short: {type: keyword, ignore_above: 8}
  low: {type: keyword, caseless: low.caseless}
  folded: {type: keyword, caseless: folded}
  alias: keyword
  text: text
  sub: {type: text, keyword: sub.keyword}
  ip: ip
  long: long
  double: double
  half: double
  bool: boolean
  date: date
  flat: flattened
  nest: nested
  numbers: keyword
  kind: keyword
  data: object
  data.a: keyword
  data.b: keyword
  dom: keyword
  usr: {type: keyword, ignore_above: 8}
  sha: keyword
  imp: keyword
  direction: keyword
  pid: long
  pidtext: keyword
  codes: keyword
derived:
  who: {join: [dom, usr], separator: '\\'}
  hashes:
    join:
      - {path: sha, prefix: 'SHA=', upper: true}
      - {path: imp, prefix: 'IMP=', upper: true}
    separator: ','
  initiated: {join: [{path: direction, replace: {egress: 'true', ingress: 'false'}}]}
  hexpid: {join: [{path: pid, prefix: '0x', hex_digits: 1}]}
  hextext:
    join:
      - {path: pidtext, only_if: {kind: [a, b]}, prefix: 'DWORD (0x', hex_digits: 4, suffix: ')'}
  access: {each: true, join: [{path: codes, prefix: '%%'}]}
  leading: {first: true, join: [codes, kind]}
logsources:
  - product: windows
    indices: [world-*]
    keyword_fields: [kw, text, data.*]
    dropped: ['-']
    fields: {either: [kw, text], three: [short, ip, long]}
  - product: windows
    service: gated
    any_of:
      - {kind: a*}
      - {kind: '1', bool: 'true'}
"""

MAPPING: dict[str, Any] = {
    "dynamic": "strict",
    "properties": {
        "kw": {"type": "keyword"},
        "short": {"type": "keyword", "ignore_above": 8},
        "low": {
            "type": "keyword",
            "fields": {"caseless": {"type": "keyword", "normalizer": "lower"}},
        },
        "folded": {"type": "keyword", "normalizer": "lower"},
        "alias": {"type": "alias", "path": "kw"},
        "text": {"type": "text"},
        "sub": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 8}}},
        "ip": {"type": "ip"},
        "long": {"type": "long"},
        "double": {"type": "double"},
        "half": {"type": "half_float"},
        "bool": {"type": "boolean"},
        "date": {"type": "date"},
        "flat": {"type": "flattened"},
        "nest": {"type": "nested", "properties": {"x": {"type": "keyword"}}},
        "numbers": {"type": "keyword"},
        "kind": {"type": "keyword"},
        "data": {"properties": {"a": {"type": "keyword"}, "b": {"type": "keyword"}}},
        "dom": {"type": "keyword"},
        "usr": {"type": "keyword", "ignore_above": 8},
        "sha": {"type": "keyword"},
        "imp": {"type": "keyword"},
        "direction": {"type": "keyword"},
        "pid": {"type": "long"},
        "pidtext": {"type": "keyword"},
        "codes": {"type": "keyword"},
    },
}
SETTINGS: dict[str, Any] = {
    "index.mapping.ignore_malformed": True,
    "analysis": {"normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}},
}

TEXTS = [
    *["", " ", "-", "a", "A", "abc", "aBc", "foo bar", "FOO\tBAR", "a\nb", "foo\n", "\n"],
    *["C:\\Windows\\cmd.exe", "c:\\windows\\CMD.EXE", "\\\\host\\share", "a\\", "\\a", "a\\*b"],
    *["a*b", "a?b", "a\\?b", 'say "hi"', "it's", "{x}[y](z)|a^b$c.d+e", "@&#~<>", "100%", "%%44"],
    *["Straße", "STRASSE", "straẞe", "ΑΣΑΣ", "ασας", "ασαΣ", "İstanbul", "istanbul", "ISTANBUL"],
    *["ıI", "K", "\u212a", "kelvin", "\u212aELVIN", "ſ", "s", "Å", "\u212b", "å", "é", "É", "café"],
    *[
        "CAFÉ",
        "привет",
        "ПРИВЕТ",
        "ПРивет мир",
        "中文",
        "😀",
        "😀😀😀😀😀",
        "𐐀",
        "𐐨",
        "ǆ",
        "ǅ",
        "Ǆ",
    ],
    *["true", "TRUE", "false", "null", "4625", "04625", "4625.0", "4.625e3", "4625.7", "-1", "0"],
    *["0x1211", "1e3", "１２", "٤٦", "1.5", ".5", "5.", "NaN", "1.5d", "10.0.0.1", "010.0.0.1"],
    *["10.0.0.0", "10.0.0.255", "10.1.2.3", "192.168.1.77", "::1", "::ffff:10.0.0.1", "fe80::1"],
    *["FE80:0:0::0001", "fe80::1%eth0", "2001:db8::", "::ffff:c0a8:14d", "10.0.0", "10.0.0.1/8"],
    *["2026-11-24T22:00:00Z", "2026-11-24", "2026", "1700000000000", "egress", "ingress"],
    *["x" * 9, "x" * 40, "ab" * 6, " " * 30, "a" + " " * 20 + "b", "y" * 300, "\x00", "a\x00b"],
    *["DOM\\user", "NT AUTHORITY\\SYSTEM", "SHA=AB,IMP=CD", "IMP=CD", "AB", "cd", "dom", "user"],
    *["0x1a", "0x1A", "DWORD (0x0001)", "DWORD (0x001a)", "26", "1", "%%26", "b", "ab", "1a"],
]
NUMBERS: list[Any] = [
    *[0, 1, -1, 26, 4625, 4625.0, 4625.7, -4625.7, 0.5, 1e3, 12345678.0, 2**53 + 1, 2**63 - 1],
    *[2**64, 1e300, 65504, 70000, 3, 443],
]
ADDRESSES = [text for text in TEXTS if ":" in text or text.count(".") >= 2]
TIMES = ["2026-11-24T22:00:00Z", "2026-11-24", "2026", 1700000000000, "1700000000000", "soon", ""]
#: Field → what its values are drawn from, first the fitting ones.
_STRINGS = ("kw", "short", "low", "folded", "text", "sub", "data.a", "data.b")
FIELDS = (
    *(_STRINGS * 4),
    *("alias", "ip", "long", "double", "half", "bool", "date", "flat", "flat.x", "nest.x"),
    *("numbers", "kind", "who", "hashes", "initiated", "hexpid", "hextext", "access", "leading"),
    *("either", "three", "data", "data.c"),
)


def draw_documents(count: int, seed: int) -> list[dict[str, Any]]:
    """Documents with every field type: absent, one value or several, fitting or malformed."""
    draw = random.Random(seed)
    return [_document(draw) for _ in range(count)]


def _document(draw: random.Random) -> dict[str, Any]:
    document: dict[str, Any] = {}

    def put(path: str, pool: list[Any], chance: float = 0.4) -> None:
        if draw.random() >= chance:
            return
        value: Any = draw.choice(pool)
        shape = draw.random()
        if shape < 0.15:
            value = [draw.choice(pool) for _ in range(draw.randint(0, 3))]
        elif shape < 0.18:
            value = None
        document[path] = value

    for path in _STRINGS:
        put(path, [*TEXTS, *map(_mixed(draw), TEXTS)])
    put("ip", [*ADDRESSES, "-", ""])
    numbers = [*NUMBERS, *(text for text in TEXTS if any(char.isdigit() for char in text)), ""]
    for path in ("long", "double", "half"):
        put(path, numbers)
    put("bool", [True, False, "true", "false", "", "TRUE", 1])
    put("date", TIMES)
    # Not 1e300: a keyword field holds it as it is spelt, which is the limit that `texts` names.
    spelt = [number for number in NUMBERS if number != 1e300]
    put("numbers", [*spelt, "4625", "04625", True, False, "x"])
    put("kind", ["a", "A", "ab", "1", "b"], 0.7)
    put("flat", [{"x": text} for text in [*TEXTS, 4625, True]])
    put("nest", [{"x": text} for text in TEXTS])
    put("dom", ["dom", "DOM", "NT AUTHORITY", ""])
    put("usr", ["user", "USER", "SYSTEM", "", "user with a long name"])
    put("sha", ["AB", "ab", "", "ABCD", "IMP=CD"])
    put("imp", ["cd", "CD", "cdef", "ß"])
    put("direction", ["egress", "ingress", "Egress", "inbound", ""])
    put("pid", [1, 26, "26", "", 26.9, "x"])
    put("pidtext", ["1", "26", "026", "x", ""])
    put("codes", ["26", "44", "", "%%26"])
    return document


def _mixed(draw: random.Random) -> Any:
    return lambda text: "".join(
        char.swapcase() if len(char.swapcase()) == 1 and draw.random() < 0.5 else char
        for char in text
    )


def values_of(document: Mapping[str, Any]) -> Values:
    """What the engine sees of a document: an alias is read through the search's `fields`."""
    values = dict(flatten(document))
    if "kw" in values:
        values["alias"] = values["kw"]
    return values


def load_world(folder: Path) -> Profile:
    """The profile, from a file in `folder`."""
    (folder / "world.yml").write_text(PROFILE, encoding="utf-8")
    diagnostics = Diagnostics()
    profile = load_profile("world", folder, diagnostics)
    assert profile is not None, list(diagnostics)
    return profile


def compile_detection(
    detection: Mapping[str, Any], profile: Profile, folder: Path, gated: bool = False
) -> CompiledRule | None:
    """A detection section as a compiled rule; None where it is refused, as a rule may be."""
    rule = {
        "title": "A rule",
        "id": RULE_ID,
        "level": "low",
        "logsource": {"product": "windows", **({"service": "gated"} if gated else {})},
        "detection": dict(detection),
    }
    path = folder / "rule.yml"
    path.write_text(yaml.safe_dump(rule, sort_keys=False), encoding="utf-8")
    diagnostics = Diagnostics()
    repository = load_repository([path], folder, {}, diagnostics)
    rules = compile_all(repository, profile, diagnostics).rules
    return rules[0] if rules else None


# Rules


@st.composite
def _texts(draw: st.DrawFn) -> str:
    """A value as Sigma writes it: a text of the world, cut, in another case, with wildcards."""
    text = draw(st.sampled_from(TEXTS))
    if draw(st.booleans()):
        start = draw(st.integers(0, max(len(text) - 1, 0)))
        text = text[start : draw(st.integers(start, len(text)))]
    if draw(st.booleans()):
        text = draw(st.sampled_from([str.swapcase, str.upper, str.lower]))(text)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        sign = draw(st.sampled_from(["*", "?", "\\*", "\\?", "\\\\", "**"]))
        text = text[:place] + sign + text[place + draw(st.integers(0, 2)) :]
    return text


_SCALARS = st.one_of(
    _texts(),
    st.sampled_from(NUMBERS),
    st.booleans(),
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
_LETTERS = st.sampled_from([*"abkKsS éÉ中ß0.-", "\\.", "\\d", "\\w", "\\s", "\\W", "\\S", "."])
_SETS = st.sampled_from(
    [
        *["[a-c]", "[^a]", "[A-Z0-9]", "[^\\W]", "[\\s\\S]", "[é-ü]", "[]a]", "[^\\n]"],
        *["[A-Za-z0-9+/]", "[ -~]", "[!-/]", "[^ -~]"],
    ]
)
_RARE = st.sampled_from(
    ["\\b", "\\B", "(?=a)", "(?!a)", "(?<!b)", "\\x41", "\\u00e9", "\\\\", "\\$", "\\n", "\\t", '"']
)
_REGEXES = st.recursive(
    st.one_of(_LETTERS, _LETTERS, _SETS, _RARE, st.sampled_from(["foo", "cmd", "windows", "ab"])),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{0,20}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        inner.map(lambda text: f"(^|{text})"),
        inner.map(lambda text: f"({text}|$)"),
        inner.map(lambda text: f"(?i:{text})"),
    ),
    max_leaves=6,
)


@st.composite
def _regex_texts(draw: st.DrawFn) -> str:
    start = draw(st.sampled_from(["", "", "^", "\\A", "(?i)", "(?s)", ".*"]))
    return start + draw(_REGEXES) + draw(st.sampled_from(["", "", "$", "\\Z", ".*$", ".*"]))


@st.composite
def _items(draw: st.DrawFn, fields: Sequence[str]) -> tuple[str, Any]:
    """One detection item: a field with modifiers, and its value or values."""
    field = draw(st.sampled_from(fields))
    kind = draw(st.integers(0, 11))
    if kind <= 5:
        how = ["", "", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased"]
        how += ["|startswith|cased", "|endswith|cased", "|contains|all", "|windash|contains"]
        modifier = draw(st.sampled_from(how))
        values = _texts() if modifier else _SCALARS
        return f"{field}{modifier}", draw(
            st.one_of(values, st.lists(values, min_size=1, max_size=4))
        )
    if kind == 6:
        wide = draw(st.sampled_from(["|base64offset|contains", "|wide|base64offset|contains"]))
        return f"{field}{wide}", draw(st.sampled_from(["a", "foo", "é"]))
    if kind == 7:
        return f"{field}{draw(st.sampled_from(['|re', '|re', '|re|i', '|re|m', '|re|s']))}", draw(
            _regex_texts()
        )
    if kind == 8:
        return f"{field}|exists", draw(st.booleans())
    if kind == 9:
        other = draw(st.sampled_from(["kw", "short", "who", "long"]))
        return f"{field}|fieldref{draw(st.sampled_from(['', '|startswith', '|endswith']))}", other
    if kind == 10:
        networks = [
            "10.0.0.0/8",
            "10.0.0.0/24",
            "10.0.0.1/32",
            "192.168.0.0/17",
            "fe80::/10",
            "::/0",
        ]
        return f"{field}|cidr", draw(st.sampled_from(networks))
    operator = draw(st.sampled_from(["|lt", "|lte", "|gt", "|gte", "|year", "|hour", "|day"]))
    number = draw(st.sampled_from([*NUMBERS, 2026, 22, 24]))
    return f"{field}{operator}", int(number) if len(operator) > 4 else number


def _selections(fields: Sequence[str]) -> st.SearchStrategy[Any]:
    item = _items(fields)
    return st.one_of(
        st.lists(item, min_size=1, max_size=2).map(dict),
        st.lists(item, min_size=2, max_size=2).map(lambda pair: [dict([part]) for part in pair]),
        st.lists(_texts().filter(lambda text: text.strip()), min_size=1, max_size=2),
    )


_CONDITIONS = (
    *("a", "a", "not a", "a and b", "a and not b", "a or b", "not (a or b)", "a or not b"),
    *("not (a and not b)", "1 of them", "all of them"),
)


@st.composite
def detections(draw: st.DrawFn, fields: Sequence[str] = FIELDS) -> dict[str, Any]:
    """A detection section over `fields`: one or two selections and a condition."""
    condition = draw(st.sampled_from(_CONDITIONS))
    names = string.ascii_lowercase[: 2 if "b" in condition or "them" in condition else 1]
    selections = _selections(fields)
    return {**{name: draw(selections) for name in names}, "condition": condition}
