"""`sigma2hive schema`: what fields the cluster's indices have, kept in the repository."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from sigma2hive.cli.exits import Exit, errors_as_exits
from sigma2hive.cli.options import NamedPath, json_option, settings_option
from sigma2hive.cli.output import say
from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, Location
from sigma2hive.model.profiles import Profile
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.model.visible import visible
from sigma2hive.records import dataclass
from sigma2hive.schema import is_index_pattern, is_profile_name, load_profile
from sigma2hive.settings import Settings, load_settings
from sigma2hive.workflows.schema_pull import Change, compare, pull_snapshots
from sigma2hive.workflows.snapshot_file import (
    SnapshotFile,
    read_snapshot_file,
    with_snapshots,
    write_snapshot_file,
)

#: Changes of one pattern that are shown; all of them are in --json.
_SHOWN_OF_EACH = 20


@click.group()
def schema() -> None:
    """What fields the cluster's indices really have."""


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of a pull. `elsewhere` are patterns of other clusters."""

    file: SnapshotFile
    profile: Profile
    pulled: tuple[Snapshot, ...]
    elsewhere: tuple[str, ...]
    changes: tuple[Change, ...]
    is_written: bool

    @property
    def has_indices(self) -> bool:
        return any(entry.indices for entry in self.pulled)


@schema.command("pull")
@settings_option
@click.option("--profile", metavar="NAME", help="Whose index patterns; by default the settings'.")
@click.option(
    "--index",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Ask for this index pattern only, and keep what is known of others (repeatable).",
)
@click.option(
    "--output",
    type=NamedPath(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Profile file; by default mappings/schemas/NAME.yml. Only its key `snapshot` is changed.",
)
@click.option("--check", is_flag=True, help="Write nothing; end with 1 where the file is stale.")
@json_option
def pull(
    settings_file: Path | None,
    profile: str | None,
    patterns: tuple[str, ...],
    output: Path | None,
    check: bool,
    as_json: bool,
) -> None:
    """Keep a snapshot of the cluster's fields in the repository.

    It takes the place of the profile's types wherever it speaks of all indices of a log source.
    Needs the privilege view_index_metadata on them, and reads no event.

    \b
    Example:
      sigma2hive schema pull
      sigma2hive schema pull --profile elastic-agent --index 'logs-windows.*'
      sigma2hive schema pull --check
    """
    _refuse_wrong(patterns, output)
    with errors_as_exits():
        settings, found = _project(settings_file, profile)
        file = read_snapshot_file(output or settings.mappings / "schemas" / f"{found.name}.yml")
        result = _pull(settings, found, file, patterns, check=check)
    if as_json:
        say(json.dumps(_as_json(result), indent=2))
    else:
        say("\n".join(_lines(result, settings.root, check=check)))
    raise click.exceptions.Exit(_exit_code(result, check=check))


def _refuse_wrong(patterns: Sequence[str], output: Path | None) -> None:
    for pattern in patterns:
        if not is_index_pattern(pattern):
            raise click.UsageError(f"{pattern!r} is no index pattern; write logs-windows.*")
        if ":" in pattern:
            raise click.UsageError(f"{pattern!r} is of another cluster, which must be asked itself")
    if output is not None and not (output.suffix == ".yml" and is_profile_name(output.stem)):
        raise click.UsageError(
            f"{output.name!r} is no name of a profile's file; write mappings/schemas/NAME.yml, "
            "with lower-case letters, digits, '-' and '_'"
        )


def _project(settings_file: Path | None, name: str | None) -> tuple[Settings, Profile]:
    problems = Diagnostics()
    settings = load_settings(Path.cwd(), settings_file, problems)
    place = Location("--profile" if name else "setting profile")
    profile = load_profile(name or settings.profile, settings.mappings / "schemas", problems, place)
    problems.show_from(settings.root)
    if problems.errors or profile is None:
        raise ConfigurationError(problems, settings.root)
    return settings, profile


def _pull(
    settings: Settings,
    profile: Profile,
    file: SnapshotFile,
    patterns: Sequence[str],
    *,
    check: bool,
) -> _Result:
    known = {entry.pattern: entry for entry in file.snapshots}
    wanted = sorted(set(patterns) or {*profile.patterns(), *known})
    near = [pattern for pattern in wanted if ":" not in pattern]
    elsewhere = tuple(pattern for pattern in wanted if ":" in pattern)
    with open_client(settings.elasticsearch) as client:
        pulled = pull_snapshots(client, near)
    kept = known | {entry.pattern: entry for entry in pulled}
    snapshots = tuple(kept[pattern] for pattern in sorted(kept))
    changes = compare(file.snapshots, snapshots)
    result = _Result(file, profile, pulled, elsewhere, changes, is_written=False)
    is_older = any(_is_older(known, entry) for entry in pulled)
    if check or not result.has_indices or not (changes or is_older):
        return result
    write_snapshot_file(file.path, with_snapshots(file, profile, snapshots), snapshots)
    return _Result(file, profile, pulled, elsewhere, changes, is_written=True)


def _is_older(known: Mapping[str, Snapshot], entry: Snapshot) -> bool:
    """Whether what is kept says another day, although the same is there."""
    earlier = known.get(entry.pattern)
    return earlier is not None and earlier.pulled != entry.pulled


def _lines(result: _Result, root: Path, *, check: bool) -> Iterator[str]:
    path = _shown(result.file.path, root)
    if check:
        yield from _change_lines(result.changes)
    for pattern in result.elsewhere:
        yield f"not asked: {pattern} is of another cluster"
        yield "  hint: pull there, with --index and the pattern without the cluster's name"
    empty = [entry.pattern for entry in result.pulled if not entry.indices]
    if not result.has_indices:
        yield f"no index fits {', '.join(empty) or 'any pattern'}; nothing was written"
        yield "  hint: check the patterns, and that view_index_metadata is granted on them"
        return
    if empty:
        yield f"no index fits {len(empty):,} of {len(result.pulled):,} patterns: {_some(empty)}"
    filled = [entry for entry in result.pulled if entry.indices]
    fields = len({fact.path for entry in filled for fact in entry.fields})
    counts = f"{len(filled):,} patterns, {fields:,} fields".replace("1 patterns", "1 pattern")
    yield f"{path}: {_outcome(result, check=check)}; {counts}"


def _outcome(result: _Result, *, check: bool) -> str:
    if not result.changes:
        return "up to date, with today's date" if result.is_written else "up to date"
    count = f"{len(result.changes):,} change{'' if len(result.changes) == 1 else 's'}"
    return f"stale, {count}: run `sigma2hive schema pull`" if check else f"written, {count}"


def _change_lines(changes: Sequence[Change]) -> Iterator[str]:
    shown: Counter[str] = Counter()
    for change in changes:
        shown[change.pattern] += 1
        if shown[change.pattern] == 1:
            yield f"{change.pattern}:"
        if shown[change.pattern] <= _SHOWN_OF_EACH:
            yield f"  {'+' if change.is_new else '-'} {visible(change.line)}"
    more = sum(max(0, count - _SHOWN_OF_EACH) for count in shown.values())
    if more:
        yield f"… and {more:,} more, all of them in --json"


def _some(patterns: Sequence[str]) -> str:
    first = ", ".join(patterns[:3])
    return first if len(patterns) <= len(patterns[:3]) else f"{first}, …"


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _as_json(result: _Result) -> dict[str, object]:
    return {
        "profile": result.profile.name,
        "file": result.file.path.as_posix(),
        "patterns": {
            entry.pattern: {
                "indices": list(entry.indices),
                "fields": len({fact.path for fact in entry.fields}),
            }
            for entry in result.pulled
        },
        "not_asked": list(result.elsewhere),
        "changes": [
            {
                "pattern": change.pattern,
                "change": "+" if change.is_new else "-",
                "line": change.line,
            }
            for change in result.changes
        ],
        "written": result.is_written,
    }


def _exit_code(result: _Result, *, check: bool) -> Exit:
    if not result.has_indices:
        return Exit.CONFIGURATION
    return Exit.FINDINGS if check and result.changes else Exit.FINE
