"""Find the files that make views, functions, triggers and policies, and which are to be applied."""

import re
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dbkit.migrations.errors import BrokenObject
from dbkit.migrations.files import exact_checksum, shown_path
from dbkit.migrations.ledger import AppliedObject, Ledger

FOLDER = "_objects"
_AFTER = re.compile(r"^--\s*after\s*:\s*(.+?)\s*$", re.MULTILINE)


class ObjectFile(NamedTuple):
    """A file that makes one object."""

    path: Path
    shown: str
    checksum: str
    after: tuple[str, ...]


def find_objects(sql_folder: Path, root: Path) -> tuple[ObjectFile, ...]:
    """Return the object files of a system, by name."""
    found: list[ObjectFile] = []
    for path in sorted((sql_folder / FOLDER).glob("*.sql")):
        content = path.read_bytes()
        after = _AFTER.search(content.decode(errors="replace"))
        found.append(
            ObjectFile(
                path,
                shown_path(path, root),
                exact_checksum(content),
                tuple(after[1].replace(",", " ").split()) if after else (),
            )
        )
    _refuse_unknown_order(found)
    return tuple(found)


def pending_objects(files: Sequence[ObjectFile], ledger: Ledger) -> tuple[ObjectFile, ...]:
    """Return the files whose object is not in the database as the file says it."""
    made = {one.path: one for one in ledger.objects}
    return tuple(file for file in files if is_pending(file, made, ledger.present))


def gone_objects(files: Sequence[ObjectFile], ledger: Ledger) -> tuple[AppliedObject, ...]:
    """Return the objects in the database whose file is gone."""
    names = {file.path.name for file in files}
    return tuple(
        applied
        for applied in ledger.objects
        if applied.path not in names and applied.key in ledger.present
    )


def is_pending(
    file: ObjectFile, made: Mapping[str, AppliedObject], present: Container[tuple[str, str]]
) -> bool:
    """Say whether a file's object is not in the database as the file says it."""
    one = made.get(file.path.name)
    return one is None or one.checksum != file.checksum or one.key not in present


def _refuse_unknown_order(files: Sequence[ObjectFile]) -> None:
    stems = {file.path.stem for file in files}
    for file in files:
        for name in file.after:
            if name not in stems:
                raise BrokenObject(
                    file.shown, f"is to come after {name!r}, and there is no {name}.sql beside it"
                )
            if name == file.path.stem:
                raise BrokenObject(file.shown, "is to come after itself")
