"""Read what a database says about its migrations and its objects, without writing or locking."""

from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString, NamedTuple, TypedDict

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from dbkit.migrations.errors import ForeignLedger

LEDGER = "schema_version"
MARKS = "_yoyo_migration"
LOG = "_yoyo_log"
OBJECTS = "_dbkit_object"
JOURNAL = "_dbkit_journal"
_TABLES_READ = (LEDGER, MARKS, OBJECTS, JOURNAL)
BOOKKEEPING = (LEDGER, MARKS, LOG, "_yoyo_version", "yoyo_lock", OBJECTS, JOURNAL)

_OUR_COLUMN = "dbkit_checksum"
_MAKERS: Mapping[frozenset[str], str] = {
    frozenset({"installed_rank"}): "Flyway",
    frozenset({"installed_on", "type"}): "pgmigrate",
    frozenset(
        {"version", "applied_at", "description"}
    ): "hand, as the documented table of three columns",
}
_SURVEY = """
select
    current_database() as database,
    coalesce(current_schema(), '') as schema,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'name', relation.relname,
                        'schema', namespace.nspname,
                        'visible', pg_table_is_visible(relation.oid),
                        'columns', (
                            select json_agg(attribute.attname order by attribute.attnum)
                            from pg_attribute as attribute
                            where
                                attribute.attrelid = relation.oid
                                and attribute.attnum > 0
                                and not attribute.attisdropped
                        )
                    )
                    order by pg_table_is_visible(relation.oid) desc, namespace.nspname
                ),
                '[]'
            )
        from pg_class as relation
        inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
        where
            relation.relname in ('schema_version', '_yoyo_migration')
            and relation.relkind in ('r', 'p', 'v', 'm', 'f')
            and namespace.nspname !~ '^pg_temp'
    ) as tables
"""
# a database without a ledger has to hold none of these; tables of extensions do not count
_RELATIONS = """
select count(*)
from pg_class as relation
inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
where
    relation.relkind in ('r', 'p', 'v', 'm', 'f')
    and namespace.nspname not in ('pg_catalog', 'information_schema')
    and namespace.nspname !~ '^pg_(toast|temp)'
    and relation.relname <> all(%s)
    and not exists (
        select from pg_depend as member
        where
            member.classid = 'pg_class'::regclass
            and member.objid = relation.oid
            and member.deptype = 'e'
    )
"""
# `state` changes when the object is made or replaced: it holds the version of its catalog row, or
# for a view that of its rule. Objects of extensions are left out: no file of ours makes them.
_CATALOG = """
select
    named.type,
    named.identity,
    object.state
from (
    select
        'pg_proc'::regclass as class,
        routine.oid,
        routine.pronamespace as namespace,
        format('%s %s %s', routine.oid, routine.xmin, routine.ctid) as state
    from pg_proc as routine
    union all
    select
        'pg_class'::regclass,
        view.oid,
        view.relnamespace,
        string_agg(format('%s %s %s', rule.oid, rule.xmin, rule.ctid), ',' order by rule.oid)
    from pg_class as view
    inner join pg_rewrite as rule on rule.ev_class = view.oid
    where view.relkind in ('v', 'm')
    group by view.oid, view.relnamespace
    union all
    select
        'pg_trigger'::regclass,
        trigger.oid,
        relation.relnamespace,
        format('%s %s %s', trigger.oid, trigger.xmin, trigger.ctid)
    from pg_trigger as trigger
    inner join pg_class as relation on relation.oid = trigger.tgrelid
    where not trigger.tgisinternal
    union all
    select
        'pg_policy'::regclass,
        policy.oid,
        relation.relnamespace,
        format('%s %s %s', policy.oid, policy.xmin, policy.ctid)
    from pg_policy as policy
    inner join pg_class as relation on relation.oid = policy.polrelid
) as object
cross join lateral pg_identify_object(object.class, object.oid, 0) as named
inner join pg_namespace as namespace on namespace.oid = object.namespace
where
    namespace.nspname not in ('pg_catalog', 'information_schema')
    and namespace.nspname !~ '^pg_(toast|temp)'
    and not exists (
        select from pg_depend as member
        where
            member.classid = object.class
            and member.objid = object.oid
            and member.deptype = 'e'
    )
order by object.oid
"""
_APPLIED = """
select version, name, applied_at, dbkit_checksum as checksum, dbkit_meaning as meaning
from {} order by version
"""
_INTERRUPTED = "select version, name, direction, done, statements, error from {} order by version"
_APPLIED_OBJECTS = "select path, checksum, type, identity from {} order by path"
_MARKED = "select migration_id from {} order by applied_at_utc, migration_id"


class Applied(NamedTuple):
    """A migration that was applied to this database, as its ledger has it."""

    version: int
    name: str
    applied_at: datetime
    checksum: str
    meaning: str


class Interrupted(NamedTuple):
    """A migration outside a transaction that was begun and not finished."""

    version: int
    name: str
    direction: str
    done: int
    statements: int
    error: str | None


