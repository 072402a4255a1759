"""Read migrations of diesel: a folder each, with up.sql, down.sql and perhaps metadata.toml."""

import tomllib
from pathlib import Path

from dbkit.operations.foreign.histories import History, OldFolder, OldMigration


def read_diesel(folder: OldFolder) -> History:
    """Find the folders; the order is that of the versions, which are text."""
    found: list[tuple[str, Path, OldMigration]] = []
    for path in folder.folders():
        up, down = path / "up.sql", path / "down.sql"
        if not up.is_file():
            folder.refuse(path, "has no up.sql; write one, or move the folder away")
            continue
        version, _, title = path.name.partition("_")
        transactional = _runs_in_transaction(folder, path / "metadata.toml")
        migration = OldMigration(
            path.name,
            title,
            folder.whole(up, transactional=transactional),
            folder.whole(down, transactional=transactional) if down.is_file() else None,
        )
        found.append((version.replace("-", ""), path, migration))
    return folder.history("diesel", folder.sorted(found))


def _runs_in_transaction(folder: OldFolder, path: Path) -> bool:
    if not path.is_file():
        return True
    try:
        return (
            tomllib.loads(path.read_text(encoding="utf-8")).get("run_in_transaction") is not False
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        folder.refuse(path, f"is not valid TOML: {error}")
        return True
