"""Everyday events around the attack, none of which a rule should alert on.

Takes a seed; gives events by file, spread over the story's hour. Some come close to a rule on
purpose: mistyped passwords, a denied call, an antivirus reading LSASS, an update by a task.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from story.cloud import Caller, cloudtrail, entra_signin, okta
from story.common import Document
from story.ecs import (
    auth_message,
    dns_question,
    firewall,
    linux_file,
    linux_host,
    linux_process,
    proxy,
    ssh_logon,
)
from story.windows import Program, Start, WindowsHost

START = datetime(2026, 11, 20, 1, 50)
SECONDS = 70 * 60
Choice = TypeVar("Choice")

STAFF = {"anna": "10.20.4.14", "ben": "10.20.4.15", "chen": "10.20.4.22", "dora": "10.20.4.31"}
SYSTEM32 = "C:\\Windows\\System32\\"
SERVICES = Program(SYSTEM32 + "services.exe", "services.exe", "Services and Controller app")
EXPLORER = Program("C:\\Windows\\explorer.exe", "EXPLORER.EXE", "Windows Explorer")
BROWSER = Program(
    "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
    "msedge.exe",
    "Microsoft Edge",
)
DEFENDER = "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.26100.3\\MsMpEng.exe"
DAILY = (
    (SYSTEM32 + "svchost.exe", "svchost.exe -k netsvcs -p -s Schedule", True),
    (SYSTEM32 + "taskhostw.exe", "taskhostw.exe KEYROAMING", True),
    (SYSTEM32 + "wbem\\WmiPrvSE.exe", "WmiPrvSE.exe -secured -Embedding", True),
    (SYSTEM32 + "conhost.exe", "conhost.exe 0xffffffff -ForceV1", True),
    (SYSTEM32 + "backgroundTaskHost.exe", "backgroundTaskHost.exe -ServerName:App", False),
    (BROWSER.image, "msedge.exe --type=renderer --lang=en-GB", False),
    (SYSTEM32 + "notepad.exe", "notepad.exe C:\\Users\\Shared\\rota.txt", False),
    (SYSTEM32 + "ipconfig.exe", "ipconfig /renew", False),
    ("C:\\Program Files\\Example Backup\\agent.exe", "agent.exe --job nightly", True),
)
SITES = (
    "https://www.example.com/",
    "https://intranet.corp.example/news",
    "https://download.example.net/tool/setup.exe",
    "https://packages.example.org/debian/pool/main/c/curl.deb",
    "http://crl.example.com/root.crl",
    "http://10.20.0.31/share/agent.msi",
)
NAMES = (
    "www.example.com",
    "login.corp.example",
    "updates.example.net",
    "a1b2c3d4.cdn.example.org",
    "time.example.net",
    "3f1c9ab2e4d57788.telemetry.example.com",
)
READS = (
    ("ec2", "DescribeInstances"),
    ("s3", "GetBucketLocation"),
    ("cloudwatch", "GetMetricData"),
    ("autoscaling", "DescribeAutoScalingGroups"),
    ("sts", "AssumeRole"),
    ("cloudtrail", "DescribeTrails"),
    ("kms", "GenerateDataKey"),
)
JOBS = (
    "/usr/bin/python3 /opt/app/collect.py --once",
    "/bin/sh -c /usr/lib/sysstat/sa1 1 1",
    "/usr/bin/curl -fsS http://10.20.8.12:8080/health",
    "/usr/sbin/logrotate /etc/logrotate.conf",
    "/usr/bin/rm -f /var/log/nginx/access.log.8.gz",
    "/usr/bin/apt-get -qq update",
    "/usr/bin/nc -z -w 2 10.20.8.12 5432",
)
BROWSER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/148.0 Edg/148.0"
)


class Dice:
    """Chance that repeats: only `random()` is used, whose sequence Python guarantees."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of the choices."""
        return choices[int(self._random.random() * len(choices))]

    def moments(self, count: int) -> list[datetime]:
        """Return `count` times within the story, in order, to the millisecond."""
        draws = sorted(int(self._random.random() * SECONDS * 1000) for _ in range(count))
        return [START + timedelta(milliseconds=draw) for draw in draws]


def windows_background(hosts: dict[str, WindowsHost], seed: int) -> list[Document]:
    """Return logons, tickets, process starts and the like of all Windows machines."""
    dice = Dice(seed)
    machines = list(hosts.values())
    events: list[Document] = []
    for when in dice.moments(170):
        account, address = dice.pick(list(STAFF.items()))
        machine = dice.pick(machines)
        events.append(machine.logon(when, account, address))
        events.append(machine.logoff(when + timedelta(seconds=40), account))
    for when in dice.moments(110):
        service = dice.pick(("FS01$", "WEB01$", "svc-sql", "svc-web", "krbtgt"))
        account, address = dice.pick(list(STAFF.items()))
        events.append(hosts["dc01"].service_ticket(when, account, service, address))
    for when in dice.moments(240):
        image, command, as_system = dice.pick(DAILY)
        name = image.rpartition("\\")[2]
        user = "NT AUTHORITY\\SYSTEM" if as_system else f"CORP\\{dice.pick(list(STAFF))}"
        start = Start(
            Program(image, name, name),
            command,
            user,
            SERVICES if as_system else EXPLORER,
            integrity="System" if as_system else "Medium",
        )
        events.append(dice.pick(machines).process(when, start))
    events += _windows_close_calls(hosts, dice)
    return events


