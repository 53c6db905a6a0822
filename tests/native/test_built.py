"""An installation has the library, wherever CI runs."""

import os

import pytest

from sigma2hive.native import is_available
from sigma2hive.native.library import SWITCH


def test_installing_has_built_the_library() -> None:
    if os.environ.get(SWITCH) == "0":
        pytest.skip(f"{SWITCH} is 0")
    if not is_available() and not os.environ.get("CI"):
        pytest.skip("the native library was not built here: make clean venv says why")
    assert is_available()
