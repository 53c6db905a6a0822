"""What the shipped rows read out of documents as Elastic's integrations write them."""

from collections.abc import Mapping
from typing import Any

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Conjunction, Logsource, LogsourcePlace
from sigma2hive.model.values import Values, flatten
from sigma2hive.schema import load_profile


def place_of(logsource: Logsource, profile: str = "ecs") -> LogsourcePlace:
    loaded = load_profile(profile, None, Diagnostics())
    assert loaded is not None
    place = loaded.place(logsource)
    assert place is not None
    return place


def meets(values: Values, conjunction: Conjunction) -> bool:
    return all(
        path in values and ("*" in accepted or set(accepted) & set(values[path]))
        for path, accepted in conjunction.items()
    )


def read(place: LogsourcePlace, name: str, values: Values) -> set[str]:
    return {text for field in place.resolve(name) for text in field.values_of(values)}


AUDITD = Logsource("linux", service="auditd")
LINUX_PROCESS = Logsource("linux", "process_creation")
GOOGLE = Logsource("gcp", service="google_workspace.admin")

#: (log source, document, Sigma fields with the value that each must find)
DOCUMENTS: list[tuple[Logsource, Mapping[str, Any], Mapping[str, str]]] = [
    (  # Elastic Defend
        LINUX_PROCESS,
        {
            "host.os.type": "linux",
            "event": {"category": ["process"], "type": ["start"], "action": "exec"},
            "process": {"executable": "/bin/sh", "command_line": "sh -c id", "parent.pid": 7},
        },
        {"Image": "/bin/sh", "CommandLine": "sh -c id", "ParentProcessId": "7"},
    ),
    (  # Auditbeat has the command line as the process's title only
        LINUX_PROCESS,
        {
            "host.os.type": "linux",
            "event": {"module": "auditd", "action": "executed"},
            "process": {"executable": "/bin/sh", "title": "sh -c id"},
        },
        {"Image": "/bin/sh", "CommandLine": "sh -c id"},
    ),
    (  # the auditd integration: one event a record, EXECVE's arguments as a list
        AUDITD,
        {
            "event": {"dataset": "auditd.log", "action": "execve"},
            "process": {"executable": "chmod", "args": ["chmod", "777", "/etc/shadow"]},
        },
        {"type": "execve", "a0": "chmod", "a1": "777"},
    ),
    (  # auditd_manager: one event a system call, with all its records
        AUDITD,
        {
            "event": {"module": "auditd", "action": "executed"},
            "auditd": {
                "message_type": "syscall",
                "data": {"syscall": "execve", "a0": "55d0"},
                "paths": [{"name": "/bin/chmod", "nametype": "NORMAL"}],
            },
            "process.args": ["chmod", "777"],
            "tags": ["perm_mod"],
        },
        {"type": "EXECVE", "a0": "chmod", "key": "perm_mod", "name": "/bin/chmod"},
    ),
    (
        AUDITD,
        {"event.module": "auditd", "auditd.paths": [{"nametype": "CREATE"}]},
        {"type": "PATH"},
    ),
    (
        Logsource("linux", "network_connection"),
        {
            "host.os.type": "linux",
            "event": {"category": "network", "type": "start", "action": "connection_attempted"},
            "destination.domain": "pool.example",
        },
        {"Initiated": "true", "DestinationHostname": "pool.example"},
    ),
    (
        Logsource("linux", service="sudo"),
        {"process.name": "sudo", "system.auth.sudo.user": "#-1"},
        {"USER": "#-1"},
    ),
    (
        Logsource("aws", service="cloudtrail"),
        {
            "data_stream.dataset": "aws.cloudtrail",
            "event": {"action": "ConsoleLogin", "provider": "signin.amazonaws.com"},
            "aws.cloudtrail": {
                "user_identity.type": "Root",
                "flattened": {"additional_eventdata": {"MFAUsed": "No"}},
            },
        },
        {
            "eventName": "ConsoleLogin",
            "eventSource": "signin.amazonaws.com",
            "userIdentity.type": "Root",
            "additionalEventData.MFAUsed": "No",
        },
    ),
    (
        Logsource("azure", service="auditlogs"),
        {
            "event": {"dataset": "azure.auditlogs", "outcome": "success"},
            "azure.auditlogs": {
                "operation_name": "Update user",
                "properties": {
                    "category": "UserManagement",
                    "target_resources": {"0": {"modified_properties": {"1": {"new_value": "x"}}}},
                },
            },
        },
        {
            "properties.message": "Update user",
            "Category": "UserManagement",
            "Status": "success",
            "TargetResources.ModifiedProperties.NewValue": "x",
        },
    ),
    (
        Logsource("azure", service="riskdetection"),
        {
            "event.dataset": "azure.identity_protection",
            "azure.identityprotection.properties.risk_event_type": "anonymizedIPAddress",
        },
        {"riskEventType": "anonymizedIPAddress"},
    ),
    (  # Elastic's short name of the application is the service that Sigma rules name
        GOOGLE,
        {
            "event": {
                "dataset": "google_workspace.admin",
                "provider": "admin",
                "action": "REMOVE_PRIVILEGE",
            }
        },
        {"eventService": "admin.googleapis.com", "eventName": "REMOVE_PRIVILEGE"},
    ),
    (
        Logsource("okta", service="okta"),
        {
            "event": {"dataset": "okta.system", "action": "user.session.start"},
            "okta": {"target": [{"display_name": "a"}, {"display_name": "svc_network_backup"}]},
        },
        {"eventType": "user.session.start", "target.displayName": "svc_network_backup"},
    ),
    (
        Logsource("m365", service="threat_management"),
        {
            "event": {
                "dataset": "o365.audit",
                "provider": "SecurityComplianceCenter",
                "action": "Potential ransomware activity",
                "outcome": "success",
            }
        },
        {"eventSource": "SecurityComplianceCenter", "status": "success"},
    ),
    (
        Logsource("kubernetes", "application", "audit"),
        {
            "event.dataset": "kubernetes.audit_logs",
            "kubernetes.audit": {
                "verb": "create",
                "objectRef": {"resource": "pods"},
                "requestObject.spec.volumes": [{"hostPath": {"path": "/"}}],
            },
        },
        {"verb": "create", "objectRef.resource": "pods", "hostPath": "/"},
    ),
    (
        Logsource("zeek", service="dns"),
        {"event.dataset": "zeek.dns", "dns.question.name": "a.example", "zeek.dns.rejected": True},
        {"query": "a.example", "rejected": "true"},
    ),
    (
        Logsource("fortigate", service="event"),
        {
            "event.dataset": "fortinet_fortigate.log",
            "fortinet.firewall": {"action": "Add", "cfgpath": "user.local"},
        },
        {"action": "Add", "cfgpath": "user.local"},
    ),
    (
        Logsource(category="webserver"),
        {"event.category": ["web"], "url.original": "/x?y=1", "http.response.status_code": 404},
        {"cs-uri-query": "/x?y=1", "sc-status": "404"},
    ),
    (
        Logsource("bitbucket", service="audit"),
        {
            "event.dataset": "atlassian_bitbucket.audit",
            "bitbucket.audit": {"type.category": "Projects", "method": "Browser"},
        },
        {"auditType.category": "Projects", "method": "Browser"},
    ),
]


