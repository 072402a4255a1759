"""Read what a database says about its migrations and its objects, without writing or locking."""

import hashlib
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, LiteralString, NamedTuple, TypedDict

import psycopg
from psycopg import sql
from psycopg.rows import class_row, tuple_row

from dbkit.migrations.definitions import (
    CatalogObject,
    catalog_objects,
    definitions,
    major,
)
from dbkit.migrations.errors import BY_HAND, ForeignLedger, SeveralLedgers

LEDGER = "schema_version"
MARKS = "_yoyo_migration"
LOG = "_yoyo_log"
MARKS_VERSION = "_yoyo_version"
OBJECTS = "_dbkit_object"
# the type of a file that grants and revokes, where that of another is what it makes
RIGHTS = "rights"
JOURNAL = "_dbkit_journal"
SCRIPTS = "_dbkit_script"
# all but the ledger itself: they stand in a schema of their own
BOOKS = (MARKS, LOG, MARKS_VERSION, "yoyo_lock", OBJECTS, JOURNAL, SCRIPTS)
BOOKKEEPING = (LEDGER, *BOOKS)

_TABLES_READ = (MARKS, OBJECTS, JOURNAL)
_OUR_COLUMN = "dbkit_checksum"
# the comment on its system in a ledger that only who chooses its schema is to find
ALONE = "only the search path of its own schema leads to this ledger"
_LONGEST_IDENTIFIER = 63
_DIGEST = 8
# where a search path comes from: whoever connected chose it, or a role has it for itself
_CHOSEN = {"client", "session"}
_OF_A_ROLE = {"user", "database user"}
_MAKERS: Mapping[frozenset[str], str] = {
    frozenset({"installed_rank"}): "Flyway",
    frozenset({"installed_on", "type"}): "pgmigrate",
    frozenset({"version", "applied_at", "description"}): BY_HAND,
}
# the foreign key of `_dbkit_script` says which books belong to a ledger: it stays true when a
# schema is renamed, and in a database that was dumped and restored
_SURVEY = """
select
    current_database() as database,
    coalesce(current_schema(), '') as schema,
    current_schemas(false)::text[] as path,
    (select source from pg_settings where name = 'search_path') as source,
    has_database_privilege(current_database(), 'create') as may_create_schemas,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'name', relation.relname,
                        'schema', namespace.nspname,
                        'visible', pg_table_is_visible(relation.oid),
                        'owned', pg_has_role(relation.relowner, 'usage'),
                        'columns', (
                            select json_agg(attribute.attname order by attribute.attnum)
                            from pg_attribute as attribute
                            where
                                attribute.attrelid = relation.oid
                                and attribute.attnum > 0
                                and not attribute.attisdropped
                        ),
                        'system', (
                            select pg_get_expr(declared.adbin, declared.adrelid)
                            from pg_attribute as attribute
                            inner join pg_attrdef as declared
                                on declared.adrelid = attribute.attrelid
                                and declared.adnum = attribute.attnum
                            where
                                attribute.attrelid = relation.oid
                                and attribute.attname = 'dbkit_system'
                        ),
                        'alone', coalesce((
                            select col_description(relation.oid, attribute.attnum) = %(alone)s
                            from pg_attribute as attribute
                            where
                                attribute.attrelid = relation.oid
                                and attribute.attname = 'dbkit_system'
                        ), false),
                        'books', (
                            select books.nspname
                            from pg_class as script
                            inner join pg_constraint as link on link.conrelid = script.oid
                            inner join pg_namespace as books on books.oid = script.relnamespace
                            where
                                script.relname = '_dbkit_script'
                                and link.contype = 'f'
                                and link.confrelid = relation.oid
                        )
                    )
                    order by pg_table_is_visible(relation.oid) desc, namespace.nspname
                ),
                '[]'
            )
        from pg_class as relation
        inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
        where
            (
                relation.relname in ('schema_version', '_yoyo_migration')
                or relation.relname like 'schema\\_version\\_%%'
            )
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
    and relation.relname <> all(%(left_out)s)
    and (%(schema)s::text is null or namespace.nspname = %(schema)s)
    and not exists (
        select from pg_depend as member
        where
            member.classid = 'pg_class'::regclass
            and member.objid = relation.oid
            and member.deptype = 'e'
    )
"""
# a row that was written by hand has neither name nor checksum; a ledger of an earlier dbkit has
# no notes
_APPLIED = """
select
    version,
    coalesce(name, description, '') as name,
    applied_at,
    coalesce(dbkit_checksum, '') as checksum,
    coalesce(dbkit_meaning, '') as meaning,
    {note} as note
from {table} order by version
"""
_TEXTS = """
select version, name, up_text as up, down_text as down
from {} where version = any(%s) and up_text is not null
"""
_NAMES = "select name from {} where name is not null"
_LEDGERS = """
select relation.relname::text
from pg_class as relation
where
    relation.relname like 'schema\\_version\\_%'
    and exists (
        select from pg_attribute as attribute
        where
            attribute.attrelid = relation.oid
            and attribute.attname = 'dbkit_checksum'
    )
"""
# read through json: a journal that an earlier version made lacks the columns after `error`
_INTERRUPTED = """
select
    journal.version,
    journal.name,
    journal.direction,
    journal.done,
    journal.statements,
    journal.error,
    to_jsonb(journal) ->> 'running' as running,
    to_jsonb(journal) -> 'facts' as facts,
    to_jsonb(journal) ->> 'digest' as digest,
    coalesce((to_jsonb(journal) ->> 'temporary')::boolean, false) as temporary
from {} as journal
order by journal.version
"""
_WIDE = "select * from {} limit 0"
_NARROW = 7
_ROOM = """
select
    not exists (
        select from pg_attribute as attribute
        where
            attribute.attrelid = relation.oid
            and attribute.attname = 'kept'
    ),
    pg_has_role(relation.relowner, 'usage')
from pg_class as relation
inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
where
    namespace.nspname = %s
    and relation.relname = %s
"""
# the tables of an earlier dbkit do not have the last two columns; without a checksum an object was
# left out at this version
_APPLIED_OBJECTS = """
select
    path,
    checksum,
    type,
    identity,
    to_jsonb(object) ->> 'state' as state,
    to_jsonb(object) ->> 'definition' as definition,
    to_jsonb(object) -> 'kept' ->> 'parts' as parts
from {} as object
where checksum <> ''
order by path
"""
_LEFT_OUT = """
select path, to_jsonb(object) -> 'kept' as kept
from {} as object
where checksum = '' and to_jsonb(object) ->> 'kept' is not null
"""
_MARKED = "select migration_id from {} order by applied_at_utc, migration_id"


