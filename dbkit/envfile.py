"""Read a file of variables, `.env`, into the environment."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from dbkit.errors import ConfigurationError

_LINE = re.compile(
    r"""
    \s* (?:export\s+)? (?P<name>[A-Za-z_]\w*) \s*=\s*
    (?:
        '(?P<literal>[^']*)' \s* (?:\#.*)?
        | "(?P<escaped>(?:[^"\\]|\\.)*)" \s* (?:\#.*)?
        | (?P<plain>(?![\s'"]) .*? | ) (?:\s+\#.*|\s*)
    )
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(eq=False)
class BadVariable(ConfigurationError):
    """A line of a file of variables is none; it is not shown, for it may hold a password."""

    path: str
    line: int

    def __str__(self) -> str:
        return (
            f"{self.path}:{self.line}: is no variable; write NAME=value, with a value of several "
            "words in quotes"
        )


def read_variables(path: Path) -> dict[str, str]:
    """Return the variables of a file; there are none if it is not there."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadVariable(str(path), number)
        found[match["name"]] = _value(match)
    return found


def _value(match: re.Match[str]) -> str:
    if match["escaped"] is not None:
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), match["escaped"])
    return match["literal"] or match["plain"] or ""


def load_variables(path: Path) -> None:
    """Set the variables of a file in the environment, where they are not set already."""
    for name, value in read_variables(path).items():
        os.environ.setdefault(name, value)
