"""Write the next pair of migration files, ready to be filled in."""

import re
from pathlib import Path

from dbkit.migrations.errors import UnusableFile, refuse
from dbkit.migrations.files import find_migrations, shown_path
from dbkit.settings import System

_LONGEST = 60
_FORWARD = "-- Why this change is made, in a sentence.\n\n"
_BACKWARD = "-- Undoes {name}.\n\n"


def write_pair(system: System, name: str, root: Path) -> tuple[str, str]:
    """Write an empty migration and its rollback, and return their paths as shown."""
    stem = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not stem or len(stem) > _LONGEST:
        raise UnusableFile(
            repr(name),
            f"a migration's name is a few words of a-z and 0-9, {_LONGEST} letters at most",
        )
    system.migrations.mkdir(parents=True, exist_ok=True)
    migrations, faults = find_migrations(system.migrations, root)
    refuse(faults)
    version = len(migrations) + 1
    forward = system.migrations / f"{version:04}_{stem}.sql"
    backward = forward.with_suffix(".rollback.sql")
    # "x": if somebody else took the name meanwhile, their file stands
    with forward.open("x", encoding="utf-8") as file:
        file.write(_FORWARD)
    with backward.open("x", encoding="utf-8") as file:
        file.write(_BACKWARD.format(name=forward.name))
    return shown_path(forward, root), shown_path(backward, root)
