"""API v0, as far as ElastAlert's `hivealerter` asks for it: one endpoint.

Unverified: TheHive's description has no v0, and nobody has held this against a TheHive 5, which
calls v0 deprecated. Source: ElastAlert 2.31.0, elastalert/alerters/thehive.py, for what is sent.
"""

from __future__ import annotations

from dataclasses import replace

from tests.doubles.thehive.alerts import create_alert
from tests.doubles.thehive.routing import Answer, Request, route


@route("POST", "/api/alert", "manageAlert/create", "create alert")
def create_alert_v0(request: Request) -> Answer:
    """Create an alert whose observables are called artifacts; v0 answers in its own way, unseen."""
    body = dict(request.body)
    artifacts = body.pop("artifacts", [])
    fields = {name: value for name, value in body.items() if name != "customFields"}
    observables = [
        {name: value for name, value in entry.items() if value is not None} for entry in artifacts
    ]
    answer = create_alert(replace(request, body={**fields, "observables": observables}))
    return Answer(answer.status, "created")
