"""What sigma2hive writes itself, or is told of alerts of: no rule ever sees it.

An alert about an alert would raise the next one, without end. Takes settings, names of indices and
paths; tells what is ours. The one place that decides it.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from sigma2hive.model.index_names import without_rollover_marks
from sigma2hive.settings import Settings

#: State, alerts and reports of ours in Elasticsearch.
OWN_PATTERN = "sigma2hive-*"
_ELASTICSEARCH_SINK = "elasticsearch"
_FILE_SINKS = ("inbox", "jsonl")


def own_patterns(settings: Settings) -> tuple[str, ...]:
    """Return the patterns of indices that hold what we write, and alerts of others."""
    named = (spec.partition(":") for spec in settings.sinks)
    sinks = (index for name, _, index in named if name == _ELASTICSEARCH_SINK and index)
    return tuple(dict.fromkeys((OWN_PATTERN, *sinks, *settings.sources.own_indices)))


def is_ours(index: str, patterns: Iterable[str] = (OWN_PATTERN,)) -> bool:
    """Whether an index holds what we write; `patterns` are those of `own_patterns`.

    A cluster's name before it, and the marks of data streams, rollover and snapshots, make no
    difference.
    """
    plain = index.rpartition(":")[2]
    names = {plain, without_rollover_marks(plain)}
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def own_paths(settings: Settings) -> tuple[Path, ...]:
    """Return the folder and the files that we write to: they hold no events."""
    return (settings.state, *sink_files(settings.sinks, settings.root))


def sink_files(specs: Iterable[str], folder: Path) -> tuple[Path, ...]:
    """Return the files that sinks write to, seen from `folder`."""
    named = (spec.partition(":") for spec in specs)
    return tuple(
        folder / target
        for name, _, target in named
        if name in _FILE_SINKS and target and target != "-"
    )
