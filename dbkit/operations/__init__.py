"""Care for a database in use: prune, back up, restore, adopt, import SQLite, read its health."""

from importlib import import_module
from typing import TYPE_CHECKING

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
else:
    # each module is loaded with its first name: a backup needs no SQLite, an import no queries
    _MODULES = {
        "adopting": ("Adoption", "find_adoption"),
        "backups": ("DEFAULT_KEEP_DAYS", "Backup", "Shelf", "write_backup"),
        "errors": ("DoesNotFit", "NotAnArchive"),
        "health": ("Health", "HealthRow", "QueriesByName", "read_health"),
        "programs": ("Programs",),
        "pruning": (
            "PruneResult",
            "count_prunable",
            "estimate_prunable",
            "find_retention",
            "prune",
        ),
        "restoring": ("database_name", "find_archive", "copy_name", "restore", "swap"),
        "sqlite": ("SqliteFile", "count_rows_of_file", "import_file"),
    }
    _MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
