"""Python's garbage collection, made rare while many events are read.

It looks through what was made lately whenever there is enough of it, and a batch of documents is
thousands of objects; none of them is ever in a circle, so that it finds nothing. What is in one is
still collected, a little later.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Objects made and not yet gone after which it looks; usually hundreds. A batch has fewer.
_LOOK_AFTER = 50_000


@contextmanager
def few_collections() -> Iterator[None]:
    """Let it look less often, where it is on."""
    before = gc.get_threshold()
    if not 0 < before[0] < _LOOK_AFTER:
        yield
        return
    gc.set_threshold(_LOOK_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