def _windows_close_calls(hosts: dict[str, WindowsHost], dice: Dice) -> list[Document]:
    """Return events that look a little like an attack."""
    events: list[Document] = []
    for when in dice.moments(9):
        account, address = dice.pick(list(STAFF.items()))
        events.append(hosts["fs01"].failed_logon(when, account, address))
    for when in dice.moments(60):
        events.append(
            dice.pick(list(hosts.values())).access(when, DEFENDER, SYSTEM32 + "lsass.exe", "0x1010")
        )
    for when in dice.moments(70):
        address = f"192.0.2.{10 + int(when.timestamp()) % 90}"
        events.append(hosts["wks014"].connection(when, BROWSER.image, address, 443))
    for when in dice.moments(24):
        text = dice.pick(
            (
                "Get-Service | Where-Object Status -eq Stopped",
                "Invoke-WebRequest https://intranet.corp.example/rota.csv -OutFile rota.csv",
                "Import-Module ActiveDirectory; Get-ADUser -Filter * | Measure-Object",
            )
        )
        events.append(hosts["wks014"].script_block(when, text, "C:\\Scripts\\daily.ps1"))
    events += [
        hosts["fs01"].scheduled_task(
            START + timedelta(minutes=6),
            "administrator",
            "\\Example\\Nightly copy",
            "C:\\Windows\\System32\\robocopy.exe D:\\Data E:\\Copy /MIR",
        ),
        hosts["fs01"].service_installed(
            START + timedelta(minutes=7),
            "Example Backup Agent",
            '"C:\\Program Files\\Example Backup\\agent.exe" --service',
        ),
        hosts["rdgw01"].logon(START + timedelta(minutes=2), "dora", "10.20.4.31", 10),
        hosts["fs01"].process(
            START + timedelta(minutes=30),
            Start(
                Program(SYSTEM32 + "vssadmin.exe", "VSSADMIN.EXE"),
                "vssadmin.exe delete shadows /for=E: /oldest",
                "CORP\\svc-backup",
                Program("C:\\Program Files\\Example Backup\\agent.exe", "agent.exe"),
                integrity="High",
            ),
        ),
    ]
    return events


def linux_background(seed: int) -> list[Document]:
    """Return logons, scheduled jobs and package updates of two servers."""
    dice = Dice(seed)
    hosts = (
        linux_host("web01.corp.example", "10.20.8.11"),
        linux_host("db01.corp.example", "10.20.8.12"),
    )
    events: list[Document] = []
    for when in dice.moments(120):
        host = dice.pick(hosts)
        message = "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"
        events.append(auth_message(when, host, "cron", message))
    for when in dice.moments(60):
        account = dice.pick(("deploy", "ben", "monitor"))
        events.append(ssh_logon(when, dice.pick(hosts), account, "10.20.8.40", False))
    for when in dice.moments(7):
        events.append(ssh_logon(when, dice.pick(hosts), "ben", "10.20.4.15", True))
    for when in dice.moments(150):
        parent = "/usr/sbin/cron -f"
        events.append(linux_process(when, dice.pick(hosts), dice.pick(JOBS), "monitor", parent))
    for when in dice.moments(14):
        path = dice.pick(("/etc/cron.d/sysstat", "/var/lib/app/state.json", "/tmp/app.lock"))
        events.append(linux_file(when, dice.pick(hosts), path, "/usr/bin/dpkg", "root"))
    return events


def network_background(seed: int) -> list[Document]:
    """Return name look-ups, web requests and firewall decisions."""
    dice = Dice(seed)
    clients = list(STAFF.values())
    events: list[Document] = []
    for when in dice.moments(260):
        events.append(dns_question(when, dice.pick(clients), dice.pick(NAMES)))
    for when in dice.moments(160):
        events.append(proxy(when, dice.pick(clients), dice.pick(SITES), BROWSER_AGENT))
    for when in dice.moments(150):
        port = dice.pick((443, 443, 443, 80, 123, 8443))
        events.append(firewall(when, dice.pick(clients), ("192.0.2.80", port), port == 8443))
    for when in dice.moments(60):
        outside = f"198.51.100.{1 + int(when.timestamp()) % 250}"
        target = ("192.0.2.10", dice.pick((22, 23, 445, 3389)))
        events.append(firewall(when, outside, target, True))
    return events


def cloud_background(seed: int) -> list[Document]:
    """Return AWS reads by roles and people, and sign-ins to Okta and Entra ID."""
    dice = Dice(seed)
    callers = (
        Caller("monitoring", "10.20.8.40", "AssumedRole", "ASIAIOSFODNN7EXAMPLE"),
        Caller("backup", "10.20.8.41", "AssumedRole", "ASIAI44QH8DHBEXAMPLE"),
        Caller("deploy-bot", "192.0.2.60"),
    )
    events = [cloudtrail(when, dice.pick(callers), *dice.pick(READS)) for when in dice.moments(170)]
    for when in dice.moments(6):
        events.append(cloudtrail(when, callers[0], "s3", "GetBucketPolicy", "AccessDenied"))
    for when in dice.moments(40):
        account = dice.pick(list(STAFF))
        events.append(okta(when, account, "192.0.2.51", "user.session.start", "SUCCESS"))
    for when in dice.moments(40):
        events.append(entra_signin(when, dice.pick(list(STAFF)), "192.0.2.51", "none"))
    return events
