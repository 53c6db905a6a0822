"""Command lines as argument lists.

Source: https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r'[^ \t"\\]+')
_ARGUMENT = re.compile(r"[^ \t]+")
_BLANKS = " \t"
_QUOTE_OR_BLANK = re.compile(r'"|\s')


def split_arguments(command_line: str) -> list[str]:
    """Return the arguments that a Windows program sees.

    Backslashes count only before a quote: 2n of them are n and the quote opens or closes, 2n+1 are
    n and a quote that is text. Inside quotes, two quotes are one and close them.
    """
    if '"' not in command_line:  # without any, a backslash is one
        return _ARGUMENT.findall(command_line)
    arguments: list[str] = []
    position = 0
    while position < len(command_line):
        if command_line[position] in _BLANKS:
            position += 1
        else:
            argument, position = _read_argument(command_line, position)
            arguments.append(argument)
    return arguments


def _read_argument(line: str, position: int) -> tuple[str, int]:
    """Return the argument that starts at `position`, and where the blank after it stands."""
    pieces: list[str] = []
    quoted = False
    while position < len(line):
        if plain := _PLAIN.match(line, position):
            pieces.append(plain[0])
            position = plain.end()
            continue
        if line[position] in _BLANKS and not quoted:
            break
        backslashes = _run_length(line, position)
        position += backslashes
        if backslashes and (position == len(line) or line[position] != '"'):
            pieces.append("\\" * backslashes)
            continue
        if position == len(line):
            break
        if line[position] != '"':
            pieces.append(line[position])
        else:
            pieces.append("\\" * (backslashes // 2))
            if backslashes % 2:
                pieces.append('"')
            else:
                if quoted and line[position + 1 : position + 2] == '"':
                    pieces.append('"')
                    position += 1
                quoted = not quoted
        position += 1
    return "".join(pieces), position


def _run_length(line: str, start: int) -> int:
    end = start
    while end < len(line) and line[end] == "\\":
        end += 1
    return end - start


def split_outside_quotes(command_line: str) -> list[str]:
    """Return the pieces between single blanks outside quotes, quotes kept.

    Winlogbeat's security module splits the command line of event 4688 so.
    """
    pieces: list[str] = []
    start, quoted = 0, False
    for found in _QUOTE_OR_BLANK.finditer(command_line):
        if found[0] == '"':
            quoted = not quoted
        elif not quoted:
            pieces.append(command_line[start : found.start()])
            start = found.end()
    if start < len(command_line):
        pieces.append(command_line[start:])
    return pieces
