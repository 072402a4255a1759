"""Read migrations of Flyway: `V1.2__name.sql`, `U1.2__name.sql` to undo, `R__name.sql` again."""

import re
from pathlib import Path

from dbkit.errors import SourceFault
from dbkit.operations.foreign.histories import (
    Half,
    History,
    OldFolder,
    OldMigration,
    Repeatable,
)
from dbkit.sqltext import Source, TokenKind, tokens

_NAME = re.compile(r"([VUB])(\d[\d._]*?)__(.*)\.(sql|java|kt)|R__(.*)\.sql", re.ASCII | re.DOTALL)
_PLACEHOLDER = re.compile(r"\$\{[^}\n]*\}")
_COMMENTS = {TokenKind.LINE_COMMENT, TokenKind.BLOCK_COMMENT}
_ALONE = re.compile(r"^\s*executeInTransaction\s*[=:]\s*false\s*$", re.MULTILINE | re.IGNORECASE)


def flyway_version(written: str) -> tuple[int, ...]:
    """Return a version as Flyway compares it: 1, 1.0 and 1_0 are one."""
    parts = [int(part) for part in re.split(r"[._]", written) if part]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def read_flyway(folder: OldFolder) -> History:
    """Find the files, also in folders below; the order is the version's."""
    found: list[tuple[tuple[int, ...], Path, OldMigration]] = []
    undo: dict[tuple[int, ...], Path] = {}
    repeatables: list[Repeatable] = []
    for path in folder.files(below=True):
        match = _NAME.fullmatch(path.name)
        if match is None:
            if path.suffix == ".sql":
                folder.pass_over(path, "it is a callback of Flyway, or no migration of it")
        elif match[5] is not None:
            repeatables.append(Repeatable(match[5], _half(folder, path)))
        elif match[4] != "sql":
            folder.refuse(path, "is a program; write what it does as SQL beside it")
        elif match[1] == "B":
            folder.pass_over(path, "it stands for the versions before it, which are brought here")
        elif match[1] == "U":
            undo[flyway_version(match[2])] = path
        else:
            migration = OldMigration(path.stem, match[3], _half(folder, path))
            found.append((flyway_version(match[2]), path, migration))
    with_undo = [
        (version, path, migration._replace(down=_half(folder, undo[version])))
        if version in undo
        else (version, path, migration)
        for version, path, migration in found
    ]
    for version in undo.keys() - {version for version, *_ in found}:
        folder.refuse(undo[version], "there is no V file of its version; remove this file")
    # Flyway runs them in the order of their names
    repeatables.sort(key=lambda repeatable: repeatable.title)
    return folder.history("Flyway", folder.sorted(with_undo), repeatables)


def _half(folder: OldFolder, path: Path) -> Half:
    settings = path.with_name(f"{path.name}.conf")
    alone = settings.is_file() and _ALONE.search(settings.read_text(encoding="utf-8"))
    half = folder.whole(path, transactional=not alone)
    _refuse_placeholders(folder, half.source)
    return half


def _refuse_placeholders(folder: OldFolder, source: Source) -> None:
    places = [match.start() for match in _PLACEHOLDER.finditer(source.text)]
    if not places:
        return
    try:
        comments = [token for token in tokens(source.text) if token.kind in _COMMENTS]
    except SourceFault:
        # told when the file is split into statements
        return
    for place in places:
        if not any(comment.start <= place < comment.end for comment in comments):
            folder.refuse_line(
                source, place, "Flyway puts the value of a placeholder here; write the value"
            )
