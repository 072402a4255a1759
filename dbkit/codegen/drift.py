"""Find where a package on the disk differs from what would be written now, by query and line."""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from dbkit.codegen.lockfile import LOCK
from dbkit.codegen.writing import find_changes

_ABSENT = "not there"


class Drift(NamedTuple):
    """One thing that has changed since a package was generated."""

    path: Path
    line: int | None
    # the query that changed, if the lock file shows it
    query: str | None
    message: str


def find_drift(texts: Mapping[Path, str]) -> tuple[Drift, ...]:
    """Compare what a package would hold now with what it holds; empty if everything is current.

    What the server says of a query is compared with what the lock file recorded. What else
    differs, such as the labels of an enum, is told by the first line that does.
    """
    changes = find_changes(texts)
    drifts = [
        drift
        for path in changes.changed
        if path.name == LOCK and path.is_file()
        for drift in _of_queries(path, texts[path])
    ]
    told = {drift.path for drift in drifts}
    for path in changes.changed:
        # the lock file differs wherever a module does
        if path not in told and (path.name != LOCK or not drifts):
            drifts.append(_of_lines(path, texts[path]))
    drifts += [Drift(path, None, None, "would be taken away") for path in changes.removed]
    return tuple(drifts)


def _of_queries(lock: Path, text: str) -> Iterator[Drift]:
    before, now = _recorded(lock.read_text(encoding="utf-8")), _recorded(text)
    for query in sorted(before.keys() & now.keys()):
        module = lock.with_name(f"{query.partition('.')[0]}.py")
        was, is_ = before[query], now[query]
        for name in {**was, **is_}:
            if was.get(name) != is_.get(name):
                message = (
                    f"{name} is {is_.get(name, _ABSENT)} now, "
                    f"and was {was.get(name, _ABSENT)} when this was generated"
                )
                yield Drift(module, None, query, message)


def _recorded(lock: str) -> dict[str, dict[str, str]]:
    """Return the type of each parameter and column of each query that a lock file records."""
    try:
        queries: dict[str, Any] = json.loads(lock)["queries"]
        return {query: dict(_types(told)) for query, told in queries.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        # edited by hand: the first line that differs is shown
        return {}


def _types(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    parameters = [(f"parameter {name}", one) for name, one in told["parameters"].items()]
    columns = [(f"column {one['name']}", one) for one in told["columns"]]
    for name, one in (*parameters, *columns):
        yield name, one["type"] if one["nullable"] else f"{one['type']} not null"


def _of_lines(path: Path, text: str) -> Drift:
    if not path.is_file():
        return Drift(path, None, None, "is not there")
    lines = zip_longest(path.read_text(encoding="utf-8").splitlines(), text.splitlines())
    for number, (before, now) in enumerate(lines, start=1):
        if before != now:
            return Drift(path, number, None, f"would be {_line(now)} now")
    return Drift(path, None, None, "differs in the ends of its lines")


def _line(line: str | None) -> str:
    if line is None:
        return "gone"
    return f"`{line.strip()}`" if line.strip() else "empty"
