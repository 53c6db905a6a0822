"""Writes constraints.txt: the version of every package that development and CI install.

Resolves pyproject.toml in a fresh environment and lists what was installed. Run it with the oldest
supported Python, through `make lock`, since the newest versions for that one suit the others too.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# The version of every package that `make` and CI install. Written by `make lock`; not by hand.
# What users install is bounded by pyproject.toml alone.
"""


def main() -> None:
    if sys.version_info[:2] != (3, 11):
        sys.exit("make lock needs the oldest supported Python: make clean lock PYTHON=python3.11")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [str(Path(folder) / "bin" / "python"), "-m", "pip"]
        subprocess.run([*pip, "install", "--quiet", "--upgrade", "pip"], check=True)
        subprocess.run(
            [*pip, "install", "--quiet", "--editable", ".", "--group", "dev"], check=True, cwd=ROOT
        )
        frozen = subprocess.run(
            [*pip, "freeze", "--exclude-editable"], check=True, capture_output=True, text=True
        ).stdout
    pinned = [line for line in frozen.splitlines() if "==" in line]
    lines = sorted(pinned, key=str.lower)
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