class Applied(NamedTuple):
    """A migration that was applied to this database, as its ledger has it."""

    version: int
    name: str
    applied_at: datetime
    checksum: str
    meaning: str
    # what a person said of it
    note: str | None = None

    @property
    def file(self) -> tuple[int, str]:
        """The number and the name that its file has."""
        return self.version, self.name

    @property
    def by_hand(self) -> bool:
        """Whether a person wrote the row, so that nobody knows what was run."""
        return not self.checksum


class KeptTexts(NamedTuple):
    """What the ledger keeps of a migration: its text, and that of its rollback if it had one."""

    version: int
    name: str
    up: str
    down: str | None


class Interrupted(NamedTuple):
    """A migration outside a transaction that was begun and not finished."""

    version: int
    name: str
    direction: str
    done: int
    statements: int
    error: str | None
    # the statement that was under way outside a transaction, and what was there before it
    running: str | None
    facts: dict[str, Any] | None
    # of the statements done; None in a journal that an earlier version wrote
    digest: str | None
    # whether there were temporary tables, which end with their session
    temporary: bool

    def command(self, system: str) -> str:
        """Return what finishes it, and does no more than that."""
        if self.direction == "apply":
            return f"dbkit migrate {system} --to {self.version}"
        return f"dbkit rollback {system} --to {self.version - 1}"


