"""Find the files that make views, functions, triggers and policies, and which are to be applied."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dbkit.errors import DbkitError
from dbkit.migrations.errors import BrokenObject, UnusableFile
from dbkit.migrations.files import exact_checksum, read_bytes, shown_path
from dbkit.migrations.ledger import AppliedObject, Ledger

FOLDER = "_objects"
MAKES_ONE = "is to make one view, function, procedure, trigger or policy, and makes"
_AFTER = re.compile(r"^--\s*after\s*:\s*(.+?)\s*$", re.MULTILINE)


class ObjectFile(NamedTuple):
    """A file that makes one object."""

    path: Path
    shown: str
    checksum: str
    after: tuple[str, ...]


def find_objects(
    sql_folder: Path, root: Path
) -> tuple[tuple[ObjectFile, ...], tuple[DbkitError, ...]]:
    """Return the object files of a system, by name, and every fault in their order."""
    files: list[ObjectFile] = []
    faults: list[DbkitError] = []
    for path in sorted((sql_folder / FOLDER).glob("*.sql")):
        shown = shown_path(path, root)
        try:
            content = read_bytes(path, shown)
        except UnusableFile as fault:
            faults.append(fault)
            continue
        after = _AFTER.search(content.decode(errors="replace"))
        names = tuple(after[1].replace(",", " ").split()) if after else ()
        files.append(ObjectFile(path, shown, exact_checksum(content), names))
    faults += _unknown_order(files)
    return tuple(files), tuple(faults)


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


def _unknown_order(files: Sequence[ObjectFile]) -> Iterator[BrokenObject]:
    stems = {file.path.stem for file in files}
    for file in files:
        for name in file.after:
            if name not in stems:
                yield BrokenObject(
                    file.shown, f"is to come after {name!r}, and there is no {name}.sql beside it"
                )
            elif name == file.path.stem:
                yield BrokenObject(file.shown, "is to come after itself")