@pytest.mark.parametrize(
    ("logsource", "document", "expected"),
    [pytest.param(*case, id=str(case[0])) for case in DOCUMENTS],
)
@pytest.mark.parametrize("profile", ["ecs", "elastic-agent"])
def test_a_document_is_of_its_log_source_and_read_in_sigmas_names(
    profile: str, logsource: Logsource, document: Mapping[str, Any], expected: Mapping[str, str]
) -> None:
    place, values = place_of(logsource, profile), flatten(document)
    assert any(meets(values, conjunction) for conjunction in place.any_of)
    for name, text in expected.items():
        assert text in read(place, name, values), name


def test_a_document_of_another_log_source_is_not_taken() -> None:
    values = flatten({"event": {"dataset": "aws.vpcflow", "module": "aws"}})
    for logsource in (Logsource("aws", service="cloudtrail"), AUDITD, LINUX_PROCESS, GOOGLE):
        assert not any(meets(values, conjunction) for conjunction in place_of(logsource).any_of)


def test_the_core_group_of_kubernetes_is_an_absent_key() -> None:
    (group,) = place_of(Logsource("kubernetes", service="audit")).resolve("apiGroup")
    assert "" in group.dropped


def test_what_kubernetes_does_not_index_is_left_to_the_engine() -> None:
    place = place_of(Logsource("kubernetes", service="audit"))
    (capabilities,) = place.resolve("capabilities")
    assert capabilities.type == "other"
    (flattened,) = place_of(Logsource("aws", service="cloudtrail")).resolve(
        "requestParameters.attribute"
    )
    assert flattened.type == "flattened"
