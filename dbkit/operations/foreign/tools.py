"""The tools whose migrations can be brought here."""

from collections.abc import Callable, Mapping
from pathlib import Path

from dbkit.operations.foreign.alembic import read_alembic
from dbkit.operations.foreign.dbmate import read_dbmate
from dbkit.operations.foreign.diesel import read_diesel
from dbkit.operations.foreign.errors import OwnFolder, UnusableOrigin
from dbkit.operations.foreign.flyway import read_flyway
from dbkit.operations.foreign.golang_migrate import read_golang_migrate
from dbkit.operations.foreign.goose import read_goose
from dbkit.operations.foreign.histories import History, OldFolder
from dbkit.operations.foreign.plain import read_plain
from dbkit.operations.foreign.refinery import read_refinery
from dbkit.operations.foreign.sql_migrate import read_sql_migrate
from dbkit.operations.foreign.sqlx import read_sqlx
from dbkit.settings import System

HISTORY_FORMATS: Mapping[str, Callable[[OldFolder], History]] = {
    "alembic": read_alembic,
    "dbmate": read_dbmate,
    "diesel": read_diesel,
    "flyway": read_flyway,
    "golang-migrate": read_golang_migrate,
    "goose": read_goose,
    "plain": read_plain,
    "refinery": read_refinery,
    "sql-migrate": read_sql_migrate,
    "sqlx": read_sqlx,
}


def read_history(name: str, path: Path, system: System) -> History:
    """Read the migrations of a tool; what is wrong with them is in `faults`."""
    if not path.exists():
        raise UnusableOrigin(str(path), "there is no such file or folder")
    if not path.is_dir() and name != "alembic":
        raise UnusableOrigin(str(path), "is not a folder; name the folder of the migrations")
    if path.resolve() == system.migrations.resolve():
        raise OwnFolder(str(path), name, system.name)
    return HISTORY_FORMATS[name](OldFolder(path, system))
