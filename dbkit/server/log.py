"""What PostgreSQL's programs say, and the part of it that tells why they ended."""

import os
import re
from contextlib import suppress
from pathlib import Path

_LARGEST = 8 * 1024 * 1024
_SEVERITY = re.compile(r"\b(?P<severity>LOG|WARNING|ERROR|FATAL|PANIC|error): +(?P<text>.*)")
_FATAL = frozenset({"ERROR", "FATAL", "PANIC", "error"})
_ROUTINE = ("starting PostgreSQL", "listening on", "database system ")


def keep_small(log: Path) -> None:
    """Empty a log that has grown large; a server writes on at its end, wherever that is."""
    with suppress(FileNotFoundError, NotADirectoryError):
        if log.stat().st_size > _LARGEST:
            os.truncate(log, 0)


def telling(said: str) -> str:
    """Return the line that names the fault, after the one before it if that tells more."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    messages = [
        found
        for line in lines
        if (found := _SEVERITY.search(line)) and not found["text"].startswith(_ROUTINE)
    ]
    for last in reversed(range(len(messages))):
        if messages[last]["severity"] in _FATAL:
            return "; ".join(message["text"] for message in messages[max(last - 1, 0) : last + 1])
    return lines[-1] if lines else "it said nothing"
