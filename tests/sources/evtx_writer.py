"""Small .evtx files, written byte for byte: what the tests read, and damage.

Only what a reader needs: one file header, chunks, records whose binary XML spells every name out.
Source: libyal/libevtx, documentation/Windows XML Event Log (EVTX).asciidoc
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

HEADER = 4096
CHUNK = 65536
#: 2023-11-14T22:13:20Z in Windows' 100 ns since 1601.
FILETIME = (1_700_000_000 + 11_644_473_600) * 10_000_000

Pairs = Sequence[tuple[str, str]]
#: Name, attributes and children. An attribute that is a number is a FILETIME, as Windows itself
#: writes a record's time.
Node = tuple[str, Sequence[tuple[str, str | int]], Sequence["Node | str"]]


def logon(
    number: int, data: Pairs = (("TargetUserName", "anna"),), time: str | int | None = ""
) -> Node:
    """Return a failed logon with this record id; `time` None leaves TimeCreated out."""
    when: str | int | None = (
        f"2023-11-14T22:13:{20 + number % 40:02}.1234567Z" if time == "" else time
    )
    system: list[Node | str] = [
        ("Provider", [("Name", "Microsoft-Windows-Security-Auditing")], []),
        ("EventID", [], ["4625"]),
        ("EventRecordID", [], [str(number)]),
        ("Channel", [], ["Security"]),
        ("Computer", [], ["dc01.corp.example"]),
    ]
    if when is not None:
        system.append(("TimeCreated", [("SystemTime", when)], []))
    event_data: list[Node | str] = [("Data", [("Name", name)], [value]) for name, value in data]
    return ("Event", [], [("System", [], system), ("EventData", [], event_data)])


def evtx_file(*chunks: Sequence[Node]) -> bytes:
    """Return a file with these chunks of events; record ids count from 1."""
    header = bytearray(HEADER)
    records = sum(len(chunk) for chunk in chunks)
    struct.pack_into("<8sQQQ", header, 0, b"ElfFile\0", 0, len(chunks) - 1, records + 1)
    struct.pack_into("<IHHHH", header, 32, 128, 1, 3, HEADER, len(chunks))
    struct.pack_into("<I", header, 124, zlib.crc32(header[:120]))
    content, first = bytes(header), 1
    for chunk in chunks:
        content += _chunk(first, chunk)
        first += len(chunk)
    return content


def _chunk(first: int, events: Sequence[Node]) -> bytes:
    data, last_at = bytearray(), 0
    for index, event in enumerate(events):
        last_at = 512 + len(data)
        data += _record(first + index, event, last_at)
    header = bytearray(512)
    last = first + len(events) - 1
    struct.pack_into("<8sQQQQ", header, 0, b"ElfChnk\0", first, last, first, last)
    free_at = 512 + len(data)
    struct.pack_into("<IIII", header, 40, 128, last_at, free_at, zlib.crc32(data))
    struct.pack_into("<I", header, 124, zlib.crc32(header[:120] + header[128:512]))
    assert free_at <= CHUNK
    return bytes(header + data).ljust(CHUNK, b"\0")


def _record(number: int, event: Node, at: int) -> bytes:
    body = bytearray(b"\x0f\x01\x01\x00")  # fragment header
    _element(body, at + 24, event)
    body += b"\0"  # end of the fragment
    body += b"\0" * (-len(body) % 8)
    size = 24 + len(body) + 4
    head = struct.pack("<IIQQ", 0x2A2A, size, number, FILETIME + number)
    return head + bytes(body) + struct.pack("<I", size)


def _element(body: bytearray, base: int, node: Node) -> None:
    name, attributes, children = node
    body += b"\x41" if attributes else b"\x01"
    size_at = len(body)
    body += b"\0\0\0\0"
    _name(body, base, name)
    if attributes:
        list_at = len(body)
        body += b"\0\0\0\0"
        for index, (key, value) in enumerate(attributes):
            body += b"\x06" if index == len(attributes) - 1 else b"\x46"
            _name(body, base, key)
            if isinstance(value, int):
                body += b"\x05\x11" + struct.pack("<Q", value)
            else:
                _text(body, value)
        struct.pack_into("<I", body, list_at, len(body) - list_at - 4)
    body += b"\x02"
    for child in children:
        if isinstance(child, str):
            _text(body, child)
        else:
            _element(body, base, child)
    body += b"\x04"
    struct.pack_into("<I", body, size_at, len(body) - size_at - 4)


def _name(body: bytearray, base: int, name: str) -> None:
    number = 0
    for char in name:
        number = (number * 65599 + ord(char)) & 0xFFFFFFFF
    body += struct.pack("<IIHH", base + len(body) + 4, 0, number & 0xFFFF, len(name))
    body += name.encode("utf-16-le") + b"\0\0"


def _text(body: bytearray, text: str) -> None:
    encoded = text.encode("utf-16-le")
    body += b"\x05\x01" + struct.pack("<H", len(encoded) // 2) + encoded
