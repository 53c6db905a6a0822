"""ECS documents of AWS CloudTrail, Okta and Entra ID, as Elastic's integrations write them.

Source: the sample events and ingest pipelines of https://github.com/elastic/integrations
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from story.common import Document, digest, guid
from story.ecs import ecs

AWS_ACCOUNT = "111122223333"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls AWS, from where: kind is userIdentity.type, key an access key id."""

    name: str
    address: str
    kind: str = "IAMUser"
    key: str = "AKIAIOSFODNN7EXAMPLE"
    invoked_by: str = ""

    @property
    def arn(self) -> str:
        """The identity's Amazon resource name."""
        if self.kind == "Root":
            return f"arn:aws:iam::{AWS_ACCOUNT}:root"
        if self.kind == "AssumedRole":
            return f"arn:aws:sts::{AWS_ACCOUNT}:assumed-role/{self.name}/session"
        return f"arn:aws:iam::{AWS_ACCOUNT}:user/{self.name}"


def cloudtrail(
    when: datetime, caller: Caller, service: str, call: str, error: str = ""
) -> Document:
    """Return an AWS call as the aws.cloudtrail integration writes it."""
    identity: Document = {"arn": caller.arn, "type": caller.kind, "access_key_id": caller.key}
    if caller.invoked_by:
        identity["invoked_by"] = caller.invoked_by
    trail: Document = {
        "event_category": "Management",
        "event_type": "AwsApiCall",
        "event_version": "1.11",
        "read_only": call.startswith(("Describe", "List", "Get")),
        "recipient_account_id": AWS_ACCOUNT,
        "request_id": guid("request", caller.name, call, str(when)).lower(),
        "user_identity": identity,
    }
    if error:
        trail["error_code"] = error
        trail["error_message"] = f"{caller.arn} is not authorized to perform this operation"
    return ecs(
        when,
        "aws.cloudtrail",
        {
            "aws": {"cloudtrail": trail},
            "cloud": {
                "account": {"id": AWS_ACCOUNT},
                "provider": "aws",
                "region": "eu-central-1",
            },
            "event": {
                "action": call,
                "id": guid("event", caller.name, call, str(when)).lower(),
                "outcome": "failure" if error else "success",
                "provider": f"{service}.amazonaws.com",
                "type": ["info"],
            },
            "related": {"user": [caller.name]},
            "source": {"address": caller.address, "ip": caller.address},
            "user": {"name": caller.name},
            "user_agent": {"original": "aws-cli/2.31.4 md/awscrt#0.28.1 ua/2.1 os/linux#6.12"},
        },
    )


def okta(when: datetime, account: str, address: str, kind: str, result: str) -> Document:
    """Return an entry of Okta's system log as the okta integration writes it."""
    return ecs(
        when,
        "okta.system",
        {
            "client": {"ip": address, "user": {"full_name": account, "name": account}},
            "event": {
                "action": kind,
                "category": ["authentication"],
                "id": guid("okta", account, kind, str(when)).lower(),
                "outcome": "success" if result == "SUCCESS" else "failure",
                "type": ["info"],
            },
            "okta": {
                "actor": {
                    "alternate_id": f"{account}@corp.example",
                    "display_name": account,
                    "id": "00u" + digest("okta", account)[:17],
                    "type": "User",
                },
                "client": {"device": "Computer", "ip": address, "zone": "null"},
                "display_message": kind.replace(".", " "),
                "event_type": kind,
                "outcome": {"result": result},
                "uuid": guid("okta", account, kind, str(when)).lower(),
            },
            "related": {"ip": [address], "user": [account]},
            "source": {"ip": address},
            "user": {"full_name": account, "name": account},
        },
    )


def entra_signin(
    when: datetime, account: str, address: str, protocol: str, result: str = "0"
) -> Document:
    """Return an Entra ID sign-in as the azure.signinlogs integration writes it."""
    return ecs(
        when,
        "azure.signinlogs",
        {
            "azure": {
                "signinlogs": {
                    "category": "SignInLogs",
                    "operation_name": "Sign-in activity",
                    "operation_version": "1.0",
                    "properties": {
                        "app_display_name": "Microsoft Azure CLI",
                        "app_id": guid("app", "cli").lower(),
                        "authentication_protocol": protocol,
                        "client_app_used": "Mobile Apps and Desktop clients",
                        "conditional_access_status": "notApplied",
                        "device_detail": {"browser": "Edge", "operating_system": "Windows10"},
                        "is_interactive": True,
                        "status": {"error_code": int(result)},
                        "user_principal_name": f"{account}@corp.example",
                    },
                    "result_signature": "None",
                    "result_type": result,
                },
                "tenant_id": guid("tenant").lower(),
            },
            "client": {"ip": address},
            "cloud": {"provider": "azure"},
            "event": {
                "action": "Sign-in activity",
                "category": ["authentication"],
                "id": guid("entra", account, str(when)).lower(),
                "outcome": "success" if result == "0" else "failure",
                "type": ["info"],
            },
            "related": {"ip": [address]},
            "source": {"address": address, "ip": address},
            "user": {"domain": "corp.example", "full_name": account.title(), "name": account},
        },
    )
