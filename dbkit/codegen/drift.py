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
        for drift in _find_query_drifts(path, texts[path])
    ]
    explained = {drift.path for drift in drifts}
    for path in changes.changed:
        # the lock file differs wherever a module does
        if path not in explained and (path.name != LOCK or not drifts):
            drifts.append(_find_first_line(path, texts[path]))
    drifts += [Drift(path, None, None, "would be taken away") for path in changes.removed]
    return tuple(drifts)


def _find_query_drifts(lock: Path, text: str) -> Iterator[Drift]:
    before, now = _read_types(lock.read_text(encoding="utf-8")), _read_types(text)
    for query in sorted(before.keys() & now.keys()):
        module = lock.with_name(f"{query.partition('.')[0]}.py")
        for name in {**before[query], **now[query]}:
            type_before = before[query].get(name, _ABSENT)
            type_now = now[query].get(name, _ABSENT)
            if type_before != type_now:
                message = f"{name} is {type_now} now, and was {type_before} when this was generated"
                yield Drift(module, None, query, message)


def _read_types(lock: str) -> dict[str, dict[str, str]]:
    """Return the type of each parameter and column of each query that a lock file records."""
    try:
        queries: dict[str, Any] = json.loads(lock)["queries"]
        return {query: dict(_types(facts)) for query, facts in queries.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        # edited by hand: the first line that differs is shown
        return {}


def _types(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    parameters = [(f"parameter {name}", item) for name, item in facts["parameters"].items()]
    columns = [(f"column {item['name']}", item) for item in facts["columns"]]
    for name, item in (*parameters, *columns):
        yield name, item["type"] if item["nullable"] else f"{item['type']} not null"


def _find_first_line(path: Path, text: str) -> Drift:
    if not path.is_file():
        return Drift(path, None, None, "is not there")
    lines = zip_longest(path.read_text(encoding="utf-8").splitlines(), text.splitlines())
    for number, (before, now) in enumerate(lines, start=1):
        if before != now:
            return Drift(path, number, None, f"would be {_shown(now)} now")
    return Drift(path, None, None, "differs in the ends of its lines")


def _shown(line: str | None) -> str:
    if line is None:
        return "gone"
    return f"`{line.strip()}`" if line.strip() else "empty"
