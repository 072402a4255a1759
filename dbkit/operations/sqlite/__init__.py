"""Move the rows of a SQLite file into a migrated database."""

from dbkit.operations.sqlite.fitting import FittedTable, import_what_fits
from dbkit.operations.sqlite.importing import import_file
from dbkit.operations.sqlite.sqlitefile import Change, SqliteFile, count_rows_of_file

__all__ = [
    "Change",
    "FittedTable",
    "SqliteFile",
    "count_rows_of_file",
    "import_file",
    "import_what_fits",
]
