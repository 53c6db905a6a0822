"""No line makes scan.c read or write where it should not: run under the compiler's sanitizers."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.reading import TIME

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
COMPILER = next(filter(None, map(shutil.which, ("gcc", "clang", "cc"))), None)
FLAGS = ("-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-sanitize-recover=all")
PARTS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"\xf0\x9f",
    b"-",
    b"1e",
]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_harness("harness.c", tmp_path_factory)


def built_harness(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a program of this folder, built with sanitizers."""
    if COMPILER is None:
        pytest.skip("no C compiler with sanitizers is here")
    built = tmp_path_factory.mktemp("native") / "harness"
    made = subprocess.run(
        [
            *(COMPILER, *FLAGS, "-fsanitize=address,undefined"),
            *("-I", str(ROOT / "src/sigma2hive/native"), str(HERE / name), "-o", str(built)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode and "sanitize" in made.stderr + made.stdout:
        pytest.skip("the C compiler here has no sanitizers")
    assert made.returncode == 0, made.stderr
    return built


def documents(chance: random.Random) -> Iterator[bytes]:
    """Events of few shapes, some of them damaged in a few places, some repeated."""
    while True:
        document = {
            "@timestamp": TIME,
            "Image": chance.choice(["C:\\Windows\\cmd.exe", "Zoë \U0001f600 \x1e", ""]),
            f"k{chance.randrange(40)}": chance.choice([None, True, 4625, -1.5, 10**30, [], {}]),
            "u": {"name": "x" * chance.randrange(60), "of": [{"a": chance.randrange(9)}, [1]]},
        }
        raw = bytearray(json.dumps(document, ensure_ascii=chance.random() < 0.5).encode())
        yield bytes(raw)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(raw))
            raw[at : at + chance.randrange(3)] = chance.choice(PARTS)
        yield bytes(raw).replace(b"\n", b" ")
        yield bytes(raw[: chance.randrange(len(raw))]).replace(b"\n", b" ")


@pytest.mark.parametrize("more", [(), ("shapes",)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hostile_lines_stay_within_the_text(
    harness: Path, seed: int, more: tuple[str, ...], tmp_path: Path
) -> None:
    lines = documents(random.Random(seed))
    path = tmp_path / "lines"
    path.write_bytes(b"".join(next(lines) + b"\n" for _ in range(20_000)))
    told = subprocess.run([harness, path, *more], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    count, plain = map(int, told.stdout.split())
    assert count == 20_000
    assert 6_000 < plain < 15_000  # a third is whole, of the others some are


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hostile_hits_stay_within_the_answer(harness: Path, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    lines = documents(chance)
    path = tmp_path / "answer"
    read = 0
    for number in range(60):
        hits = [b'{"_id":"1","_source":%s}' % next(lines) for _ in range(99)]
        if number % 2:  # whole documents only, or the list would often end within one
            hits = hits[::3]
        text = b'{"took":1,"hits":{"hits":[%s]}}' % b",".join(hits)
        path.write_bytes(text[: chance.randrange(len(text))] if number % 5 == 4 else text)
        told = subprocess.run([harness, path, "a"], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        read += told.stdout != "none\n"
    assert read >= 20


@pytest.mark.parametrize(
    "text",
    [
        b"\n",
        b"{\n",
        b'{"\n',
        b'{"@timestamp":"\n',
        b'{"a":"\\\n',
        b'{"a":"\\u\n',
        b'{"a":"\\ud83d\\u\n',
        b'{"a":"\xf0\x9f\x98\n',
        b'{"a":tru\n',
        b'{"a":-\n',
        b"[" * 100_000 + b"\n",
        b'{"a":' * 100_000 + b"\n",
        b'{"' + b"k" * 2_000_000 + b'":1}\n',
        b"{" + b",".join(b'"%d":1' % number for number in range(200_000)) + b"}\n",
    ],
)
def test_a_line_that_ends_anywhere_ends_there(harness: Path, text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "line"
    path.write_bytes(text)
    for more in ((), ("shapes",)):
        told = subprocess.run([harness, path, *more], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        assert told.stdout == "1 0\n"
