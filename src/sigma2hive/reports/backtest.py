"""A back-test as one HTML page, with nothing to fetch and nothing to run.

Takes a `Backtest`; gives the page's text. Titles and values are written by strangers: all are made
visible and escaped, and the page forbids whatever it does not need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from html import escape

from sigma2hive.model.backtests import Backtest, Comparison, FieldValues, RuleResult
from sigma2hive.model.rules import Level
from sigma2hive.model.times import render_time
from sigma2hive.model.visible import visible

_MAX_VALUE = 300
_MAX_RULES = 500
_WIDTH, _HEIGHT, _LEFT, _FOOT = 960, 180, 48, 24
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """\
:root { color-scheme: light dark; --ink: #1d2733; --dim: #5b6876; --line: #d5dce4; --bar: #2f6fb3;
  --paper: #fff; --soft: #f3f6f9; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ee; --dim: #9aa7b4; --line: #37424e;
  --bar: #6ba6e8; --paper: #151b22; --soft: #1e262f; --bad: #ff897d; } }
* { box-sizing: border-box; }
body { margin: 2rem auto; padding: 0 1rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; overflow-wrap: anywhere; }
p { margin: .25rem 0; } .dim { color: var(--dim); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--dim); font-weight: 600; } .n { text-align: right; }
.n, .level { white-space: nowrap; } .wide { width: 100%; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: .75rem;
  overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } svg text { fill: var(--dim); font: 11px system-ui, sans-serif; }
