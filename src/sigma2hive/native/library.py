"""The library that `scan.c` and `search.c` become: found, checked and described to `ctypes`.

It is built when sigma2hive is installed (`tools/build_native.py`), beside this file. One that is
absent, cannot be loaded or is of another version of the source is not used.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, Structure, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path

#: The name of the library, whatever the system calls such files.
FILE_NAME = "scan.native"
#: Set to 0, nothing here is used.
SWITCH = "SIGMA2HIVE_NATIVE"
#: That of `s2h_version` in scan.c.
_VERSION = 7


class Settings(Structure):
    """`Settings` of scan.c."""

    _fields_ = (
        ("max_line", c_uint32),
        ("max_values", c_uint32),
        ("max_depth", c_uint32),
        ("max_path_bytes", c_uint64),
        ("short_line", c_uint32),
        ("max_lines", c_uint32),
        ("times", c_char_p),
        ("strange", c_char_p),
        ("times_size", c_uint32),
        ("strange_size", c_uint32),
        ("has_shapes", c_uint32),
    )


class PathSeen(Structure):
    """`PathSeen` of scan.c."""

    _fields_ = (
        ("parent", c_uint32),
        ("name", c_uint32),
        ("length", c_uint32),
        ("count", c_uint32),
        ("kinds", c_uint32),
    )


class ColumnFound(Structure):
    """`Column` of scan.c."""

    _fields_ = (
        ("count", c_uint32),
        ("distinct", c_uint32),
        ("others", c_uint32),
        ("rows", c_void_p),
        ("codes", c_void_p),
        ("ends", c_void_p),
        ("texts", c_void_p),
        ("size", c_uint32),
        ("is_parted", c_uint32),
        ("other_rows", c_void_p),
        ("other_starts", c_void_p),
        ("other_lengths", c_void_p),
        ("slots", c_void_p),
    )


class TextsFound(Structure):
    """`Found` of search.c."""

    _fields_ = (
        ("pairs", c_uint32),
        ("texts", c_uint32),
        ("odd", c_uint32),
        ("values", c_uint32),
        ("pair_values", c_void_p),
        ("places", c_void_p),
        ("text", c_void_p),
        ("odd_values", c_void_p),
        ("pairs_room", c_uint32),
        ("texts_room", c_uint32),
        ("odd_room", c_uint32),
    )


#: Function → what it returns, what it takes.
_FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    "s2h_version": (c_uint32, ()),
    "s2h_scan": (c_void_p, (c_char_p, c_size_t, POINTER(Settings))),
    "s2h_scan_answer": (c_void_p, (c_char_p, c_size_t, POINTER(Settings))),
    "s2h_taken": (c_size_t, (c_void_p,)),
    "s2h_hits_start": (c_size_t, (c_void_p,)),
    "s2h_hits_end": (c_size_t, (c_void_p,)),
    "s2h_free": (None, (c_void_p,)),
    "s2h_lines": (c_uint32, (c_void_p,)),
    "s2h_line_starts": (c_void_p, (c_void_p,)),
    "s2h_line_ends": (c_void_p, (c_void_p,)),
    "s2h_line_kinds": (c_void_p, (c_void_p,)),
    "s2h_line_odd": (c_void_p, (c_void_p,)),
    "s2h_line_shapes": (c_void_p, (c_void_p,)),
    "s2h_shapes": (c_uint32, (c_void_p,)),
    "s2h_marks": (c_uint32, (c_void_p,)),
    "s2h_shapes_seen": (None, (c_void_p, c_void_p, c_void_p)),
    "s2h_alike": (c_int32, (c_void_p, c_void_p, c_uint32, c_void_p)),
    "s2h_paths": (c_uint32, (c_void_p,)),
    "s2h_paths_seen": (None, (c_void_p, POINTER(PathSeen))),
    "s2h_column": (
        POINTER(ColumnFound),
        (c_void_p, c_uint32, c_void_p, c_char_p, c_size_t),
    ),
    "s2h_free_column": (None, (POINTER(ColumnFound),)),
    "s2h_rows": (None, (POINTER(ColumnFound), c_void_p, c_size_t)),
    "s2h_group_rows": (None, (POINTER(ColumnFound), c_void_p, c_void_p, c_size_t)),
    "s2h_search": (c_void_p, (c_char_p, c_void_p, c_uint32)),
    "s2h_free_search": (None, (c_void_p,)),
    "s2h_sought": (POINTER(TextsFound), (c_void_p, c_char_p, c_size_t)),
    "s2h_sought_in": (
        POINTER(TextsFound),
        (c_void_p, c_void_p, c_void_p, c_uint32, c_uint32),
    ),
    "s2h_free_found": (None, (POINTER(TextsFound),)),
    "s2h_rows_found": (
        c_int32,
        (POINTER(TextsFound), c_void_p, c_void_p, c_uint32, c_void_p, c_size_t),
    ),
}


@cache
def library() -> ctypes.CDLL | None:
    """Return the library; None where there is none that fits."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        loaded = ctypes.CDLL(str(Path(__file__).with_name(FILE_NAME)))
        for name, (returned, taken) in _FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = returned, taken
    except (OSError, AttributeError):
        return None
    return loaded if loaded.s2h_version() == _VERSION else None


def is_available() -> bool:
    """Whether the library is there and used."""
    return library() is not None