class AppliedObject(NamedTuple):
    """A view, function, trigger or policy that a file made in this database."""

    path: str
    checksum: str
    type: str
    identity: str

    @property
    def key(self) -> tuple[str, str]:
        """Type and name of the object, as the catalog has them."""
        return self.type, self.identity


class CatalogObject(NamedTuple):
    """An object as `drop <type> <identity>` names it, and the version of its catalog row."""

    type: str
    identity: str
    state: str

    @property
    def key(self) -> tuple[str, str]:
        """Type and name of the object, whatever its version."""
        return self.type, self.identity


class Ledger(NamedTuple):
    """All that a database says about its migrations and objects at one moment."""

    database: str
    schema: str
    exists: bool
    # how many tables and views there are, counted only where there is no ledger
    relations: int
    applied: tuple[Applied, ...] = ()
    interrupted: tuple[Interrupted, ...] = ()
    objects: tuple[AppliedObject, ...] = ()
    # the keys of all objects that are in the database, whoever made them
    present: frozenset[tuple[str, str]] = frozenset()
    # the names that yoyo itself has recorded
    marks: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """The number of the newest migration applied, 0 for none."""
        return self.applied[-1].version if self.applied else 0


class _Table(TypedDict):
    name: str
    schema: str
    visible: bool
    columns: list[str]


class _Survey(NamedTuple):
    database: str
    schema: str
    tables: list[_Table]


def read_ledger(connection: psycopg.Connection) -> Ledger:
    """Read the ledger in one snapshot, or say that the one there is another tool's.

    All schemas are searched, those of the search path first: a migration may have changed the
    search path, and the ledger must still be found.
    """
    with connection.transaction():
        # a client of SQL_ASCII gets bytes, which are equal to no name and no checksum
        connection.execute(
            "set transaction isolation level repeatable read, read only; "
            "set local client_encoding to 'UTF8'"
        )
        try:
            return _read(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            tables = ", ".join(_TABLES_READ)
            error.add_note(
                f"{error.diag.message_primary}; grant this role select on the tables {tables}"
            )
            raise


def _read(connection: psycopg.Connection) -> Ledger:
    cursor = connection.cursor(row_factory=class_row(_Survey))
    [survey] = cursor.execute(_SURVEY)
    ledgers = [table for table in survey.tables if table["name"] == LEDGER]
    ours = [table["schema"] for table in ledgers if _OUR_COLUMN in table["columns"]]
    marked = [table["schema"] for table in survey.tables if table["name"] == MARKS]
    schema = (ours or marked or [survey.schema])[0]
    ledger = Ledger(survey.database, schema, exists=bool(ours), relations=0)
    if schema in marked:
        ledger = ledger._replace(marks=_marks(connection, schema))
    if ours:
        return _with_rows(connection, ledger)
    for table in ledgers:
        if table["visible"]:
            raise ForeignLedger(f"{table['schema']}.{LEDGER}", _maker(table["columns"]))
    return ledger._replace(relations=_relations(connection))


def _relations(connection: psycopg.Connection) -> int:
    [(count,)] = connection.execute(_RELATIONS, (list(BOOKKEEPING),))
    return int(count)


def _marks(connection: psycopg.Connection, schema: str) -> tuple[str, ...]:
    rows = connection.execute(_text(_MARKED, schema, MARKS))
    return tuple(str(row[0]) for row in rows)


def applied_objects(connection: psycopg.Connection, schema: str) -> tuple[AppliedObject, ...]:
    """Return the objects that files made, as the ledger in this schema has them now."""
    with connection.cursor(row_factory=class_row(AppliedObject)) as cursor:
        return tuple(cursor.execute(_text(_APPLIED_OBJECTS, schema, OBJECTS)))


def catalog_objects(connection: psycopg.Connection) -> dict[tuple[str, str], CatalogObject]:
    """Return every view, routine, trigger and policy of the database that is no extension's."""
    with connection.cursor(row_factory=class_row(CatalogObject)) as cursor:
        return {row.key: row for row in cursor.execute(_CATALOG)}


def _with_rows(connection: psycopg.Connection, ledger: Ledger) -> Ledger:
    applied = connection.cursor(row_factory=class_row(Applied))
    interrupted = connection.cursor(row_factory=class_row(Interrupted))
    objects = applied_objects(connection, ledger.schema)
    return ledger._replace(
        applied=tuple(applied.execute(_text(_APPLIED, ledger.schema, LEDGER))),
        interrupted=tuple(interrupted.execute(_text(_INTERRUPTED, ledger.schema, JOURNAL))),
        objects=objects,
        present=frozenset(catalog_objects(connection)) if objects else frozenset(),
    )


def _text(query: LiteralString, schema: str, table: str) -> sql.Composed:
    return sql.SQL(query).format(sql.Identifier(schema, table))


def _maker(columns: list[str]) -> str:
    if columns == ["version"]:
        return "tern"
    for typical, maker in _MAKERS.items():
        if typical <= set(columns):
            return maker
    return "another tool"
