"""Care for a database in use: prune, back up, restore, adopt, import, read its health."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbkit.operations.adopting import Adoption, find_adoption, put_aside
    from dbkit.operations.backups import DEFAULT_KEEP_DAYS, Backup, Shelf, write_backup
    from dbkit.operations.errors import DoesNotFit, NotAnArchive, SomeDoNotFit
    from dbkit.operations.foreign import (
        HISTORY_FORMATS,
        Conversion,
        SchemaProof,
        convert_history,
        prove_conversion,
        read_history,
        write_conversion,
    )
    from dbkit.operations.foreignqueries import (
        QUERY_FORMATS,
        BroughtQueries,
        convert_queries,
        write_queries,
    )
    from dbkit.operations.health import Health, HealthRow, QueriesByName, read_health, with_growth
    from dbkit.operations.programs import Programs
    from dbkit.operations.pruning import (
        PruneResult,
        count_prunable,
        estimate_prunable,
        find_retention,
        is_update,
        prune,
    )
    from dbkit.operations.restoring import copy_name, database_name, find_archive, restore, swap
    from dbkit.operations.sqlite import (
        Change,
        FittedTable,
        SqliteFile,
        count_rows_of_file,
        import_file,
        import_what_fits,
    )

__all__ = [
    "DEFAULT_KEEP_DAYS",
    "HISTORY_FORMATS",
    "QUERY_FORMATS",
    "Adoption",
    "Backup",
    "BroughtQueries",
    "Change",
    "Conversion",
    "DoesNotFit",
    "FittedTable",
    "Health",
    "HealthRow",
    "NotAnArchive",
    "Programs",
    "PruneResult",
    "QueriesByName",
    "SchemaProof",
    "Shelf",
    "SomeDoNotFit",
    "SqliteFile",
    "convert_history",
    "convert_queries",
    "copy_name",
    "count_prunable",
    "count_rows_of_file",
    "database_name",
    "estimate_prunable",
    "find_adoption",
    "find_archive",
    "find_retention",
    "import_file",
    "import_what_fits",
    "is_update",
    "prove_conversion",
    "prune",
    "put_aside",
    "read_health",
    "read_history",
    "restore",
    "swap",
    "with_growth",
    "write_backup",
    "write_conversion",
    "write_queries",
]

# each module is loaded with its first name: a backup needs no SQLite, an import no queries
_MODULES = {
    "DEFAULT_KEEP_DAYS": "backups",
    "HISTORY_FORMATS": "foreign",
    "QUERY_FORMATS": "foreignqueries",
    "Adoption": "adopting",
    "Backup": "backups",
    "BroughtQueries": "foreignqueries",
    "Change": "sqlite",
    "Conversion": "foreign",
    "DoesNotFit": "errors",
    "FittedTable": "sqlite",
    "Health": "health",
    "HealthRow": "health",
    "NotAnArchive": "errors",
    "Programs": "programs",
    "PruneResult": "pruning",
    "QueriesByName": "health",
    "SchemaProof": "foreign",
    "Shelf": "backups",
    "SomeDoNotFit": "errors",
    "SqliteFile": "sqlite",
    "convert_history": "foreign",
    "convert_queries": "foreignqueries",
    "copy_name": "restoring",
    "count_prunable": "pruning",
    "count_rows_of_file": "sqlite",
    "database_name": "restoring",
    "estimate_prunable": "pruning",
    "find_adoption": "adopting",
    "find_archive": "restoring",
    "find_retention": "pruning",
    "import_file": "sqlite",
    "import_what_fits": "sqlite",
    "is_update": "pruning",
    "prove_conversion": "foreign",
    "prune": "pruning",
    "put_aside": "adopting",
    "read_health": "health",
    "read_history": "foreign",
    "restore": "restoring",
    "swap": "restoring",
    "with_growth": "health",
    "write_backup": "backups",
    "write_conversion": "foreign",
    "write_queries": "foreignqueries",
}


if not TYPE_CHECKING:
    from dbkit.doors import lazy_door

    __getattr__ = lazy_door(__name__, _MODULES)
