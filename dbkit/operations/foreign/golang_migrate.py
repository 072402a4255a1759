"""Read migrations of golang-migrate: `1_name.up.sql` and `1_name.down.sql`."""

import re
from typing import TYPE_CHECKING

from dbkit.operations.foreign.histories import History, OldFolder, OldMigration

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"(\d+)_(.*)\.(up|down)\.(.*)", re.ASCII | re.DOTALL)


def read_golang_migrate(folder: OldFolder) -> History:
    """Find the pairs; the order is the number's.

    A file is sent in one message, so the server runs it in a transaction unless it is a single
    statement that cannot be run in one.
    """
    ups: dict[int, tuple[Path, str, str]] = {}
    downs: dict[int, Path] = {}
    for path in folder.files():
        match = _NAME.fullmatch(path.name)
        if match is None:
            if path.suffix == ".sql":
                folder.pass_over(path, "golang-migrate runs NAME.up.sql and NAME.down.sql alone")
            continue
        version = int(match[1])
        if match[4] != "sql":
            folder.refuse(path, "is no SQL, and cannot be brought here")
        elif match[3] == "down":
            if version in downs:
                folder.refuse(path, f"has the same number as {downs[version].name}")
            downs[version] = path
        else:
            if version in ups:
                folder.refuse(path, f"has the same number as {ups[version][0].name}")
            ups[version] = path, f"{match[1]}_{match[2]}", match[2]
    for version, path in downs.items():
        if version not in ups:
            folder.refuse(path, "there is no .up.sql of its number; write one, or remove this file")
    return folder.history(
        "golang-migrate",
        [
            OldMigration(
                name,
                title,
                folder.whole(path),
                folder.whole(downs[version]) if version in downs else None,
            )
            for version, (path, name, title) in sorted(ups.items())
        ],
    )
