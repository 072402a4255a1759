"""Read the ledger of another tool, and find the migration here that its version was."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from dbkit.operations.errors import OriginHasHole, UnfinishedOrigin, UnknownOrigin
from dbkit.operations.foreign.flyway import flyway_version

_COLUMNS = """
select
    class.relname,
    namespace.nspname,
    array_agg(attribute.attname::text)
from pg_class as class
inner join pg_namespace as namespace on namespace.oid = class.relnamespace
inner join pg_attribute as attribute on attribute.attrelid = class.oid
where
    class.relname = any(%s)
    and class.relkind in ('r', 'p')
    and attribute.attnum > 0
    and not attribute.attisdropped
group by class.oid, class.relname, namespace.nspname
order by pg_table_is_visible(class.oid) desc, namespace.nspname
"""
_DIGITS = re.compile(r"[A-Za-z]?(\d+)", re.ASCII)

Rows = Sequence[tuple[Any, ...]]
OldNames = Mapping[int, str]
"""The name that each migration had before it was brought here, by its number."""


class ForeignHistory(NamedTuple):
    """Which tool made a database, and what the tool recorded."""

    tool: str
    # the newest that it recorded, as it writes it
    version: str
    # all that it says is applied; of a tool that records one version, that one
    recorded: tuple[str, ...]


class _Ledger(NamedTuple):
    """How a tool records what is applied."""

    tool: str
    table: str
    # the columns by which the table is known to be the tool's
    columns: frozenset[str]
    query: LiteralString
    read: Callable[[Rows], tuple[str, ...]]
    # whether what is recorded is the migration that had a name
    is_named: Callable[[str, str], bool]
    # one version stands for all before it
    is_single: bool = False


def _each(rows: Rows) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in rows)


def _golang_migrate(rows: Rows) -> tuple[str, ...]:
    for version, dirty in rows:
        if dirty:
            raise UnfinishedOrigin("golang-migrate", str(version))
    return _each(rows)


def _goose(rows: Rows) -> tuple[str, ...]:
    """Of each version the last row holds; version 0 is goose's own."""
    last = {int(version): applied for version, applied in rows}
    return tuple(str(version) for version, applied in sorted(last.items()) if applied and version)


def _flyway(rows: Rows) -> tuple[str, ...]:
    applied: dict[str, None] = {}
    for version, kind, success in rows:
        if not success:
            raise UnfinishedOrigin("Flyway", str(version or "of a repeatable file"))
        if version is None:
            continue
        if kind.startswith(("UNDO", "DELETE")):
            applied.pop(version, None)
        else:
            # all versions before a baseline are taken for applied
            applied[f"<{version}" if "BASELINE" in kind else version] = None
    return tuple(applied)


def _sqlx(rows: Rows) -> tuple[str, ...]:
    for version, success in rows:
        if not success:
            raise UnfinishedOrigin("sqlx", str(version))
    return _each(rows)


def _by_number(recorded: str, name: str) -> bool:
    digits = _DIGITS.match(name)
    return digits is not None and int(digits[1]) == int(recorded)


def _by_digits(recorded: str, name: str) -> bool:
    digits = _DIGITS.match(name)
    return digits is not None and digits[1] == recorded


def _by_diesel_version(recorded: str, name: str) -> bool:
    return name.partition("_")[0].replace("-", "") == recorded


def _by_flyway_version(recorded: str, name: str) -> bool:
    version = flyway_version(name.lstrip("V").partition("__")[0])
    if recorded.startswith("<"):
        return version <= flyway_version(recorded[1:])
    return version == flyway_version(recorded)


def _by_file(recorded: str, name: str) -> bool:
    return recorded == f"{name}.sql"


def _by_name(recorded: str, name: str) -> bool:
    return recorded == name


def _by_revision(recorded: str, name: str) -> bool:
    return name == recorded or name.startswith(f"{recorded}_")


