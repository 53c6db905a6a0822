"""ECS documents of Linux machines and network devices, as Elastic's integrations write them.

Source: the sample events and ingest pipelines of https://github.com/elastic/integrations
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from story.common import Document, Json, digest, number


def stamp(when: datetime) -> str:
    """Return the time in UTC with milliseconds, as ECS documents have it."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def ecs(when: datetime, dataset: str, *parts: Mapping[str, Json]) -> Document:
    """Return a document of a data stream, with `parts` merged into it in their order."""
    document: Document = {
        "@timestamp": stamp(when),
        "agent": {"type": "filebeat", "version": "9.5.0"},
        "data_stream": {"dataset": dataset, "namespace": "default", "type": "logs"},
        "ecs": {"version": "8.17.0"},
        "event": {"dataset": dataset, "module": dataset.split(".", maxsplit=1)[0], "kind": "event"},
    }
    for part in parts:
        _merge(document, part)
    return document


def _merge(document: Document, part: Mapping[str, Json]) -> None:
    for key, value in part.items():
        there = document.get(key)
        if isinstance(there, dict) and isinstance(value, dict):
            _merge(there, value)
        else:
            document[key] = dict(value) if isinstance(value, dict) else value


def linux_host(name: str, address: str) -> Document:
    """Return the part that says which Linux machine it was."""
    os: Document = {"type": "linux", "family": "debian", "platform": "debian", "version": "13"}
    return {"host": {"name": name, "hostname": name, "ip": [address], "os": os}}


def ssh_logon(when: datetime, host: Document, account: str, address: str, failed: bool) -> Document:
    """Return a logon as the system integration parses sshd's message (which it then removes)."""
    port = number(20000, 65000, account, address, str(when))
    return ecs(
        when,
        "system.auth",
        host,
        {
            "event": {
                "action": "ssh_login",
                "category": ["authentication", "session"],
                "outcome": "failure" if failed else "success",
                "type": ["info"],
            },
            "process": {"name": "sshd", "pid": number(1000, 30000, "sshd", address, str(when))},
            "related": {"ip": [address], "user": [account]},
            "source": {"address": address, "ip": address, "port": port},
            "system": {
                "auth": {
                    "ssh": {
                        "event": "Failed" if failed else "Accepted",
                        "method": "publickey" if address.startswith("10.") else "password",
                    }
                }
            },
            "user": {"name": account},
        },
    )


def auth_message(when: datetime, host: Document, program: str, message: str) -> Document:
    """Return a line of auth.log that the system integration leaves as text."""
    return ecs(when, "system.auth", host, {"message": message, "process": {"name": program}})


def linux_process(when: datetime, host: Document, command: str, user: str, parent: str) -> Document:
    """Return a process start as Elastic Defend writes it; the command begins with the path."""
    arguments = command.split(" ")
    executable = arguments[0]
    identity = number(2000, 60000, "pid", command, str(when))
    return ecs(
        when,
        "endpoint.events.process",
        host,
        {
            "agent": {"type": "endpoint"},
            "event": {"action": "exec", "category": ["process"], "type": ["start"]},
            "process": {
                "args": list(arguments),
                "args_count": len(arguments),
                "command_line": command,
                "entity_id": digest("entity", command, str(when))[:24],
                "executable": executable,
                "hash": {"sha256": digest("file", executable)},
                "name": executable.rsplit("/", 1)[-1],
                "parent": {
                    "command_line": parent,
                    "executable": parent.split(" ", maxsplit=1)[0],
                    "name": parent.split(" ", maxsplit=1)[0].rsplit("/", 1)[-1],
                    "pid": number(800, 2000, "ppid", parent),
                },
                "pid": identity,
                "working_directory": "/",
            },
            "user": {"name": user, "id": "0" if user == "root" else "1000"},
        },
    )


def linux_file(when: datetime, host: Document, path: str, program: str, user: str) -> Document:
    """Return a file creation as Elastic Defend writes it."""
    return ecs(
        when,
        "endpoint.events.file",
        host,
        {
            "agent": {"type": "endpoint"},
            "event": {"action": "creation", "category": ["file"], "type": ["creation"]},
            "file": {"name": path.rsplit("/", 1)[-1], "path": path},
            "process": {
                "executable": program,
                "name": program.rsplit("/", 1)[-1],
                "pid": number(2000, 60000, "file", program, str(when)),
            },
            "user": {"name": user, "id": "0" if user == "root" else "1000"},
        },
    )


def dns_question(when: datetime, client: str, name: str, kind: str = "A") -> Document:
    """Return a DNS transaction as Packetbeat's network traffic integration writes it."""
    return ecs(
        when,
        "network_traffic.dns",
        {
            "agent": {"type": "packetbeat"},
            "client": {"ip": client},
            "destination": {"ip": "10.20.0.10", "port": 53},
            "dns": {
                "question": {"class": "IN", "name": name, "type": kind},
                "response_code": "NOERROR",
                "type": "answer",
            },
            "event": {"category": ["network"], "type": ["connection", "protocol"]},
            "network": {"protocol": "dns", "transport": "udp", "type": "ipv4"},
            "source": {"ip": client, "port": number(20000, 65000, client, name)},
        },
    )


def firewall(when: datetime, client: str, target: tuple[str, int], denied: bool) -> Document:
    """Return a firewall's decision on a connection."""
    address, port = target
    return ecs(
        when,
        "pfsense.log",
        {
            "destination": {"address": address, "ip": address, "port": port},
            "event": {
                "action": "block" if denied else "pass",
                "category": ["network"],
                "provider": "filterlog",
                "type": ["connection", "denied" if denied else "allowed"],
            },
            "network": {"direction": "outbound", "transport": "tcp", "type": "ipv4"},
            "observer": {"name": "fw01", "type": "firewall", "vendor": "netgate"},
            "source": {"address": client, "ip": client, "port": number(20000, 65000, client, port)},
        },
    )


def proxy(when: datetime, client: str, url: str, agent: str) -> Document:
    """Return a request that a web proxy let through."""
    domain, _, path = url.partition("://")[2].partition("/")
    name = path.partition("?")[0].rsplit("/", 1)[-1]
    address: Document = {"url": {"extension": name.rsplit(".", 1)[-1]}} if "." in name else {}
    return ecs(
        when,
        "squid.log",
        {
            "destination": {"address": domain, "domain": domain},
            "event": {"action": "TCP_MISS", "category": ["network", "web"], "type": ["access"]},
            "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
            "observer": {"type": "proxy", "vendor": "Squid"},
            "source": {"address": client, "ip": client},
            "url": {"domain": domain, "full": url, "original": url, "path": "/" + path},
            "user_agent": {"original": agent},
        },
        address,
    )