svg rect { fill: var(--bar); } svg line { stroke: var(--line); }
"""


#: What every page starts with, and no other file does.
BACKTEST_MARK = f"""\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Back-test</title>"""


def render_html(found: Backtest) -> str:
    """Return the page."""
    return "\n".join(
        [
            f"{BACKTEST_MARK}<style>\n{_STYLE}</style></head><body>",
            *_head(found),
            *_noise(found),
            *(_comparison(found.comparison) if found.comparison else ()),
            *_histogram(found.by_day),
            *_table(found.rules),
            *(line for entry in found.rules[:_MAX_RULES] for line in _details(entry)),
            *_suppressed(found),
            "</body></html>",
            "",
        ]
    )


def _text(value: str) -> str:
    shown = visible(value)
    return escape(shown if len(shown) <= _MAX_VALUE else f"{shown[: _MAX_VALUE - 1]}…")


def _head(found: Backtest) -> Iterator[str]:
    by_level = found.by_level
    ordered = [name for name in (*reversed(Level), "none") if name in by_level]
    levels = ", ".join(f"{by_level[name]:,} {name}" for name in ordered)
    yield "<h1>Back-test</h1>"
    what = "candidates" if found.start_ns is not None else "events"
    yield f"<p>{found.alerts:,} alerts would have been raised{f' ({levels})' if levels else ''}, "
    yield f"by {found.checked:,} rules on {found.events:,} {what}.</p>"
    if found.start_ns is not None and found.end_ns is not None:
        window = f"{render_time(found.start_ns)} to {render_time(found.end_ns)}"
        yield f'<p class="dim">Elasticsearch, {window}</p>'
    if found.put_aside:
        yield f'<p class="bad">{found.put_aside:,} events could not be read.</p>'


def _noise(found: Backtest) -> Iterator[str]:
    if not found.excesses:
        return
    yield '<h2 class="bad">Too noisy</h2><table>'
    yield '<tr><th>Rule</th><th>Level</th><th class="n">Alerts</th><th>Day</th>'
    yield '<th class="n">May raise</th><th class="n">Days over</th></tr>'
    for entry in found.excesses:
        yield f"<tr><td>{_text(entry.info.title)}</td><td>{entry.info.level}</td>"
        yield f'<td class="n">{entry.alerts:,}</td><td>{_text(entry.day)}</td>'
        yield f'<td class="n">{entry.limit:,}</td><td class="n">{entry.days:,}</td></tr>'
    yield "</table>"


def _comparison(found: Comparison) -> Iterator[str]:
    name = f"{_text(found.ref)} <code>{_text(found.commit[:12])}</code>"
    yield f"<h2>Against {name}</h2>"
    yield f"<p>This change would have raised {found.more:,} more and {found.fewer:,} fewer alerts "
    yield "in that time.</p>"
    if not found.changes:
        return
    yield '<table><tr><th>Rule</th><th>What</th><th class="n">More</th>'
    yield '<th class="n">Fewer</th></tr>'
    for entry in found.changes[:_MAX_RULES]:
        yield f"<tr><td>{_text(entry.info.title)}</td><td>{entry.change}</td>"
        yield f'<td class="n">{entry.more:,}</td><td class="n">{entry.fewer:,}</td></tr>'
    yield "</table>"


def _histogram(by_day: Mapping[str, int]) -> Iterator[str]:
    """Yield a bar a day."""
    if not by_day:
        return
    most = max(*by_day.values(), 1)
    step = (_WIDTH - _LEFT) / len(by_day)
    room = _HEIGHT - _FOOT - 16
    days = list(by_day)
    label = f"Alerts by day, {_text(days[0])} to {_text(days[-1])}; at most {most:,} a day"
    yield "<h2>Alerts by day (UTC)</h2>"
    yield f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
    base = _HEIGHT - _FOOT
    yield f'<line x1="{_LEFT}" y1="{base}" x2="{_WIDTH}" y2="{base}"/>'
    yield f'<line x1="{_LEFT}" y1="{base - room}" x2="{_WIDTH}" y2="{base - room}"/>'
    yield f'<text x="{_LEFT - 6}" y="{base}" text-anchor="end">0</text>'
    yield f'<text x="{_LEFT - 6}" y="{base - room + 4}" text-anchor="end">{most:,}</text>'
    every = max(1, -(-len(days) // 8))
    for number, (day, count) in enumerate(by_day.items()):
        left, tall = _LEFT + number * step, room * count / most
        width = min(max(step * 0.8, 0.5), 60)
        middle = left + step / 2
        if count:
            yield f'<rect x="{middle - width / 2:.2f}" y="{base - tall:.2f}" width="{width:.2f}" '
            yield f'height="{tall:.2f}"><title>{_text(day)}: {count:,}</title></rect>'
        if number % every == 0:
            anchor = "middle" if len(days) == 1 or 0 < number < len(days) - 1 else "start"
            anchor = "end" if number and number == len(days) - 1 else anchor
            at = {"start": left, "middle": middle, "end": left + step}[anchor]
            yield f'<text x="{at:.2f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{_text(day)}</text>'
    yield "</svg>"
    if len(days) > 1 and (date.fromisoformat(days[-1]) - date.fromisoformat(days[0])).days >= len(
        days
    ):
        yield '<p class="dim">Days without an alert are left out.</p>'


def _table(rules: Sequence[RuleResult]) -> Iterator[str]:
    if not rules:
        return
    yield '<h2>Rules</h2><table><tr><th class="n">Alerts</th><th class="n">Hits</th>'
    yield '<th class="n">Most a day</th><th>Level</th><th class="wide">Rule</th></tr>'
    for entry in rules[:_MAX_RULES]:
        alerts = "silent" if entry.silent else f"{entry.alerts:,}"
        most = max(entry.by_day.values(), default=0)
        about = f'<br><span class="dim">{_text(entry.info.location.path)}</span>'
        if entry.unsearched:
            about += f'<br><span class="bad">not searched: {_text(entry.unsearched)}</span>'
        yield f'<tr><td class="n">{alerts}</td><td class="n">{entry.hits:,}</td>'
        yield f'<td class="n">{most:,}</td><td class="level">{entry.info.level or "none"}</td>'
        yield f"<td>{_text(entry.info.title)}{about}</td></tr>"
    yield "</table>"
    if len(rules) > _MAX_RULES:
        yield f'<p class="dim">and {len(rules) - _MAX_RULES:,} more; the JSON report has all.</p>'


def _details(entry: RuleResult) -> Iterator[str]:
    shown = [*((entry.groups,) if entry.groups else ()), *entry.by, *entry.noisy]
    if not shown and entry.suggestion is None:
        return
    yield f"<h3>{_text(entry.info.title)}</h3>"
    if shown:
        yield "<table>"
        yield from (_row(values, entry.hits) for values in shown)
        yield "</table>"
    samples = [
        f"{render_time(sample.time_ns)} <code>{_text(sample.origin)}</code>"
        for sample in entry.samples
    ]
    if samples:
        yield f'<p class="dim">For example: {"; ".join(samples)}</p>'
    if suggestion := entry.suggestion:
        yield f"<p>With this filter, tried on the same events, {suggestion.after:,} of its "
        yield f"{suggestion.before:,} alerts are left:</p>"
        # What a filter says is writable, so it is visible as it is.
        yield f"<pre>{escape(suggestion.document)}</pre>"


def _row(values: FieldValues, hits: int) -> str:
    about = "" if values.is_exact else '<br><span class="dim">at least</span>'
    counted = "<br>".join(
        f"<code>{_text(one.value)}</code> {one.count:,} of {hits:,}" for one in values.values
    )
    return f"<tr><th>{_text(values.field)}{about}</th><td>{counted}</td></tr>"


def _suppressed(found: Backtest) -> Iterator[str]:
    if not found.suppressed:
        return
    titles = {entry.info.id: entry.info.title for entry in found.rules}
    yield '<h2>Suppressed by filters</h2><table><tr><th class="n">Matches</th>'
    yield "<th>Filter</th><th>Rule</th></tr>"
    for entry, count in sorted(found.suppressed.items(), key=lambda item: -item[1])[:_MAX_RULES]:
        rule = titles.get(entry.rule_id, entry.rule_id)
        yield f'<tr><td class="n">{count:,}</td><td>{_text(entry.filter_title)}</td>'
        yield f"<td>{_text(rule)}</td></tr>"
    yield "</table>"
