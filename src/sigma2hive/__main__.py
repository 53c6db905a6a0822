"""Where the program starts: `sigma2hive`, or `python -m sigma2hive`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; loading it may be interrupted, too."""
    try:
        # Here, since it takes half a second in which people press Ctrl-C.
        from sigma2hive.cli import main as program  # noqa: PLC0415

        program(prog_name="sigma2hive")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
