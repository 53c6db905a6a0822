"""The queries that pySigma's own Elasticsearch backend makes, to stand beside ours.

Takes rule files; gives Query DSL bodies around Lucene query strings. The pipelines are those that
the backend's documentation names for Windows events in ECS. What it cannot say is absent.

Source: https://github.com/SigmaHQ/pySigma-backend-elasticsearch
"""

import json
import warnings
from pathlib import Path
from typing import Any

from sigma.backends.elasticsearch import LuceneBackend
from sigma.collection import SigmaCollection
from sigma.pipelines.elasticsearch.windows import ecs_windows
from sigma.pipelines.sysmon import sysmon_pipeline
from sigma.pipelines.windows import windows_logsource_pipeline


def asking_existing_fields(query: dict[str, Any]) -> dict[str, Any]:
    """Return the query with `process.executable` for `process.executable.caseless`, and so on.

    Winlogbeat's index has no such subfields. A search for a field that is not there finds nothing
    at once, whatever else it asks for, which makes it fast and useless.
    """
    asked: dict[str, Any] = json.loads(json.dumps(query).replace(".caseless", ""))
    return asked


class OfficialQueries:
    """Converts rule files, with one pipeline for all of them."""

    def __init__(self) -> None:
        pipeline = sysmon_pipeline() + windows_logsource_pipeline() + ecs_windows()
        self._backend = LuceneBackend(processing_pipeline=pipeline)

    def query_of(self, rule: Path) -> dict[str, Any] | None:
        """Return the query of the only rule in a file, None where the backend has none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                collection = SigmaCollection.from_yaml(rule.read_text("utf-8"))
                made = self._backend.convert(collection, "dsl_lucene")
            except Exception:  # whatever it raises, there is no query
                return None
        queries = [body["query"] for body in made]
        return {"bool": {"should": queries}} if queries else None
