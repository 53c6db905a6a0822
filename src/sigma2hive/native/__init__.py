"""What is done in C, where it was built: lines of JSON taken apart into columns.

Takes bytes; gives what stands where, and the distinct texts of a field. Everything is also done
without it, several times slower: whoever asks gets None where there is no library.
"""

from sigma2hive.native.library import is_available
from sigma2hive.native.lines import (
    Cells,
    Constants,
    Fields,
    NumberedFields,
    Part,
    ScannedLines,
)
from sigma2hive.native.paths import Numbered
from sigma2hive.native.scanning import (
    Answer,
    Bounds,
    Column,
    Kind,
    LineKind,
    MadeColumn,
    Mark,
    Scan,
    Scanner,
    answer_scanner,
    scanner_of,
    shape_scanner,
)

__all__ = [
    "Answer",
    "Bounds",
    "Cells",
    "Column",
    "Constants",
    "Fields",
    "Kind",
    "LineKind",
    "MadeColumn",
    "Mark",
    "Numbered",
    "NumberedFields",
    "Part",
    "Scan",
    "ScannedLines",
    "Scanner",
    "answer_scanner",
    "is_available",
    "scanner_of",
    "shape_scanner",
]
