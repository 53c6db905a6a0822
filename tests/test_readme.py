"""The README's console blocks are run, one after the other, and print what is written there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _commands(readme: str) -> list[tuple[str, list[str]]]:
    """Each command with the lines that are shown after it; "..." stands for any number of lines."""
    found: list[tuple[str, list[str]]] = []
    for block in _BLOCK.findall(readme):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def _pattern(shown: list[str]) -> re.Pattern[str]:
    lines = ("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown)
    return re.compile("".join(lines))


def test_the_readme_shows_what_really_happens(project_root: Path, tmp_path: Path) -> None:
    for name in ("sigma_rules", "mappings", "examples"):
        shutil.copytree(project_root / name, tmp_path / name)
    shutil.copy(project_root / "sigma2hive.yml", tmp_path)
    programs = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    commands = _commands((project_root / "README.md").read_text("utf-8"))
    assert len(commands) >= 5
    for command, shown in commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert _pattern(shown).fullmatch(done.stdout), f"$ {command}\n{done.stdout}{done.stderr}"
