"""Where the program starts: `sigma2hive`, or `python -m sigma2hive`."""

from __future__ import annotations

import sys

from sigma2hive.signals import expect_service


def main(clock: object = None) -> None:
    """Run the command line; loading it may be interrupted, too.

    A service goes by the machine's clock, or by another one (`sigma2hive.clock`): tests have one
    that lets hours pass.
    """
    if sys.argv[1:2] == ["run"]:
        expect_service()
    try:
        # Here, since it takes half a second in which people press Ctrl-C.
        from sigma2hive.cli import main as program  # noqa: PLC0415

        program(prog_name="sigma2hive", obj=clock)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
