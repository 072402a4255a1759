"""Give migrations new numbers after a merge, by renaming their files alone."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from dbkit.migrations.errors import (
    DuplicateVersion,
    GapInVersions,
    NumberTaken,
    refuse,
)
from dbkit.migrations.files import Files, MigrationFile, read_bytes

_NUMBER = re.compile(r"\d+")
_ORDER = re.compile(rb"^--[ \t]*(?:after|depends|since)[ \t]*:.*$", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(rb"\A(?:--.*\n?|[ \t]*\n)+")


class Renaming(NamedTuple):
    """A migration, and the name that it is to have."""

    file: MigrationFile
    name: str


def plan_renumbering(files: Files, kept: Collection[str]) -> tuple[Renaming, ...]:
    """Return which migrations get another number so that none is taken twice and none is missing.

    Those whose names are in `kept` keep their numbers. The others follow them, in their order.
    """
    refuse(
        [fault for fault in files.faults if not isinstance(fault, DuplicateVersion | GapInVersions)]
    )
    fixed = [file for file in files.migrations if file.name in kept]
    expected = 1
    for file in fixed:
        if file.version != expected:
            raise NumberTaken(file.shown, expected)
        expected += 1
    others = sorted(file[:2] for file in files.migrations if file.name not in kept)
    by_name = {file.name: file for file in files.migrations}
    names = [
        (by_name[name], _NUMBER.sub(f"{number:04}", name, count=1))
        for number, (_, name) in enumerate(others, start=expected)
    ]
    return tuple(Renaming(file, name) for file, name in names if file.name != name)


def renumber(files: Files, renamings: Iterable[Renaming]) -> None:
    """Rename migrations and their rollbacks, and what names them in the headers of others."""
    names = {renaming.file.name: renaming.name for renaming in renamings}
    if not names:
        return
    for file in files.migrations:
        for path in (file.path, file.rollback):
            if path.is_file():
                _rename_inside(path, names, is_moved=file.name in names)
    for made in files.objects:
        _rename_inside(made.path, names, is_moved=False)
    moves: dict[Path, Path] = {}
    for file in files.migrations:
        if file.name in names:
            renamed = file._replace(name=names[file.name])
            moves[file.path] = file.path.with_name(f"{renamed.name}.sql")
            if file.rollback.is_file():
                moves[file.rollback] = renamed.rollback
    # never over a file that is to move itself
    while moves:
        free = next(old for old, new in moves.items() if not new.exists())
        free.rename(moves.pop(free))


def _rename_inside(path: Path, names: dict[str, str], *, is_moved: bool) -> None:
    content = read_bytes(path, str(path))
    words = b"|".join(re.escape(name.encode()) for name in names)
    pattern = re.compile(rb"(?<![\w-])(?:%b)(?![\w-])" % words)

    def renamed(match: re.Match[bytes]) -> bytes:
        return pattern.sub(lambda word: names[word[0].decode()].encode(), match[0])

    changed = _ORDER.sub(renamed, content)
    if is_moved:
        # its own header may name it, as that of a rollback does
        changed = _COMMENT.sub(renamed, changed, count=1)
    if changed != content:
        path.write_bytes(changed)
