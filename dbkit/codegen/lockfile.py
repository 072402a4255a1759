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
FORM = 5


def lock_text(queries: Iterable[TypedQuery], modules: Mapping[str, str], sql_folder: Path) -> str:
    """Write down the files, the modules made of them, and the types the server told."""
    found = {
        "form": FORM,
        "files": _files(sql_folder),
        "modules": {name: _checksum(text.encode()) for name, text in sorted(modules.items())},
        "queries": {f"{typed.query.subject}.{typed.query.name}": _told(typed) for typed in queries},
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


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
            known: dict[str, dict[str, str]] = lock
        case _:
            return (f"{package.name}/{LOCK} is no lock file",)
    modules = {
        path.name: _checksum(path.read_bytes())
        for name in known["modules"]
        if (path := package / name).is_file()
    }
    return (
        *_differences(f"{sql_folder.name}/", known["files"], _files(sql_folder)),
        *_differences(f"{package.name}/", known["modules"], modules),
    )


def _files(sql_folder: Path) -> dict[str, str]:
    return {
        path.relative_to(sql_folder).as_posix(): _checksum(path.read_bytes())
        for path in query_files(sql_folder)
    }


def _told(typed: TypedQuery) -> dict[str, Any]:
    return {
        "kind": typed.query.kind.value,
        "parameters": {
            one.name: {"type": type_name(one.type), "nullable": one.nullable}
            for one in typed.parameters
            if one.type is not None
        },
        "columns": [
            {"name": one.name, "type": type_name(one.type), "nullable": one.nullable}
            | ({"why": one.why} if one.nullable else {})
            for one in typed.columns
        ],
    }


def _differences(shown: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if name not in now:
            yield f"{shown}{name} is gone"
        elif name not in before:
            yield f"{shown}{name} is new"
        elif before[name] != now[name]:
            yield f"{shown}{name} was changed"


def _checksum(content: bytes) -> str:
    # git may change the line ends to those of the operating system
    return sha256(content.replace(b"\r\n", b"\n")).hexdigest()
