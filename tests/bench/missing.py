"""What a machine may lack for a test: a reason to skip, but not in CI."""

from typing import NoReturn

import pytest


class MissingPart(Exception):
    """This machine lacks something that the test needs; the message says what, and what to do."""


def skip_or_fail(missing: MissingPart, *, in_ci: bool) -> NoReturn:
    """Skip the test; in CI fail it, where a skipped test would pass for a proof."""
    if in_ci:
        pytest.fail(f"{missing} (CI must not skip this)", pytrace=False)
    pytest.skip(str(missing))
