"""What the double relies on where TheHive's description is absent: in our own words, and little.

Source: FACTS on InputCreateAlert (lengths and ranges), and the parts of thehive4py's types that it
marks as required.
"""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string", "minLength": 1}
_TAGS = {"type": "array", "uniqueItems": True, "items": {**_TEXT, "maxLength": 128}}
_TLP = {"type": "integer", "minimum": 0, "maximum": 4}
_PAP = {"type": "integer", "minimum": 0, "maximum": 3}

_OBSERVABLE: dict[str, Any] = {
    "type": "object",
    "required": ["dataType"],
    "properties": {"dataType": {**_TEXT, "maxLength": 64}, "tlp": _TLP, "pap": _PAP, "tags": _TAGS},
}
_PROCEDURE: dict[str, Any] = {
    "type": "object",
    "required": ["patternId", "occurDate"],
    "properties": {"patternId": {**_TEXT, "maxLength": 128}, "occurDate": {"type": "integer"}},
}
_ALERT: dict[str, Any] = {
    "type": "object",
    "required": ["type", "source", "sourceRef", "title", "description"],
    "properties": {
        "type": {**_TEXT, "maxLength": 32},
        "source": {**_TEXT, "maxLength": 32},
        "sourceRef": {**_TEXT, "maxLength": 128},
        "externalLink": {**_TEXT, "maxLength": 4096},
        "title": {**_TEXT, "maxLength": 512},
        "description": {"type": "string", "maxLength": 1024 * 1024},
        "severity": {"type": "integer", "minimum": 1, "maximum": 4},
        "date": {"type": "integer"},
        "tags": _TAGS,
        "tlp": _TLP,
        "pap": _PAP,
        "observables": {"type": "array", "items": _OBSERVABLE},
        "procedures": {"type": "array", "items": _PROCEDURE},
    },
}


def _taking(*types: str, schema: dict[str, Any]) -> dict[str, Any]:
    bodies: dict[str, Any] = {"application/json": {"schema": schema}}
    if "multipart" in types:
        bodies["multipart/form-data"] = {
            "schema": {"type": "object", "properties": {"_json": schema}}
        }
    return {"post": {"requestBody": {"content": bodies}}}


DOCUMENT: dict[str, Any] = {
    "paths": {
        "/api/v1/alert": _taking("multipart", schema=_ALERT),
        "/api/v1/alert/{alertId}/observable": _taking("multipart", schema=_OBSERVABLE),
        "/api/v1/alert/{alertId}/procedure": _taking(schema=_PROCEDURE),
    },
    "components": {"schemas": {}},
}
