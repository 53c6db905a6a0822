"""`sigma2hive status`: how the service stands, read from its state."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from sigma2hive.cli.columns import wrap
from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.cli.options import json_option, settings_option
from sigma2hive.cli.output import say, tell
from sigma2hive.cli.way_view import way_lines, ways_as_json
from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.model.service import Searched
from sigma2hive.model.times import NANOSECONDS, render_time, shown_time
from sigma2hive.model.visible import visible
from sigma2hive.runner.correlating.standing import CorrelationStanding
from sigma2hive.runner.service.coverage import Coverage
from sigma2hive.runner.service.given_up import asking
from sigma2hive.runner.service.standing import OUTDATED, WAYS, Standing, standing_of
from sigma2hive.runner.store import open_state
from sigma2hive.settings import load_settings

_NOTHING = "the service has not run here yet: `sigma2hive run` starts it"
_SHOWN = 10
#: What to do about alerts that wait for a sink to which nothing is delivered.
NAMED_NO_MORE = (
    "alerts go there no more: name it under `sinks` again (and run with --live where it asks for "
    "that), and what waits is delivered; it is kept until then, and holds nothing up"
)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@click.command()
@settings_option
@click.option("--check", is_flag=True, help="End with 1 where something needs a look.")
@json_option
def status(settings_file: Path | None, check: bool, as_json: bool) -> None:
    """Show how the service stands: its last cycle, what it reads, rules that are blind, the outbox.

    Works while the service runs, and after it has ended.

    \b
    Example:
      sigma2hive status
      sigma2hive status --check --json
    """
    with errors_as_exits():
        standing = _standing(settings_file)
    if standing is None:
        if as_json:
            say("{}")
        tell(_NOTHING)
        raise click.exceptions.Exit(Exit.FINDINGS if check else Exit.FINE)
    if as_json:
        say(json.dumps(standing_as_json(standing), indent=2))
    else:
        for line in standing_lines(standing):
            say(line)
    raise click.exceptions.Exit(Exit.FINDINGS if check and not standing.is_well else Exit.FINE)


def _standing(settings_file: Path | None) -> Standing | None:
    problems = Diagnostics()
    settings = load_settings(Path.cwd(), settings_file, problems)
    if problems.errors:
        raise ConfigurationError(problems, settings.root)
    with open_state(settings) as store:
        if store is None:
            return None
        standing = standing_of(store, time.time_ns())
    return standing if standing.cycle or standing.rules else None


def standing_lines(standing: Standing) -> Iterator[str]:
    """Yield it for people, 80 columns wide."""
    yield from _cycle(standing)
    yield ""
    yield f"Index patterns ({len(standing.patterns)})"
    for entry in standing.patterns:
        searched = _ago(standing, entry.searched_to_ns, "searched up to {} ago", "never searched")
        heard = _ago(standing, entry.heard_ns, "last events {} ago", "no events yet")
        text = f"{visible(entry.pattern)}: {searched}, {heard}, {entry.rules:,} rules"
        yield from wrap(text, "  ", "    ")
    yield from way_lines(standing.ways)
    yield ""
    yield from _rules(standing)
    yield from _correlations(standing)
    yield ""
    yield "Matches of the last 24 hours"
    fates = ", ".join(f"{count:,} {fate}" for fate, count in sorted(standing.fates.items()))
    yield from wrap(fates or "none", "  ", "  ")
    yield ""
    yield from _sinks(standing)
    yield from _mutes(standing)
    yield from _suppressed(standing)


def _cycle(standing: Standing) -> Iterator[str]:
    cycle = standing.cycle
    began_ns = cycle.get("began_ns")
    if not isinstance(began_ns, int):
        yield "No cycle has ended yet."
        return
    ended_ns = cycle.get("ended_ns")
    seconds = (ended_ns - began_ns) / NANOSECONDS if isinstance(ended_ns, int) else 0.0
    ago = _ago(standing, began_ns, "{} ago", "")
    events = cycle.get("events")
    counted = f"{events:,} events" if isinstance(events, int) else "events"
    yield f"Last cycle {ago} ({shown_time(began_ns)}): {counted} in {seconds:,.1f} s"
    yield from wrap(f"rules as of {visible(str(cycle.get('version', '')))}", "  ", "  ")
    if left_out := cycle.get("left_out"):
        first = cycle.get("left_out_first")
        places = ", ".join(map(str, first)) if isinstance(first, list) else ""
        text = f"{left_out:,} cannot be used (sigma2hive compile --check says why): {places}"
        yield from wrap(visible(text), "  ", "    ")
    if why := cycle.get(OUTDATED):
        text = f"the files have changed since, and cannot be loaded: {why}"
        yield from wrap(visible(text), "  ", "    ")
    if error := cycle.get("error"):
        yield from wrap(visible(str(error)), "  failed: ", "    ")
    if cycle.get("is_held"):
        text = "nothing is read: too many alerts wait to be delivered"
        yield from wrap(text, "  ", "  ")


def _rules(standing: Standing) -> Iterator[str]:
    blind = standing.blind
    gaps = [entry for entry in standing.rules if entry.gaps and entry not in blind]
    yield (
        f"Rules ({len(standing.rules):,}): {len(standing.rules) - len(blind):,} look, "
        f"{len(blind):,} blind"
    )
    for entry in blind[:_SHOWN]:
        since = shown_time(entry.blind_since_ns or 0)
        text = f"{entry.record.rule_id} is blind since {since}: {visible(entry.reason)}"
        yield from wrap(text, "  ", "    ")
    if len(blind) > _SHOWN:
        yield f"  and {len(blind) - _SHOWN:,} more; --json has all"
    if gaps:
        text = f"of {len(gaps):,} rules some intervals were not searched whole; --json has them"
        yield from wrap(text, "  ", "    ")
    if standing.losses:
        yield ""
        yield f"Lost ({len(standing.losses):,})"
    for loss in standing.losses[-_SHOWN:]:
        yield from wrap(loss_text(loss), "  ", "    ")
    yield from _last("Put aside, since sigma2hive itself fails at them", standing.put_aside)
    yield from _last("Expressions that were given up on a value", standing.undecided)


def _last(title: str, entries: Sequence[Searched]) -> Iterator[str]:
    """Yield the last of some entries, each with its place, time and reason."""
    if entries:
        yield ""
        yield f"{title} ({len(entries):,})"
    for entry in entries[-_SHOWN:]:
        at = shown_time(entry.interval.end_ns)
        yield from wrap(visible(f"{entry.target}, {at}: {entry.reason}"), "  ", "    ")


def loss_text(loss: Searched) -> str:
    """Return in words what was never read, and will not be."""
    since, until = shown_time(loss.interval.start_ns), shown_time(loss.interval.end_ns)
    return f"{visible(loss.target)}, from {since} to {until}: {loss.reason}"


def _correlations(standing: Standing) -> Iterator[str]:
    """Yield which do not see all that their windows reach back to, and why."""
    lacking = [entry for entry in standing.correlations if not entry.is_exact(standing.now_ns)]
    if lacking:
        yield f"Correlations that do not see everything ({len(lacking):,})"
    for entry in lacking[:_SHOWN]:
        if entry.exact_from_ns > standing.now_ns:
            why = "; ".join(f"of {name}: {reason}" for name, reason in entry.not_fetched.items())
            text = f"exact from {shown_time(entry.exact_from_ns)} on, the past was not fetched"
            yield from wrap(visible(f"{entry.rule_id}: {text} {why}"), "  ", "    ")
        if entry.broken:
            text = f"{entry.rule_id}: it cannot be worked out: {entry.broken}"
            yield from wrap(visible(text), "  ", "    ")
        if entry.gaps:
            gap = entry.gaps[-1]
            until = "since" if gap.end_ns is None else f"until {shown_time(gap.end_ns)}, since"
            more = f" ({len(entry.gaps):,} such gaps)" if len(entry.gaps) > 1 else ""
            text = f"{gap.rule_id} did not look {until} {shown_time(gap.start_ns)}{more}"
            yield from wrap(visible(f"{entry.rule_id}: {text}: {gap.reason}"), "  ", "    ")
    if len(lacking) > _SHOWN:
        yield f"  and {len(lacking) - _SHOWN:,} more; --json has all"


def _sinks(standing: Standing) -> Iterator[str]:
    yield f"Sinks ({len(standing.sinks)})"
    for name, counts in sorted(standing.sinks.items()):
        oldest = _ago(standing, counts.oldest_ns, ", the oldest for {}", "")
        text = (
            f"{visible(name)}: {counts.waiting:,} wait{oldest if counts.waiting else ''}, "
            f"{counts.delivered:,} delivered, {counts.dead:,} dead letters"
        )
        yield from wrap(text, "  ", "    ")
        if counts.waiting and not counts.is_open:
            yield from wrap(NAMED_NO_MORE, "    ", "      ")
        elif counts.paused and counts.is_open:
            yield from wrap(visible(counts.paused), "    paused: ", "      ")
        if counts.dead:
            yield "    look at them, and let them be sent again, with: sigma2hive replay"


def _suppressed(standing: Standing) -> Iterator[str]:
    if standing.suppressed:
        yield ""
        yield f"Taken away by filters ({len(standing.suppressed)})"
    for entry in standing.suppressed[:_SHOWN]:
        last = _ago(standing, entry.last_ns, ", last {} ago", "")
        yield from wrap(f"{entry.matches:,} by '{visible(entry.title)}'{last}", "  ", "    ")
    if (more := len(standing.suppressed) - _SHOWN) > 0:
        yield f"  and {more:,} more; --json has all"


def _mutes(standing: Standing) -> Iterator[str]:
    if standing.mutes:
        yield ""
        yield f"Mutes ({len(standing.mutes)})"
    for mute in standing.mutes:
        where = ", ".join(f"{name}={value}" for name, value in mute.where)
        text = (
            f"{mute.rule_id}{' where ' + where if where else ''} until "
            f"{shown_time(mute.until_ns)} by {mute.by}: {mute.reason} ({mute.hidden:,} hidden)"
        )
        yield from wrap(visible(text), f"  {mute.number}  ", "     ")


def _ago(standing: Standing, time_ns: int | None, text: str, otherwise: str) -> str:
    if time_ns is None:
        return otherwise
    return text.format(span_of(max(standing.now_ns - time_ns, 0) / NANOSECONDS))


def span_of(seconds: float) -> str:
    """Return a span of time as people say it: 3 d 4 h, 12 min, 5 s."""
    left, parts = int(seconds), []
    for size, unit in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"


def standing_as_json(standing: Standing) -> dict[str, object]:
    """Return it for programs; times are RFC 3339, UTC."""
    cycle = {key: value for key, value in standing.cycle.items() if key != WAYS}
    for key in ("began", "ended"):
        time_ns = cycle.pop(f"{key}_ns", None)
        if isinstance(time_ns, int):
            cycle[key] = render_time(time_ns)
    return {
        "is_well": standing.is_well,
        "cycle": cycle,
        "patterns": [
            {
                "pattern": entry.pattern,
                "searched_to": _time(entry.searched_to_ns),
                "last_events": _time(entry.heard_ns),
                "rules": entry.rules,
            }
            for entry in standing.patterns
        ],
        "ways": ways_as_json(standing.ways),
        "rules": {
            "looking": len(standing.rules) - len(standing.blind),
            "blind": [_coverage(entry) for entry in standing.blind],
            "with_gaps": [_coverage(entry) for entry in standing.rules if entry.gaps],
        },
        "lost": [_gap(entry) for entry in standing.losses],
        "put_aside": [_aside(entry) for entry in standing.put_aside],
        "undecided": [_undecided(entry) for entry in standing.undecided],
        "correlations": [_correlation(entry) for entry in standing.correlations],
        "matches_of_24_hours": dict(standing.fates),
        "sinks": {
            name: {
                "waiting": counts.waiting,
                "delivered": counts.delivered,
                "dead": counts.dead,
                "oldest": _time(counts.oldest_ns),
                "paused": counts.paused if counts.is_open else "",
                "is_open": counts.is_open,
            }
            for name, counts in standing.sinks.items()
        },
        "mutes": [
            {
                "number": mute.number,
                "rule_id": mute.rule_id,
                "where": dict(mute.where),
                "until": render_time(mute.until_ns),
                "by": mute.by,
                "reason": mute.reason,
                "hidden": mute.hidden,
            }
            for mute in standing.mutes
        ],
        "suppressed": [
            {
                "filter": entry.filter_id,
                "title": entry.title,
                "matches": entry.matches,
                "last": render_time(entry.last_ns),
            }
            for entry in standing.suppressed
        ],
    }


def _correlation(entry: CorrelationStanding) -> dict[str, object]:
    return {
        "rule_id": entry.rule_id,
        "exact_from": render_time(entry.exact_from_ns),
        "not_fetched": dict(entry.not_fetched),
        "broken": entry.broken,
        "gaps": [
            {
                "rule_id": gap.rule_id,
                "from": render_time(gap.start_ns),
                "to": _time(gap.end_ns),
                "reason": gap.reason,
            }
            for gap in entry.gaps
        ],
    }


def _coverage(entry: Coverage) -> dict[str, object]:
    return {
        "rule_id": entry.record.rule_id,
        "looks_since": render_time(entry.record.since_ns),
        "blind_since": _time(entry.blind_since_ns),
        "reason": entry.reason,
        "gaps": [_gap(gap) for gap in entry.gaps],
    }


def _gap(gap: Searched) -> dict[str, object]:
    return {
        "index": gap.target,
        "from": render_time(gap.interval.start_ns),
        "to": render_time(gap.interval.end_ns),
        "status": gap.status.value,
        "reason": gap.reason,
    }


def _aside(entry: Searched) -> dict[str, object]:
    index, _, document_id = entry.target.partition("/")
    return {
        "index": index,
        "_id": document_id,
        "at": render_time(entry.interval.end_ns),
        "reason": entry.reason,
    }


def _undecided(entry: Searched) -> dict[str, object]:
    return {
        "place": entry.target,
        "rules": asking(entry),
        "at": render_time(entry.interval.end_ns),
        "reason": entry.reason,
    }


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else render_time(time_ns)
