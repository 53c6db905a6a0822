"""Reads a multipart/form-data body: the values of its fields, and its files byte for byte."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.doubles.thehive.errors import bad_request
from tests.doubles.thehive.routing import File

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_NAME = re.compile(r'(?:^|[;\s])name="((?:[^"\\]|\\.)*)"')
_FILENAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"')
_EXTENDED_FILENAME = re.compile(r"filename\*=utf-8''([^;\s]+)", re.IGNORECASE)


def parse_multipart(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, list[File]]]:
    """Return fields and files by name. A part with a file name is a file."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise bad_request("Invalid multipart body: no boundary")
    fields: dict[str, str] = {}
    files: dict[str, list[File]] = {}
    mark = b"--" + boundary[1].encode("latin-1")
    for part in body.split(mark)[1:]:
        if part.startswith(b"--"):
            return fields, files
        head, found, content = part.partition(b"\r\n\r\n")
        if not found:
            break
        headers = _headers(head)
        disposition = headers.get("content-disposition", "")
        name = _NAME.search(disposition)
        if name is None:
            raise bad_request("Invalid multipart body: a part without a name")
        content = content.removesuffix(b"\r\n")
        filename = _filename(disposition)
        # requests gives `_json` a file name when it is among its files (thehive4py, alert.create).
        if filename is None or name[1] == "_json":
            fields[name[1]] = content.decode("utf-8")
            continue
        kind = headers.get("content-type", "application/octet-stream")
        files.setdefault(name[1], []).append(File(filename, kind, content))
    raise bad_request("Invalid multipart body: it ends too early")


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("utf-8", "replace").strip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _filename(disposition: str) -> str | None:
    if found := _EXTENDED_FILENAME.search(disposition):
        return unquote(found[1])
    found = _FILENAME.search(disposition)
    return found[1] if found else None
