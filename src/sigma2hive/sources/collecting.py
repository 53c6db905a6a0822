"""Python's garbage collection, made rare while many events are read.

It looks through what was made lately whenever there is enough of it, and a batch of documents is
thousands of objects; none of them is ever in a circle, so that it finds nothing. What is in one is
still collected, a little later.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Objects made and not yet gone after which it looks; usually hundreds. What a batch is decided
#: with has fewer, with all that is remembered of earlier ones.
_LOOK_AFTER = 500_000


def collect_seldom() -> None:
    """Let it look less often from now on, where it is on: in a process that ends when all is read.

    To go back would let it look at once through all that there is by then.
    """
    before = gc.get_threshold()
    if 0 < before[0] < _LOOK_AFTER:
        gc.set_threshold(_LOOK_AFTER, *before[1:])


@contextmanager
def few_collections() -> Iterator[None]:
    """Let it look less often meanwhile, where it is on."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
