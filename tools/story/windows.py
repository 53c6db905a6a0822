"""Raw Windows events, in the shape in which the evtx tools print them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from story.common import Document, digest, guid, number

DOMAIN_SID = "S-1-5-21-2718281828-3141592653-1618033988"
ACCOUNT_IDS = {"administrator": 500, "anna": 1104, "ben": 1105, "chen": 1106, "dora": 1107}

SYSMON = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon")
SECURITY = ("Security", "Microsoft-Windows-Security-Auditing")
SYSTEM = ("System", "Service Control Manager")
POWERSHELL = ("Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell")
EVENTLOG = ("Security", "Microsoft-Windows-Eventlog")
PROVIDER_GUIDS = {
    "Microsoft-Windows-Sysmon": "5770385F-C22A-43E0-BF4C-06F5698FFBD9",
    "Microsoft-Windows-Security-Auditing": "54849625-5478-4994-A5BA-3E3B0328C30D",
    "Service Control Manager": "555908D1-A6D7-4695-8E1E-26931D2012F4",
    "Microsoft-Windows-PowerShell": "A0C1853B-5C40-4B15-8766-3CF1C58F985A",
    "Microsoft-Windows-Eventlog": "FC65DDD8-D6EF-4962-83D5-6E5CFE9CE148",
}


def sid_of(account: str) -> str:
    """Return the security identifier of an account of the domain."""
    name = account.lower()
    return f"{DOMAIN_SID}-{ACCOUNT_IDS.get(name) or number(1200, 1999, 'rid', name)}"


@dataclass(frozen=True, slots=True)
class Program:
    """A Windows program: where it lies, what it calls itself, who made it."""

    image: str
    original: str
    description: str = "-"
    company: str = "Microsoft Corporation"

    @property
    def hashes(self) -> str:
        """Sysmon's field of hashes, one set for each image."""
        text = digest("image", self.image.lower()).upper()
        return f"SHA1={text[:40]},MD5={text[8:40]},SHA256={text},IMPHASH={text[32:]}"


@dataclass(frozen=True, slots=True)
class Start:
    """A process start: program, command line, account, and what started it."""

    program: Program
    command: str
    user: str
    parent: Program
    parent_command: str = ""
    integrity: str = "Medium"


