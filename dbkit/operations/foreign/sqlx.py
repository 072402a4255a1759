"""Read migrations of sqlx: `1_name.sql`, or `1_name.up.sql` and `1_name.down.sql`."""

import re
from pathlib import Path

from dbkit.operations.foreign.histories import Half, History, OldFolder, OldMigration

_NAME = re.compile(r"([^_]*)_(.*?)(?:\.(up|down))?\.sql", re.DOTALL)
_ALONE = "-- no-transaction"


def read_sqlx(folder: OldFolder) -> History:
    """Find the files; the order is the number's."""
    found: list[tuple[int, Path, OldMigration]] = []
    downs: dict[int, Path] = {}
    for path in folder.files():
        match = _NAME.fullmatch(path.name)
        if match is None:
            if path.suffix == ".sql":
                folder.pass_over(path, "sqlx runs NUMBER_name.sql alone")
            continue
        if not match[1].isdecimal():
            folder.refuse(path, f"sqlx wants a number before the first _, not {match[1]!r}")
        elif match[3] == "down":
            downs[int(match[1])] = path
        else:
            migration = OldMigration(f"{match[1]}_{match[2]}", match[2], _half(folder, path))
            found.append((int(match[1]), path, migration))
    with_downs = [
        (version, path, migration._replace(down=_half(folder, downs[version])))
        if version in downs
        else (version, path, migration)
        for version, path, migration in found
    ]
    for version in downs.keys() - {version for version, *_ in found}:
        folder.refuse(downs[version], "there is no migration of its number; remove this file")
    return folder.history("sqlx", folder.sorted(with_downs))


def _half(folder: OldFolder, path: Path) -> Half:
    half = folder.whole(path)
    if not half.source.text.startswith(_ALONE):
        return half
    return half._replace(transactional=False, left_out=frozenset({1}))
