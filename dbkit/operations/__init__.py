"""What is done with a database in use: pruned, backed up, moved, adopted, watched."""

from dbkit.operations.adopting import Adopted, examine
from dbkit.operations.backups import KEPT_DAYS, Backup, Shelf, write_backup
from dbkit.operations.errors import NoBackup
from dbkit.operations.monitoring import Known, MonitorReport, Row, watch
from dbkit.operations.programs import Programs
from dbkit.operations.pruning import Pruned, count, estimate, find_retention, prune
from dbkit.operations.restoring import Archive, database_of, name_for, restore, swap
from dbkit.operations.sqlite.errors import DoesNotFit
from dbkit.operations.sqlite.importing import SqliteFile, count_rows, import_file

__all__ = [
    "KEPT_DAYS",
    "Adopted",
    "Archive",
    "Backup",
    "DoesNotFit",
    "Known",
    "MonitorReport",
    "NoBackup",
    "Programs",
    "Pruned",
    "Row",
    "Shelf",
    "SqliteFile",
    "count",
    "count_rows",
    "database_of",
    "estimate",
    "examine",
    "find_retention",
    "import_file",
    "name_for",
    "prune",
    "restore",
    "swap",
    "watch",
    "write_backup",
]
