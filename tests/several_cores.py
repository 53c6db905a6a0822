"""Lets a command share few files among three processes, as it does with hundreds."""

import pytest

from sigma2hive.workflows import cores
from sigma2hive.workflows.store import layers


def share_among_three(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the number of units whenever some are shared."""
    forked: list[int] = []
    fork = cores._forked

    def noted(units: list[object], do: object) -> object:
        forked.append(len(units))
        return fork(units, do)  # type: ignore[arg-type, type-var]

    monkeypatch.setattr(cores, "_forked", noted)
    monkeypatch.setattr(cores, "usable_cores", lambda: 3)
    # Servers of other tests may have threads in this process; the command by itself has none.
    monkeypatch.setattr("threading.active_count", lambda: 1)
    monkeypatch.setattr(layers, "_MANY_FILES", 1)
    monkeypatch.setattr("sigma2hive.workflows.store.ahead._MOST_A_UNIT", 4)
    return forked
