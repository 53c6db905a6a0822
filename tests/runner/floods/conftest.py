"""A service with the caps of the settings."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sigma2hive.settings import FloodSettings
from tests.runner.floods_world import World

Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[World] = []

    def make_one(caps: FloodSettings | None = None) -> World:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(World(folder, caps or FloodSettings()))
        return made[-1]

    yield make_one
    for world in made:
        world.store.close()
