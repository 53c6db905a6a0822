"""The command line: one module a command; parsing, printing and exit codes only."""

from __future__ import annotations

import click

from sigma2hive import __version__
from sigma2hive.cli.backtest import backtest
from sigma2hive.cli.compile import compile_rules
from sigma2hive.cli.doctor import doctor
from sigma2hive.cli.explain import explain
from sigma2hive.cli.inbox import inbox
from sigma2hive.cli.program import Program
from sigma2hive.cli.run import run
from sigma2hive.cli.schema import schema
from sigma2hive.cli.test import test


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 findings, 2 usage, 3 configuration, 4 a server was unreachable.",
)
@click.version_option(__version__, "-V", "--version", prog_name="sigma2hive")
def main() -> None:
    """Sigma rules in Git to TheHive alerts: read, match, deliver."""


main.add_command(compile_rules)
main.add_command(run)
main.add_command(backtest)
main.add_command(inbox)
main.add_command(schema)
main.add_command(doctor)
main.add_command(explain)
main.add_command(test)
