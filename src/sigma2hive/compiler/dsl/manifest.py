"""A rule's query as a file: what is sent, where to, and what is decided afterwards.

Takes a compiled rule and its query; gives JSON text that is the same for the same rule.
"""

from __future__ import annotations

import json

from sigma2hive.compiler.dsl.query import DslQuery
from sigma2hive.model.rules import CompiledRule


def render_manifest(rule: CompiledRule, query: DslQuery) -> str:
    """Return the manifest as JSON with a final newline.

    `residual` lists the parts of the rule that the query only narrows down, `margins` the unusual
    values that it finds too: every hit is decided again with `fields`.
    """
    content = {
        "id": rule.info.id,
        "title": rule.info.title,
        "digest": rule.digest,
        "profile": rule.profile,
        "indices": list(rule.indices),
        "query": query.body,
        "fields": list(query.fields),
        "exact": query.exact,
        "margins": [reason.value for reason in query.margins],
        "residual": [
            {
                "selection": part.origin.selection,
                "item": part.origin.item,
                "value": part.origin.value,
                "location": str(part.origin.location),
                "reason": part.reason.value,
            }
            for part in query.residual
        ],
    }
    # ASCII only: a rule may hold what looks like another character, and a diff must show it.
    return json.dumps(content, indent=2, sort_keys=True) + "\n"
