"""Write src/sigma2hive/data/folding.txt from the running Python's Unicode data.

Run once, with the newest Python at hand; the file is committed, so that every Python folds alike.
"""

import unicodedata
from pathlib import Path

TARGET = Path(__file__).parent.parent / "src" / "sigma2hive" / "data" / "folding.txt"


def folded(character: str) -> str:
    """The one character that `character` folds to, itself where there is no such character."""
    for candidate in (character.casefold(), character.lower()):
        if len(candidate) == 1:
            return candidate
    return character


def main() -> None:
    lines = [
        "# Case folding, one code point to one: Unicode's simple folding (CaseFolding.txt, C and S)",  # noqa: E501
        "# without pairs that join an ASCII and a non-ASCII character.",
        f"# Unicode {unicodedata.unidata_version}; made by tools/make_folding.py",
    ]
    for code in range(0x110000):
        target = ord(folded(chr(code)))
        if target != code and (code < 128) == (target < 128):
            lines.append(f"{code:04X} {target:04X}")
    TARGET.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