class AppliedObject(NamedTuple):
    """A view, function, trigger or policy that a file made in this database.

    Or the rights that a file granted: then `identity` is where the database stood (`Stage`).
    """

    path: str
    checksum: str
    type: str
    identity: str

    # what the catalog said of it: which version of its row, and the digest of its definition
    # with the version of the server; None where an earlier dbkit wrote it
    state: str | None = None
    definition: str | None = None
    # the indexes and rules that the file made with it, as JSON; None where that is not known
    parts: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Type and name of the object, as the catalog has them."""
        return self.type, self.identity

    @property
    def kept(self) -> str | None:
        """What its row keeps beside the columns, as JSON."""
        return None if self.parts is None else f'{{"parts": {self.parts}}}'


class Stage(NamedTuple):
    """Where a database stands: it is another one whenever a migration ran or was undone."""

    version: int
    applied: int

    def __str__(self) -> str:
        return f"at version {self.version} of {self.applied}"


class OtherLedger(NamedTuple):
    """The ledger of another system in the same schema, which may be an earlier name of this one."""

    system: str
    table: str
    applied: tuple[Applied, ...]


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
    # of those in `objects` the keys of what somebody replaced by hand
    replaced: frozenset[tuple[str, str]] = frozenset()
    # the names that yoyo itself has recorded
    marks: tuple[str, ...] = ()
    # the name of its table
    table: str = LEDGER
    # the schema of all its other tables
    books: str = ""
    # whose it is; None where yoyo's command line made it, or an earlier dbkit
    system: str | None = None
    # whether nothing is to be made or brought over before it is written to
    complete: bool = False
    # the schema that is to have its books, if the role may make one
    apart: str = ""
    # whether it keeps the texts of its migrations
    keeps_texts: bool = False
    # whether books stand beside the tables that are to be moved there
    beside: bool = False
    # whether one that is to be made is found from its own schema alone: the search path that leads
    # there is not the one that the database gives to everybody
    alone: bool = False
    # where none is there: those of other systems in its schema
    others: tuple["OtherLedger", ...] = ()

    @property
    def version(self) -> int:
        """The number of the newest migration applied, 0 for none."""
        return self.applied[-1].version if self.applied else 0


class _Table(TypedDict):
    name: str
    schema: str
    visible: bool
    owned: bool  # by this role
    columns: list[str]
    system: str | None
    alone: bool
    books: str | None


class _Survey(NamedTuple):
    database: str
    schema: str
    path: list[str]
    source: str
    may_create_schemas: bool
    tables: list[_Table]

    @property
    def ledgers(self) -> list[_Table]:
        """The ledgers that dbkit made, of whatever system."""
        return [
            table
            for table in self.tables
            if table["name"] != MARKS and _OUR_COLUMN in table["columns"]
        ]


def read_ledger(
    connection: psycopg.Connection, system: str | None, known: Collection[str] = ()
) -> Ledger:
    """Read the ledger of a system in one snapshot, or say that the one there is another tool's.

    It is the one in the current schema. If there is none, it depends on where the search path
    comes from: one that was chosen for this connection asks for a ledger of its own; otherwise a
    ledger elsewhere on the path, or anywhere, is still the system's, as a migration may have
    changed the search path; unless the path that it was made on was chosen. Of a ledger that says
    no system, the names of the system's files, `known`, say whether it is its own. Without a
    system, the only ledger there is is taken.
    """
    with connection.transaction():
        # a client of SQL_ASCII gets bytes, which are equal to no name and no checksum
        connection.execute(
            "set transaction isolation level repeatable read, read only; "
            "set local client_encoding to 'UTF8'"
        )
        return _read(connection, system, known)


def _read(connection: psycopg.Connection, system: str | None, known: Collection[str]) -> Ledger:
    cursor = connection.cursor(row_factory=class_row(_Survey))
    [survey] = cursor.execute(_SURVEY, {"alone": ALONE})
    with _explained(survey):
        candidates = [
            table for table in survey.ledgers if _belongs(connection, table, system, known)
        ]
        chosen = _choose(survey, system, candidates)
        if chosen is not None:
            return _with_rows(connection, survey, _existing(survey, chosen, system), chosen)
        for table in survey.tables:
            if table["name"] == LEDGER and table["visible"] and table not in survey.ledgers:
                raise ForeignLedger(f"{table['schema']}.{LEDGER}", _maker(table["columns"]))
        return _planned(connection, survey, system)


@contextmanager
def _explained(survey: _Survey) -> Generator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        ledgers = [f"{table['schema']}.{table['name']}" for table in survey.ledgers]
        books = sorted({table["books"] or table["schema"] for table in survey.ledgers})
        tables = ", ".join(
            [*ledgers, *(f"{books}.{name}" for books in books for name in _TABLES_READ)]
        )
        error.add_note(
            f"{error.diag.message_primary}; grant this role select on the tables {tables}"
        )
        raise


def _belongs(
    connection: psycopg.Connection, table: _Table, system: str | None, known: Collection[str]
) -> bool:
    owner = _system(table)
    if system is None or owner is not None:
        return system is None or owner == system
    names = {name for (name,) in connection.execute(_text(_NAMES, table["schema"], table["name"]))}
    return not names or not known or not names.isdisjoint(known)


def _system(table: _Table) -> str | None:
    # the default of a column, as the server writes it: 'shop'::text
    return table["system"] and table["system"].removesuffix("::text").strip("'")


def _choose(survey: _Survey, system: str | None, candidates: list[_Table]) -> _Table | None:
    # one that says its system before one that says none
    candidates = sorted(candidates, key=lambda table: _system(table) is None)
    here = [table for table in candidates if table["schema"] == survey.schema]
    if system is None and len(here) > 1:
        raise SeveralLedgers(survey.schema, tuple(_system(table) or "?" for table in here))
    if here:
        return here[0]
    if survey.source in _CHOSEN:
        return None
    for schema in survey.path:
        for table in candidates:
            if table["schema"] == schema:
                return table
    elsewhere = [table for table in candidates if not table["alone"]]
    if survey.source not in _OF_A_ROLE and len(elsewhere) == 1:
        return elsewhere[0]
    return None


def _existing(survey: _Survey, table: _Table, asked: str | None) -> Ledger:
    books = table["books"] or table["schema"]
    system = _system(table)
    told = system is not None or asked is None
    apart = books != table["schema"] or not survey.may_create_schemas
    return Ledger(
        survey.database,
        table["schema"],
        exists=True,
        relations=0,
        table=table["name"],
        books=books,
        apart=_books(survey, table["schema"], table["name"]),
        beside=books == table["schema"],
        keeps_texts=table["books"] is not None,
        system=system,
        complete=(table["books"] is not None and told and apart) or not table["owned"],
    )


def _planned(connection: psycopg.Connection, survey: _Survey, system: str | None) -> Ledger:
    """Describe the ledger that would be made, and the database that it would be made in."""
    schema = survey.schema
    taken = [table for table in survey.ledgers if table["schema"] == schema]
    is_first = all(table["name"] != LEDGER for table in taken)
    table = LEDGER if is_first else _identifier(f"{LEDGER}_{system}")
    books = _books(survey, schema, table)
    # those of no ledger: yoyo's own, or what is left of a ledger whose table was dropped
    stray = {table["schema"] for table in survey.tables if table["name"] == MARKS}
    stray -= {table["books"] or table["schema"] for table in survey.ledgers}
    marked = next((place for place in (books, schema) if place in stray), None)
    # where other ledgers are, other tables may be theirs
    only_here = bool(survey.ledgers) or survey.source in _CHOSEN
    relations = 0 if taken else _relations(connection, survey, schema if only_here else None)
    if not relations and marked == books:
        # the schema of the ledger was dropped, and all that was made there with it
        marked = None
    return Ledger(
        survey.database,
        schema,
        exists=False,
        relations=relations,
        marks=_marks(connection, marked) if marked else (),
        table=table,
        books=books,
        apart=books,
        beside=schema in stray,
        system=system,
        alone=survey.source in _CHOSEN | _OF_A_ROLE,
        others=tuple(
            OtherLedger(owner, f"{other['schema']}.{other['name']}", _applied(connection, other))
            for other in taken
            # another role's may not be read, and is of another application
            if (owner := _system(other)) is not None and other["owned"]
        ),
    )


def _books(survey: _Survey, schema: str, table: str) -> str:
    """Name the schema for the books of a ledger so that no other ledger has it."""
    parts = ["dbkit", "" if schema == "public" else schema, table.removeprefix(LEDGER).strip("_")]
    name = _identifier("_".join(filter(None, parts)))
    taken = any(
        other["books"] == name and (other["schema"], other["name"]) != (schema, table)
        for other in survey.ledgers
    )
    return _identifier(f"{name}.{schema}.{table}", always=True) if taken else name


def _identifier(name: str, *, always: bool = False) -> str:
    """Return a name, cut to what the server keeps of it and made distinct if it is longer."""
    if not always and len(name.encode()) <= _LONGEST_IDENTIFIER:
        return name
    kept = name.encode()[: _LONGEST_IDENTIFIER - _DIGEST - 1].decode(errors="ignore")
    return f"{kept}_{hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]}"


def read_bookkeeping(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Return the names of all tables in which dbkit and yoyo keep their books here."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        names = {name for (name,) in cursor.execute(_LEDGERS)}
    return frozenset(names | {*BOOKKEEPING})


def _relations(connection: psycopg.Connection, survey: _Survey, schema: str | None) -> int:
    left_out = [*BOOKKEEPING, *(table["name"] for table in survey.ledgers)]
    [(count,)] = connection.execute(_RELATIONS, {"left_out": left_out, "schema": schema})
    return int(count)


def _marks(connection: psycopg.Connection, schema: str) -> tuple[str, ...]:
    rows = connection.execute(_text(_MARKED, schema, MARKS))
    return tuple(str(row[0]) for row in rows)


def applied_objects(connection: psycopg.Connection, books: str) -> tuple[AppliedObject, ...]:
    """Return the objects that files made, as the books in this schema have them now."""
    with connection.cursor(row_factory=class_row(AppliedObject)) as cursor:
        return tuple(cursor.execute(_text(_APPLIED_OBJECTS, books, OBJECTS)))


def left_out_objects(connection: psycopg.Connection, books: str) -> Mapping[str, Any]:
    """Return what objects had that an earlier run left out, by the names of their files."""
    cursor = connection.execute(_text(_LEFT_OUT, books, OBJECTS))
    return dict(iter(cursor))


def read_texts(
    connection: psycopg.Connection, ledger: Ledger, versions: Collection[int]
) -> dict[int, KeptTexts]:
    """Return the texts of migrations, by their numbers, of those that the ledger has."""
    if not ledger.keeps_texts or not versions:
        return {}
    with connection.cursor(row_factory=class_row(KeptTexts)) as cursor:
        rows = cursor.execute(_text(_TEXTS, ledger.books, SCRIPTS), ([*versions],))
        return {row.version: row for row in rows}


def interrupted_migrations(connection: psycopg.Connection, schema: str) -> tuple[Interrupted, ...]:
    """Return what the journal in this schema has now."""
    with connection.cursor(row_factory=class_row(Interrupted)) as cursor:
        return tuple(cursor.execute(_text(_INTERRUPTED, schema, JOURNAL)))


def has_wide_journal(connection: psycopg.Connection, schema: str) -> bool:
    """Say whether the journal has all its columns; those of earlier versions have fewer."""
    query = sql.SQL(_WIDE).format(sql.Identifier(schema, JOURNAL))
    return len(connection.execute(query).description or ()) > _NARROW


class Room(NamedTuple):
    """Whether the table of objects lacks columns of this dbkit, and whether they may be made."""

    missing: bool
    owned: bool


def room_for_definitions(connection: psycopg.Connection, books: str) -> Room:
    """Say whether the table of objects has columns for what the catalog says of them."""
    [row] = connection.execute(_ROOM, [books, OBJECTS])
    return Room(*row)


def replaced_objects(
    connection: psycopg.Connection,
    objects: Iterable[AppliedObject],
    present: Mapping[tuple[str, str], CatalogObject],
) -> frozenset[tuple[str, str]]:
    """Return the keys of objects that are no longer what their files made.

    Nothing is known of an object that was made on another version of the server, which may
    write the same definition otherwise.
    """
    suspects = {
        present[entry.key].address: entry
        for entry in objects
        if entry.state and entry.key in present and present[entry.key].state != entry.state
    }
    return frozenset(
        suspects[address].key
        for address, definition in definitions(connection, suspects).items()
        if definition != suspects[address].definition
        and major(definition) == major(suspects[address].definition)
    )


def _with_rows(
    connection: psycopg.Connection, survey: _Survey, ledger: Ledger, table: _Table
) -> Ledger:
    # the marks first: a role that may read nothing is told of the first table that it may not
    marked = {table["schema"] for table in survey.tables if table["name"] == MARKS}
    marks = _marks(connection, ledger.books) if ledger.books in marked else ()
    objects = applied_objects(connection, ledger.books)
    present = catalog_objects(connection) if objects else {}
    return ledger._replace(
        marks=marks,
        applied=_applied(connection, table),
        interrupted=interrupted_migrations(connection, ledger.books),
        objects=objects,
        present=frozenset(present),
        replaced=replaced_objects(connection, objects, present),
    )


def _applied(connection: psycopg.Connection, table: _Table) -> tuple[Applied, ...]:
    rows = sql.SQL(_APPLIED).format(
        note=sql.SQL("dbkit_note" if "dbkit_note" in table["columns"] else "null"),
        table=sql.Identifier(table["schema"], table["name"]),
    )
    with connection.cursor(row_factory=class_row(Applied)) as cursor:
        return tuple(cursor.execute(rows))


def _text(query: LiteralString, schema: str, table: str) -> sql.Composed:
    return sql.SQL(query).format(sql.Identifier(schema, table))


def _maker(columns: list[str]) -> str:
    if columns == ["version"]:
        return "tern"
    for typical, maker in _MAKERS.items():
        if typical <= set(columns):
            return maker
    return "another tool"