_LEDGERS = (
    _Ledger(
        "alembic",
        "alembic_version",
        frozenset({"version_num"}),
        "select version_num from {}",
        _each,
        _by_revision,
        is_single=True,
    ),
    _Ledger(
        "golang-migrate",
        "schema_migrations",
        frozenset({"version", "dirty"}),
        "select version, dirty from {}",
        _golang_migrate,
        _by_number,
        is_single=True,
    ),
    _Ledger(
        "dbmate",
        "schema_migrations",
        frozenset({"version"}),
        "select version from {} order by version",
        _each,
        _by_digits,
    ),
    _Ledger(
        "goose",
        "goose_db_version",
        frozenset({"version_id", "is_applied"}),
        "select version_id, is_applied from {} order by id",
        _goose,
        _by_number,
    ),
    _Ledger(
        "Flyway",
        "flyway_schema_history",
        frozenset({"installed_rank", "success"}),
        "select version, type, success from {} order by installed_rank",
        _flyway,
        _by_flyway_version,
    ),
    _Ledger(
        "sqlx",
        "_sqlx_migrations",
        frozenset({"version", "success"}),
        "select version, success from {} order by version",
        _sqlx,
        _by_number,
    ),
    _Ledger(
        "diesel",
        "__diesel_schema_migrations",
        frozenset({"version", "run_on"}),
        "select version from {} order by version",
        _each,
        _by_diesel_version,
    ),
    _Ledger(
        "sql-migrate",
        "gorp_migrations",
        frozenset({"id", "applied_at"}),
        "select id from {} order by applied_at, id",
        _each,
        _by_file,
    ),
    _Ledger(
        "refinery",
        "refinery_schema_history",
        frozenset({"version", "checksum"}),
        "select version from {} order by version",
        _each,
        _by_number,
    ),
    _Ledger(
        "yoyo",
        "_yoyo_migration",
        frozenset({"migration_id", "applied_at_utc"}),
        "select migration_id from {} order by applied_at_utc, migration_id",
        _each,
        _by_name,
    ),
)
# what a comparison of two schemas leaves out; the last is Rails'
FOREIGN_LEDGERS = (*dict.fromkeys(ledger.table for ledger in _LEDGERS), "ar_internal_metadata")


def read_origin(connection: psycopg.Connection[Any]) -> ForeignHistory | None:
    """Read which tool made a database, or refuse one that the tool left half done."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        tables = cursor.execute(_COLUMNS, [list(FOREIGN_LEDGERS)]).fetchall()
        for ledger in _LEDGERS:
            for name, schema, columns in tables:
                if name == ledger.table and ledger.columns <= {*columns}:
                    query = sql.SQL(ledger.query).format(sql.Identifier(schema, name))
                    recorded = ledger.read(cursor.execute(query).fetchall())
                    newest = recorded if ledger.is_single else recorded[-1:]
                    version = ", ".join(newest).removeprefix("<")
                    return ForeignHistory(ledger.tool, version or "none", recorded)
    return None


def version_of(system: str, origin: ForeignHistory, names: OldNames) -> int | None:
    """Return the number of the newest migration that a tool recorded.

    None if the tool recorded nothing, or no migration here tells what it was. A migration that
    the tool has and nobody here knows is refused, and so is one that the tool left out.
    """
    [ledger] = [ledger for ledger in _LEDGERS if ledger.tool == origin.tool]
    if not origin.recorded or not names:
        return None
    applied = {
        number
        for number, name in names.items()
        if any(ledger.is_named(recorded, name) for recorded in origin.recorded)
    }
    for recorded in origin.recorded:
        if not any(ledger.is_named(recorded, name) for name in names.values()):
            raise UnknownOrigin(system, origin.tool, recorded.removeprefix("<"))
    newest = max(applied)
    if not ledger.is_single:
        _refuse_holes(system, origin.tool, names, applied, newest)
    return newest


def _refuse_holes(
    system: str, tool: str, names: OldNames, applied: Iterable[int], newest: int
) -> None:
    for number, name in names.items():
        if number < newest and number not in {*applied}:
            raise OriginHasHole(system, tool, name, names[newest])
