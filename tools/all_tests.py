"""Runs all tests: those of whole services, which mostly wait, beside the rest.

python tools/all_tests.py     exit code 1 where any of them fails
"""

import subprocess
import sys
import tempfile
from pathlib import Path

#: Folders whose tests start services and servers of their own, and share nothing with others.
BESIDE = ("tests/chaos",)
PYTEST = (sys.executable, "-m", "pytest")


def main() -> None:
    """Run both at once; what those beside say is shown when all is done."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "beside"
        with said.open("wb") as out:
            # Two must not write one cache.
            options = ("-p", "no:cacheprovider", *BESIDE)
            beside = subprocess.Popen([*PYTEST, *options], stdout=out, stderr=subprocess.STDOUT)
            try:
                ignored = [f"--ignore={path}" for path in BESIDE]
                rest = subprocess.run([*PYTEST, *ignored], check=False).returncode
                status = beside.wait()
            finally:
                if beside.poll() is None:
                    beside.terminate()
                    beside.wait()
        print(f"{', '.join(BESIDE)}:", flush=True)
        sys.stdout.buffer.write(said.read_bytes())
    sys.exit(1 if rest or status else 0)


if __name__ == "__main__":
    main()