@dataclass(slots=True)
class WindowsHost:
    """One Windows machine; counts its records as the event logs do."""

    computer: str
    records: dict[str, int] = field(default_factory=dict)

    def event(
        self, when: datetime, source: tuple[str, str], event_id: int, data: Document
    ) -> Document:
        """Return a raw event; `data` {"UserData": …} replaces the event data."""
        channel, provider = source
        first = number(20_000, 900_000, "record", self.computer, channel)
        record = self.records[channel] = self.records.get(channel, first) + 1
        system: Document = {
            "Provider": {"#attributes": {"Name": provider, "Guid": PROVIDER_GUIDS[provider]}},
            "EventID": event_id,
            "Version": 5 if source == SYSMON and event_id == 1 else 2 if source == SYSMON else 0,
            "Level": 0 if channel == "Security" else 4,
            "Task": event_id if source == SYSMON else number(12_000, 14_000, "task", event_id),
            "Opcode": 0,
            "Keywords": _keywords(channel, event_id),
            "TimeCreated": {"#attributes": {"SystemTime": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}},
            "EventRecordID": record,
            "Correlation": None,
            "Execution": {
                "#attributes": {
                    "ProcessID": number(600, 4000, "pid", self.computer, channel),
                    "ThreadID": number(600, 9000, "tid", self.computer, channel, record),
                }
            },
            "Channel": channel,
            "Computer": self.computer,
            "Security": {"#attributes": {"UserID": "S-1-5-18"}} if source == SYSMON else None,
        }
        body: Document = data if "UserData" in data else {"EventData": data}
        return {
            "Event": {
                "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
                "System": system,
                **body,
            }
        }

    def process(self, when: datetime, start: Start) -> Document:
        """Return Sysmon's event 1, a process start."""
        seed = (self.computer, when.isoformat(), start.command)
        return self.event(
            when,
            SYSMON,
            1,
            {
                "RuleName": "-",
                "UtcTime": _sysmon_time(when),
                "ProcessGuid": guid("process", *seed),
                "ProcessId": number(1000, 16000, "process", *seed),
                "Image": start.program.image,
                "FileVersion": "10.0.20348.1 (WinBuild.160101.0800)",
                "Description": start.program.description,
                "Product": "Microsoft® Windows® Operating System",
                "Company": start.program.company,
                "OriginalFileName": start.program.original,
                "CommandLine": start.command,
                "CurrentDirectory": "C:\\Windows\\system32\\",
                "User": start.user,
                "LogonGuid": guid("logon", self.computer, start.user),
                "LogonId": _logon_id(self.computer, start.user),
                "TerminalSessionId": 0 if start.integrity == "System" else 2,
                "IntegrityLevel": start.integrity,
                "Hashes": start.program.hashes,
                "ParentProcessGuid": guid("parent", self.computer, start.parent.image),
                "ParentProcessId": number(500, 9000, "parent", self.computer, start.parent.image),
                "ParentImage": start.parent.image,
                "ParentCommandLine": start.parent_command or f'"{start.parent.image}"',
                "ParentUser": start.user,
            },
        )

    def access(self, when: datetime, source: str, target: str, granted: str) -> Document:
        """Return Sysmon's event 10, one process opening another."""
        return self.event(
            when,
            SYSMON,
            10,
            {
                "RuleName": "-",
                "UtcTime": _sysmon_time(when),
                "SourceProcessGUID": guid("process", self.computer, source),
                "SourceProcessId": number(1000, 16000, self.computer, source),
                "SourceThreadId": number(1000, 16000, "thread", self.computer, source),
                "SourceImage": source,
                "TargetProcessGUID": guid("process", self.computer, target),
                "TargetProcessId": number(600, 999, self.computer, target),
                "TargetImage": target,
                "GrantedAccess": granted,
                "CallTrace": "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4"
                "|C:\\Windows\\System32\\KERNELBASE.dll+2c13e",
                "SourceUser": "NT AUTHORITY\\SYSTEM",
                "TargetUser": "NT AUTHORITY\\SYSTEM",
            },
        )

    def registry(self, when: datetime, image: str, target: str, details: str) -> Document:
        """Return Sysmon's event 13, a registry value set."""
        return self.event(
            when,
            SYSMON,
            13,
            {
                "RuleName": "-",
                "EventType": "SetValue",
                "UtcTime": _sysmon_time(when),
                "ProcessGuid": guid("process", self.computer, image),
                "ProcessId": number(1000, 16000, self.computer, image),
                "Image": image,
                "TargetObject": target,
                "Details": details,
                "User": "CORP\\anna",
            },
        )

    def connection(self, when: datetime, image: str, address: str, port: int) -> Document:
        """Return Sysmon's event 3, a network connection."""
        return self.event(
            when,
            SYSMON,
            3,
            {
                "RuleName": "-",
                "UtcTime": _sysmon_time(when),
                "ProcessGuid": guid("process", self.computer, image),
                "ProcessId": number(1000, 16000, self.computer, image),
                "Image": image,
                "User": "CORP\\anna",
                "Protocol": "tcp",
                "Initiated": "true",
                "SourceIsIpv6": "false",
                "SourceIp": "10.20.4.14",
                "SourceHostname": self.computer,
                "SourcePort": number(49152, 65535, self.computer, when.isoformat()),
                "SourcePortName": "-",
                "DestinationIsIpv6": "false",
                "DestinationIp": address,
                "DestinationHostname": "-",
                "DestinationPort": port,
                "DestinationPortName": "https" if port == 443 else "-",
            },
        )

    def failed_logon(self, when: datetime, account: str, address: str) -> Document:
        """Return event 4625 for a wrong password over the network."""
        return self.event(
            when,
            SECURITY,
            4625,
            {
                "SubjectUserSid": "S-1-0-0",
                "SubjectUserName": "-",
                "SubjectDomainName": "-",
                "SubjectLogonId": "0x0",
                "TargetUserSid": "S-1-0-0",
                "TargetUserName": account,
                "TargetDomainName": "CORP",
                "Status": "0xc000006d",
                "FailureReason": "%%2313",
                "SubStatus": "0xc000006a",
                "LogonType": 3,
                "LogonProcessName": "NtLmSsp ",
                "AuthenticationPackageName": "NTLM",
                "WorkstationName": "-",
                "TransmittedServices": "-",
                "LmPackageName": "-",
                "KeyLength": 0,
                "ProcessId": "0x0",
                "ProcessName": "-",
                "IpAddress": address,
                "IpPort": "-" if address == "-" else str(number(49152, 65535, address, str(when))),
            },
        )

    def logon(self, when: datetime, account: str, address: str, kind: int = 3) -> Document:
        """Return event 4624; `kind` is Windows' logon type."""
        return self.event(
            when,
            SECURITY,
            4624,
            {
                "SubjectUserSid": "S-1-5-18",
                "SubjectUserName": self.computer.split(".")[0].upper() + "$",
                "SubjectDomainName": "CORP",
                "SubjectLogonId": "0x3e7",
                "TargetUserSid": sid_of(account),
                "TargetUserName": account,
                "TargetDomainName": "CORP",
                "TargetLogonId": _logon_id(self.computer, account),
                "LogonType": kind,
                "LogonProcessName": "User32 " if kind == 10 else "Kerberos",
                "AuthenticationPackageName": "Negotiate" if kind == 10 else "Kerberos",
                "WorkstationName": self.computer.split(".")[0].upper() if kind == 10 else "-",
                "LogonGuid": guid("logon", self.computer, account),
                "TransmittedServices": "-",
                "LmPackageName": "-",
                "KeyLength": 0,
                "ProcessId": "0x4d8" if kind == 10 else "0x0",
                "ProcessName": "C:\\Windows\\System32\\svchost.exe" if kind == 10 else "-",
                "IpAddress": address,
                "IpPort": "0" if kind == 10 else str(number(49152, 65535, address, str(when))),
                "ImpersonationLevel": "%%1833",
                "RestrictedAdminMode": "-",
                "TargetOutboundUserName": "-",
                "TargetOutboundDomainName": "-",
                "VirtualAccount": "%%1843",
                "TargetLinkedLogonId": "0x0",
                "ElevatedToken": "%%1842",
            },
        )

    def logoff(self, when: datetime, account: str) -> Document:
        """Return event 4634."""
        return self.event(
            when,
            SECURITY,
            4634,
            {
                "TargetUserSid": sid_of(account),
                "TargetUserName": account,
                "TargetDomainName": "CORP",
                "TargetLogonId": _logon_id(self.computer, account),
                "LogonType": 3,
            },
        )

    def service_ticket(
        self,
        when: datetime,
        account: str,
        service: str,
        client: str,
        encryption: str = "0x12",
    ) -> Document:
        """Return event 4769; encryption 0x12 is AES-256, 0x17 is RC4."""
        return self.event(
            when,
            SECURITY,
            4769,
            {
                "TargetUserName": f"{account}@CORP.EXAMPLE",
                "TargetDomainName": "CORP.EXAMPLE",
                "ServiceName": service,
                "ServiceSid": sid_of(service),
                "TicketOptions": "0x40810000",
                "TicketEncryptionType": encryption,
                "IpAddress": f"::ffff:{client}",
                "IpPort": str(number(49152, 65535, account, service, str(when))),
                "Status": "0x0",
                "LogonGuid": guid("ticket", account, service),
                "TransmittedServices": "-",
            },
        )

    def scheduled_task(self, when: datetime, account: str, name: str, command: str) -> Document:
        """Return event 4698 with the task's own XML."""
        program, _, arguments = command.partition(" ")
        content = (
            '<?xml version="1.0" encoding="UTF-16"?>\r\n'
            '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
            f"\r\n  <RegistrationInfo><Author>CORP\\{account}</Author></RegistrationInfo>"
            "\r\n  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>"
            '\r\n  <Actions Context="Author"><Exec>'
            f"<Command>{program}</Command><Arguments>{arguments}</Arguments>"
            "</Exec></Actions>\r\n</Task>"
        )
        return self.event(
            when,
            SECURITY,
            4698,
            {
                "SubjectUserSid": sid_of(account),
                "SubjectUserName": account,
                "SubjectDomainName": "CORP",
                "SubjectLogonId": _logon_id(self.computer, account),
                "TaskName": name,
                "TaskContent": content,
            },
        )

    def service_installed(self, when: datetime, name: str, path: str) -> Document:
        """Return event 7045 of the System log."""
        return self.event(
            when,
            SYSTEM,
            7045,
            {
                "ServiceName": name,
                "ImagePath": path,
                "ServiceType": "user mode service",
                "StartType": "demand start",
                "AccountName": "LocalSystem",
            },
        )

    def group_member(
        self, when: datetime, event_id: int, group: tuple[str, str], member: str
    ) -> Document:
        """Return event 4728, 4732 or 4756; `group` is its name and SID."""
        return self.event(
            when,
            SECURITY,
            event_id,
            {
                "MemberName": f"CN={member},OU=People,DC=corp,DC=example",
                "MemberSid": sid_of(member) if not member.startswith("S-1-") else member,
                "TargetUserName": group[0],
                "TargetDomainName": "CORP",
                "TargetSid": group[1],
                "SubjectUserSid": sid_of("administrator"),
                "SubjectUserName": "administrator",
                "SubjectDomainName": "CORP",
                "SubjectLogonId": _logon_id(self.computer, "administrator"),
                "PrivilegeList": "-",
            },
        )

    def script_block(self, when: datetime, text: str, path: str = "") -> Document:
        """Return event 4104, a PowerShell script block."""
        return self.event(
            when,
            POWERSHELL,
            4104,
            {
                "MessageNumber": 1,
                "MessageTotal": 1,
                "ScriptBlockText": text,
                "ScriptBlockId": guid("block", self.computer, text).lower(),
                "Path": path,
            },
        )

    def log_cleared(self, when: datetime, account: str) -> Document:
        """Return event 1102, which carries user data instead of event data."""
        return self.event(
            when,
            EVENTLOG,
            1102,
            {
                "UserData": {
                    "LogFileCleared": {
                        "#attributes": {
                            "xmlns": "http://manifests.microsoft.com/win/2004/08/windows/eventlog"
                        },
                        "SubjectUserSid": sid_of(account),
                        "SubjectUserName": account,
                        "SubjectDomainName": "CORP",
                        "SubjectLogonId": _logon_id(self.computer, account),
                    }
                }
            },
        )


def _keywords(channel: str, event_id: int) -> str:
    if channel != "Security":
        return "0x8000000000000000"
    return "0x8010000000000000" if event_id == 4625 else "0x8020000000000000"


def _sysmon_time(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S.") + f"{when.microsecond // 1000:03d}"


def _logon_id(computer: str, account: str) -> str:
    return f"0x{number(0x20000, 0xFFFFFF, 'session', computer, account.lower()):x}"
