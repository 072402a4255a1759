"""Read migrations of refinery: `V1__name.sql`, and `U1__name.sql` that may come late."""

import re
from pathlib import Path

from dbkit.operations.foreign.histories import (
    Half,
    History,
    OldFolder,
    OldMigration,
    find_annotations,
)

_NAME = re.compile(r"([UV])(\d+)__(\w+)\.(sql|rs)", re.ASCII)
_ALONE = re.compile(r"--+\s?(refinery:noTransaction)")


def read_refinery(folder: OldFolder) -> History:
    """Find the files, also in folders below; the order is the number's."""
    found: list[tuple[int, Path, OldMigration]] = []
    for path in folder.files(below=True):
        match = _NAME.fullmatch(path.name)
        if match is None:
            if path.suffix == ".sql":
                folder.pass_over(path, "refinery runs V1__name.sql and U1__name.sql alone")
        elif match[4] == "rs":
            folder.refuse(path, "is a program in Rust; write what it does as SQL beside it")
        else:
            migration = OldMigration(path.stem, match[3], _half(folder, path))
            found.append((int(match[2]), path, migration))
    return folder.history("refinery", folder.sorted(found))


def _half(folder: OldFolder, path: Path) -> Half:
    half = folder.whole(path)
    alone = find_annotations(half.source, _ALONE)
    if not alone:
        return half
    lines = frozenset(annotation.line for annotation in alone)
    return half._replace(transactional=False, left_out=lines)
