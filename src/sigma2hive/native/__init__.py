"""What is done in C, where it was built: lines of JSON taken apart, texts sought in columns.

Takes bytes; gives what stands where, the distinct texts of a field, and what is in them. Everything
is also done without it, several times slower: whoever asks gets None where there is no library.
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
    Read,
    Scan,
    Scanner,
    answer_scanner,
    scanner_of,
    shape_scanner,
)
from sigma2hive.native.searching import FoundTexts, TextSearch, text_search

__all__ = [
    "Answer",
    "Bounds",
    "Cells",
    "Column",
    "Constants",
    "Fields",
    "FoundTexts",
    "Kind",
    "LineKind",
    "MadeColumn",
    "Mark",
    "Numbered",
    "NumberedFields",
    "Part",
    "Read",
    "Scan",
    "ScannedLines",
    "Scanner",
    "TextSearch",
    "answer_scanner",
    "is_available",
    "scanner_of",
    "shape_scanner",
    "text_search",
]
