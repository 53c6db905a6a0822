"""Tables and profiles that are shipped with sigma2hive, as files of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: This folder. An installation is always unpacked: it holds a library besides.
SHIPPED: Final = Path(__file__).parent
