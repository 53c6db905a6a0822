"""Rows of fired episodes: what `runner.state` and the service both keep in the same table."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from fractions import Fraction

from sigma2hive.model.canonical import canonical_json
from sigma2hive.model.rules import Figure
from sigma2hive.model.service import StoredEpisode


def save_episodes(connection: sqlite3.Connection, episodes: Iterable[StoredEpisode]) -> None:
    """Store episodes; one that is stored under the same identity only ever grows."""
    for episode in episodes:
        connection.execute(
            """INSERT INTO episode
                   (rule_id, epoch, grouped_by, identity, start_ns, end_ns, exact_figure)
               VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET
                   start_ns = min(start_ns, excluded.start_ns),
                   end_ns = max(end_ns, excluded.end_ns)""",
            (
                *(episode.rule_id, episode.epoch, episode.group),
                canonical_json(episode.identity).decode("ascii"),
                *(_bounded(episode.start_ns), _bounded(episode.end_ns), str(episode.figure)),
            ),
        )


def episodes_near(  # noqa: PLR0913, PLR0917 - what the store's `near` asks
    connection: sqlite3.Connection,
    rule_id: str,
    epoch: str,
    start_ns: int,
    end_ns: int,
    group: str | None = None,
) -> tuple[StoredEpisode, ...]:
    """Return the episodes of a correlation's epoch, or of one group, that overlap this span."""
    of_group = "" if group is None else "AND grouped_by = ?"
    rows = connection.execute(
        f"""SELECT grouped_by, start_ns, end_ns, identity, exact_figure FROM episode
            WHERE rule_id = ? AND epoch = ? {of_group} AND start_ns <= ? AND end_ns >= ?""",  # noqa: S608
        (
            *(rule_id, epoch),
            *(() if group is None else (group,)),
            *(_bounded(end_ns), _bounded(start_ns)),
        ),
    ).fetchall()
    return tuple(
        StoredEpisode(rule_id, epoch, group, start, end, json.loads(identity), _figure(figure))
        for group, start, end, identity, figure in rows
    )


def _figure(text: str) -> Figure:
    figure = Fraction(text)
    return figure.numerator if figure.denominator == 1 else figure


def _bounded(time_ns: int) -> int:
    """Cut to what SQLite's integers hold; an end may lie beyond the last time there is."""
    return max(-(2**63), min(time_ns, 2**63 - 1))
