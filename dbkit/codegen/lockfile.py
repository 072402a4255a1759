"""The lock file: what was found when a package was generated, and whether it is still true."""

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from dbkit.pgtypes import type_name
from dbkit.queryfiles import query_files
from dbkit.typedqueries import TypedQuery

LOCK = "queries.lock"
# counts up whenever what is written changes, in the modules or here: so `--check` finds modules of
# another version of dbkit. With dbkit's own version each release would make all modules stale
FORM = 6


def lock_text(queries: Iterable[TypedQuery], modules: Mapping[str, str], sql_folder: Path) -> str:
    """Write down the files, the modules generated from them, and the types the server gave."""
    facts = {
        "form": FORM,
        "files": _files(sql_folder),
        "modules": {name: _checksum(text.encode()) for name, text in sorted(modules.items())},
        "queries": {
            f"{typed.query.subject}.{typed.query.name}": _facts(typed) for typed in queries
        },
    }
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def find_stale(sql_folder: Path, package: Path) -> tuple[str, ...]:
    """Say what differs from the lock file, without a server; empty if everything is current."""
    try:
        lock = json.loads((package / LOCK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return (f"there is no {package.name}/{LOCK}",)
    except ValueError as error:
        return (f"{package.name}/{LOCK} is no lock file: {error}",)
    match lock:
        case {"form": form} if form != FORM:
            return (f"{package.name}/{LOCK} was written by another version of dbkit",)
        case {"files": {}, "modules": {}}:
            recorded: dict[str, dict[str, str]] = lock
        case _:
            return (f"{package.name}/{LOCK} is no lock file",)
    modules = {
        path.name: _checksum(path.read_bytes())
        for name in recorded["modules"]
        if (path := package / name).is_file()
    }
    return (
        *_differences(f"{sql_folder.name}/", recorded["files"], _files(sql_folder)),
        *_differences(f"{package.name}/", recorded["modules"], modules),
    )


def _files(sql_folder: Path) -> dict[str, str]:
    return {
        path.relative_to(sql_folder).as_posix(): _checksum(path.read_bytes())
        for path in query_files(sql_folder)
    }


def _facts(typed: TypedQuery) -> dict[str, Any]:
    return {
        "kind": typed.query.kind.value,
        "parameters": {
            parameter.name: {"type": type_name(parameter.type), "nullable": parameter.nullable}
            for parameter in typed.parameters
            if parameter.type is not None
        },
        "columns": [
            {"name": column.name, "type": type_name(column.type), "nullable": column.nullable}
            | ({"why": column.why} if column.nullable else {})
            for column in typed.columns
        ],
    }


def _differences(folder: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if name not in now:
            yield f"{folder}{name} is gone"
        elif name not in before:
            yield f"{folder}{name} is new"
        elif before[name] != now[name]:
            yield f"{folder}{name} was changed"


def _checksum(content: bytes) -> str:
    # git may change the line ends to those of the operating system
    return sha256(content.replace(b"\r\n", b"\n")).hexdigest()
