"""The command line: one module a command; parsing, printing and exit codes only."""

from __future__ import annotations

import click

from sigma2hive import __version__
from sigma2hive.cli.program import Program

#: Name → where the command is; it is imported when it is asked for, since a start should be quick.
COMMANDS = {
    "backtest": "sigma2hive.cli.backtest:backtest",
    "compile": "sigma2hive.cli.compile:compile_rules",
    "doctor": "sigma2hive.cli.doctor:doctor",
    "explain": "sigma2hive.cli.explain:explain",
    "inbox": "sigma2hive.cli.inbox:inbox",
    "matches": "sigma2hive.cli.matches:matches",
    "mute": "sigma2hive.cli.mute:mute",
    "replay": "sigma2hive.cli.replay:replay",
    "run": "sigma2hive.cli.run:run",
    "schema": "sigma2hive.cli.schema:schema",
    "status": "sigma2hive.cli.status:status",
    "test": "sigma2hive.cli.test:test",
}


@click.group(
    cls=Program,
    commands_at=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 findings, 2 usage, 3 configuration, 4 a server was unreachable.",
)
@click.version_option(__version__, "-V", "--version", prog_name="sigma2hive")
def main() -> None:
    """Sigma rules in Git to TheHive alerts: read, match, deliver."""
