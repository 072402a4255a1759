"""Move the rows of a SQLite file into a migrated database."""

from dbkit.operations.sqlite.importing import SqliteFile, count_rows_of_file, import_file

__all__ = ["SqliteFile", "count_rows_of_file", "import_file"]
