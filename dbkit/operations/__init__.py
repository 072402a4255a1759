"""Care for a database in use: prune, back up, restore, adopt, import SQLite, read its health."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbkit.operations.adopting import Adoption, find_adoption
    from dbkit.operations.backups import DEFAULT_KEEP_DAYS, Backup, Shelf, write_backup
    from dbkit.operations.errors import DoesNotFit, NotAnArchive
    from dbkit.operations.health import Health, HealthRow, QueriesByName, read_health
    from dbkit.operations.programs import Programs
    from dbkit.operations.pruning import (
        PruneResult,
        count_prunable,
        estimate_prunable,
        find_retention,
        prune,
    )
    from dbkit.operations.restoring import copy_name, database_name, find_archive, restore, swap
    from dbkit.operations.sqlite import SqliteFile, count_rows_of_file, import_file

__all__ = [
    "DEFAULT_KEEP_DAYS",
    "Adoption",
    "Backup",
    "DoesNotFit",
    "Health",
    "HealthRow",
    "NotAnArchive",
    "Programs",
    "PruneResult",
    "QueriesByName",
    "Shelf",
    "SqliteFile",
    "copy_name",
    "count_prunable",
    "count_rows_of_file",
    "database_name",
    "estimate_prunable",
    "find_adoption",
    "find_archive",
    "find_retention",
    "import_file",
    "prune",
    "read_health",
    "restore",
    "swap",
    "write_backup",
]

# each module is loaded with its first name: a backup needs no SQLite, an import no queries
_MODULES = {
    "DEFAULT_KEEP_DAYS": "backups",
    "Adoption": "adopting",
    "Backup": "backups",
    "DoesNotFit": "errors",
    "Health": "health",
    "HealthRow": "health",
    "NotAnArchive": "errors",
    "Programs": "programs",
    "PruneResult": "pruning",
    "QueriesByName": "health",
    "Shelf": "backups",
    "SqliteFile": "sqlite",
    "copy_name": "restoring",
    "count_prunable": "pruning",
    "count_rows_of_file": "sqlite",
    "database_name": "restoring",
    "estimate_prunable": "pruning",
    "find_adoption": "adopting",
    "find_archive": "restoring",
    "find_retention": "pruning",
    "import_file": "sqlite",
    "prune": "pruning",
    "read_health": "health",
    "restore": "restoring",
    "swap": "restoring",
    "write_backup": "backups",
}


if not TYPE_CHECKING:
    from dbkit.doors import lazy_door

    __getattr__ = lazy_door(__name__, _MODULES)
