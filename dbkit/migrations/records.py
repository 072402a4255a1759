"""Compose the statements that write the ledger: yoyo's tables, `schema_version`, and ours."""

import getpass
import re
import socket
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from psycopg.pq import Escaping
from psycopg.pq.abc import PGconn

from dbkit.migrations.files import Checksum, MigrationFile
from dbkit.migrations.ledger import (
    ALONE,
    JOURNAL,
    LOG,
    MARKS,
    MARKS_VERSION,
    OBJECTS,
    SCRIPTS,
    AppliedObject,
    KeptTexts,
)

# `schema_version` is the documented table with its documented three columns first;
# those after them are ours, and the checksum tells our table from everybody else's. They may all
# be left out, as the document's own insert does
_CREATE = """
create table {ledger} (
    version integer primary key,
    applied_at timestamp with time zone default current_timestamp,
    description text,
    name text,
    dbkit_checksum text,
    dbkit_meaning text,
    milliseconds integer,
    applied_by text default current_user,
    dbkit_system text default {system},
    dbkit_note text
);
-- one without a ledger is what is left of a ledger whose table was dropped
drop table if exists {scripts}
"""
_COMMENT = "comment on column {ledger}.dbkit_system is {comment}"
# those of an earlier dbkit; the columns that are there are not made again
_EXTEND = """
alter table {ledger}
    alter column name drop not null,
    alter column dbkit_checksum drop not null,
    alter column dbkit_meaning drop not null,
    alter column applied_by drop not null,
    add column if not exists dbkit_system text,
    add column if not exists dbkit_note text;
alter table {ledger} alter column dbkit_system set default {system}
"""
_CREATE_SCHEMA = """
create schema {books};
grant usage on schema {books} to public
"""
# yoyo's own tables are as yoyo makes them
_CREATE_BOOKS = """
create table if not exists {marks} (
    migration_hash varchar(64) primary key,
    migration_id varchar(255),
    applied_at_utc timestamp
);
create table if not exists {log} (
    id varchar(36) primary key,
    migration_hash varchar(64),
    migration_id varchar(255),
    operation varchar(10),
    username varchar(255),
    hostname varchar(255),
    comment varchar(255),
    created_at_utc timestamp
);
create table if not exists {marks_version} (
    version integer primary key,
    installed_at_utc timestamp
);
insert into {marks_version} (version, installed_at_utc)
values (2, clock_timestamp() at time zone 'utc')
on conflict do nothing;
create table if not exists {objects} (
    path text primary key,
    checksum text not null,
    type text not null,
    identity text not null,
    applied_at timestamp with time zone not null default current_timestamp,
    state text,
    definition text,
    kept jsonb
);
create table if not exists {journal} (
    version integer primary key,
    name text not null,
    direction text not null,
    done integer not null,
    statements integer not null,
    error text,
    started_at timestamp with time zone not null default current_timestamp,
    running text,
    facts jsonb,
    digest text,
    temporary boolean not null default false
);
create table if not exists {scripts} (
    version integer primary key references {ledger} on delete cascade on update cascade,
    name text,
    up_text text,
    down_text text
)
"""
# what an earlier ledger left, whose table was dropped with its schema, is not this one's
_EMPTY_BOOKS = "delete from {marks}; delete from {objects}; delete from {journal}"
# they tell no more than names, and who reads `schema_version` needs them to know what is pending
_SHOW_BOOKS = "grant select on {marks}, {objects}, {journal} to public"
# the texts of the migrations are for those who may read the ledger
_READERS = """
select coalesce(quote_ident(reader.rolname), 'public')
from pg_class as relation
cross join lateral aclexplode(relation.relacl) as granted
left join pg_roles as reader on reader.oid = granted.grantee
where
    relation.oid = {ledger_text}::regclass
    and granted.privilege_type = 'SELECT'
    and granted.grantee <> relation.relowner
"""
# for a journal that an earlier version made
_WIDEN_JOURNAL = """
alter table {journal}
    add column if not exists running text,
    add column if not exists facts jsonb,
    add column if not exists digest text,
    add column if not exists temporary boolean not null default false
"""
_MARK = """
insert into {marks} (migration_hash, migration_id, applied_at_utc)
values ({hash}, {name}, clock_timestamp() at time zone 'utc')
"""
_LOG = """
insert into {log}
(id, migration_hash, migration_id, operation, username, hostname, created_at_utc)
values ({id}, {hash}, {name}, {operation}, {user}, {host}, clock_timestamp() at time zone 'utc')
"""
_ENTER = """
insert into {ledger}
(version, applied_at, description, name, dbkit_checksum, dbkit_meaning, milliseconds)
values (
    {version},
    clock_timestamp(),
    {description},
    {name},
    {exact},
    {meaning},
    -- the transaction that applies it began with it
    coalesce(
        {milliseconds},
        case {operation} when 'apply' then
            round(extract(epoch from clock_timestamp() - current_timestamp) * 1000)::integer
        end
    )
)
"""
_KEEP = """
insert into {scripts} (version, name, up_text, down_text) values ({version}, {name}, {up}, {down})
"""
_FORGET_TEXTS = "delete from {scripts} where version = {version}"
_NOTE = """
update {ledger}
set dbkit_note = concat_ws('; ', dbkit_note, {note}::text)
where version = {version}
"""
_REPAIR = """
update {ledger}
set
    version = {number},
    description = {description},
    name = {name},
    dbkit_checksum = {exact},
    dbkit_meaning = {meaning},
    dbkit_note = concat_ws(
        '; ',
        dbkit_note,
        to_char(current_timestamp, 'YYYY-MM-DD HH24:MI') || ' ' || current_user || ': ' || {note}
    )
where version = {version};
delete from {marks} where migration_hash in ({old_hash}, {hash})
"""
_UNMARK = "delete from {marks} where migration_hash = {hash}"
_STRIKE = "delete from {ledger} where version = {version}"
_UNDO = (_UNMARK, _LOG, _STRIKE)
_BEGIN_STEPS = """
insert into {journal} (version, name, direction, done, statements, digest)
values ({version}, {name}, {direction}, 0, {statements}, '')
"""
_STEP = """
update {journal} set
    done = {done},
    running = null,
    facts = null,
    error = null,
    digest = {digest},
    temporary = exists (
        select from pg_catalog.pg_class where relnamespace = pg_catalog.pg_my_temp_schema()
    )
where version = {version}
"""
_MARK_RUNNING = """
update {journal} set running = {running}, facts = {facts}, error = null where version = {version}
"""
_UNMARK_RUNNING = """
update {journal} set running = null, facts = null, error = {error} where version = {version}
"""
_FAIL = "update {journal} set error = {error} where version = {version}"
_ANSWER = """
update {journal} set
    done = {done},
    running = null,
    facts = null,
    error = null,
    digest = {digest},
    temporary = {temporary}
where version = {version}
"""
_END_STEPS = "delete from {journal} where version = {version}"
# written before the file is run: its subtransaction tells what the file makes
_MARK_OBJECT = """
insert into {objects} (path, checksum, type, identity) values ({path}, {checksum}, '', '')
on conflict (path) do update set
    checksum = excluded.checksum,
    applied_at = current_timestamp
"""
_ENTER_OBJECTS = """
update {objects} as object set
    type = made.type,
    identity = made.identity
from (values {rows}) as made(path, type, identity)
where object.path = made.path
"""
# those of an earlier dbkit
_EXTEND_OBJECTS = """
alter table {objects}
    add column if not exists state text,
    add column if not exists definition text,
    add column if not exists kept jsonb
"""
_SEAL_OBJECTS = """
update {objects} as object set
    state = now.state,
    definition = now.definition,
    kept = now.kept::jsonb
from (values {rows}) as now(path, state, definition, kept)
where object.path = now.path
"""
# without a checksum it is not there; a file is applied whatever its checksum is
_LEAVE_OUT_OBJECT = """
update {objects} set
    checksum = '',
    kept = {kept}
where path = {path} and type = {type} and identity = {identity}
"""
_REMOVE_OBJECT = """
delete from {objects} where path = {path} and type = {type} and identity = {identity}
"""
# nearly every value is a digest or a name, and there are eleven to a migration
_NEEDS_NO_ESCAPE = re.compile(r"[\w .-]*", re.ASCII)
# run for each migration, in one statement of which the last part is the whole; the server takes
# longer to plan it than to run it
_APPLY = f"with marked as ({_MARK}), logged as ({_LOG}) {_ENTER}"
_APPLY_AND_KEEP = f"with marked as ({_MARK}), logged as ({_LOG}), entered as ({_ENTER}) {_KEEP}"
_APPLY_VALUES = {
    "hash": "text",
    "name": "text",
    "id": "text",
    "operation": "text",
    "user": "text",
    "host": "text",
    "version": "integer",
    "description": "text",
    "exact": "text",
    "meaning": "text",
    "milliseconds": "integer",
    "up": "text",
    "down": "text",
}
# the names of what a session prepares
_PREPARED_APPLY = "dbkit_apply"
_PREPARED_OBJECT = "dbkit_object"
_OBJECT_VALUES = {"path": "text", "checksum": "text"}


@dataclass
class Records:
    """The statements that write one ledger, as text that is ready to send.

    The values stand in the text, so that a record and the `commit` after it are sent together.
    """

    pgconn: PGconn
    schema: str
    table: str
    # the schema of all tables but the ledger itself
    books: str
    keeps_texts: bool = True
    prepared: bool = False

    def prepare(self) -> str:
        """Return what makes the server plan the statements of `apply`, once for the session."""
        return ";".join(
            [
                self._prepare(_PREPARED_APPLY, self._apply, _APPLY_VALUES),
                self._prepare(_PREPARED_OBJECT, _MARK_OBJECT, _OBJECT_VALUES),
            ]
        )

    def forget(self) -> str:
        """Return what makes the server forget those plans."""
        return f"deallocate {_PREPARED_APPLY}; deallocate {_PREPARED_OBJECT}"

    def create_ledger(self, system: str | None, *, alone: bool) -> str:
        """Return what makes the table of the ledger."""
        text = self._fill(_CREATE, system=system)
        return f"{text}; {self._fill(_COMMENT, comment=ALONE)}" if alone else text

    def extend_ledger(self, system: str | None) -> str:
        """Return what makes the table of an earlier dbkit like one of this one."""
        return self._fill(_EXTEND, system=system)

    def create_schema(self) -> str:
        """Return what makes the schema of the books."""
        return _CREATE_SCHEMA.format(**self._tables)

    def move_here(self, table: str) -> str:
        """Return what moves a table from beside the ledger to the other books."""
        schema, books = self._identifier(self.schema), self._identifier(self.books)
        return f"alter table {schema}.{table} set schema {books}"

    def create_books(self) -> str:
        """Return what makes all other tables, yoyo's among them, unless they are there."""
        return _CREATE_BOOKS.format(**self._tables)

    def empty_books(self) -> str:
        """Return what deletes all that the books say was applied."""
        return _EMPTY_BOOKS.format(**self._tables)

    def list_readers(self) -> str:
        """Return a query for the roles that may read the ledger, as a `grant` names them."""
        return _READERS.format(ledger_text=self._literal(self._tables["ledger"]))

    def grant_reading(self, readers: Sequence[str]) -> str:
        """Return what lets roles read the texts of the migrations."""
        return f"grant select on {self._tables['scripts']} to {', '.join(readers)}"

    def show_books(self) -> str:
        """Return what lets everybody read which migrations and objects are there."""
        return _SHOW_BOOKS.format(**self._tables)

    def apply(  # noqa: PLR0913 - each is written
        self,
        migration: MigrationFile,
        yoyo_hash: str,
        checksum: Checksum,
        texts: KeptTexts,
        *,
        milliseconds: int | None = None,
        operation: str = "apply",
    ) -> str:
        """Return what marks, logs and enters a migration."""
        written: dict[str, str | int | None] = {
            **self._log_values(migration.name, yoyo_hash, operation),
            "version": migration.version,
            "description": migration.description,
            "exact": checksum.exact,
            "meaning": checksum.meaning,
            "milliseconds": milliseconds,
            "up": texts.up,
            "down": texts.down,
        }
        if self.prepared:
            return f"execute {_PREPARED_APPLY}({self._list(written[key] for key in _APPLY_VALUES)})"
        return self._fill(self._apply, **written)

    def keep(self, texts: KeptTexts) -> str:
        """Return what keeps the texts of a migration that was recorded before."""
        return self._fill(_KEEP, **texts._asdict())

    def note(self, version: int, note: str) -> str:
        """Return what adds a note to the row of a migration."""
        return self._fill(_NOTE, version=version, note=note)

    def repair(  # noqa: PLR0913 - each is written
        self,
        version: int,
        migration: MigrationFile,
        hashes: tuple[str, str],
        *,
        checksum: Checksum,
        texts: KeptTexts,
        note: str,
    ) -> str:
        """Return what makes the row of a version that of a file; `hashes` are yoyo's two."""
        values = self._literals(
            **self._log_values(migration.name, hashes[1], "mark"),
            old_hash=hashes[0],
            version=version,
            number=migration.version,
            description=migration.description,
            exact=checksum.exact,
            meaning=checksum.meaning,
            note=note,
        )
        repair = [_REPAIR, _MARK, _LOG]
        text = ";".join(template.format(**self._tables, **values) for template in repair)
        if self.keeps_texts:
            forget = self._fill(_FORGET_TEXTS, version=migration.version)
            text = f"{text};{forget};{self.keep(texts)}"
        return text

    def undo(
        self, version: int, name: str, yoyo_hash: str, *, operation: str = "rollback"
    ) -> list[str]:
        """Return what takes a migration out of the marks and the ledger, and logs that."""
        written = self._log_values(name, yoyo_hash, operation)
        return [self._fill(template, **written, version=version) for template in _UNDO]

    def begin_steps(self, version: int, name: str, direction: str, statements: int) -> str:
        """Return what notes that a migration outside a transaction begins."""
        return self._fill(
            _BEGIN_STEPS, version=version, name=name, direction=direction, statements=statements
        )

    def widen_journal(self) -> str:
        """Return what gives a journal that an earlier version made the columns it lacks."""
        return _WIDEN_JOURNAL.format(**self._tables)

    def step(self, version: int, done: int, digest: str) -> str:
        """Return what notes that so many of its statements, which have this digest, are done."""
        return self._fill(_STEP, version=version, done=done, digest=digest)

    def mark_running(self, version: int, statement: str, facts: str) -> str:
        """Return what notes that a statement is about to run, and what was there before it."""
        return self._fill(_MARK_RUNNING, version=version, running=statement, facts=facts)

    def unmark_running(self, version: int, error: str | None = None) -> str:
        """Return what notes that the statement under way did nothing, and why it stopped."""
        return self._fill(_UNMARK_RUNNING, version=version, error=error)

    def fail_steps(self, version: int, error: str) -> str:
        """Return what notes why it stopped."""
        return self._fill(_FAIL, version=version, error=error)

    def answer_steps(self, version: int, done: int, digest: str, *, temporary: bool) -> str:
        """Return what notes that a person said how many statements count as done."""
        return self._fill(_ANSWER, version=version, done=done, digest=digest, temporary=temporary)

    def end_steps(self, version: int) -> str:
        """Return what deletes the notes of a migration that is finished or was forced."""
        return self._fill(_END_STEPS, version=version)

    def mark_object(self, path: str, checksum: str) -> str:
        """Return what notes that an object file is applied now."""
        if self.prepared:
            return f"execute {_PREPARED_OBJECT}({self._list((path, checksum))})"
        return self._fill(_MARK_OBJECT, path=path, checksum=checksum)

    def enter_objects(self, made: Iterable[AppliedObject]) -> str:
        """Return what enters the objects that files made, which were noted before."""
        rows = (map(self._literal, (entry.path, *entry.key)) for entry in made)
        values = ", ".join(f"({', '.join(row)})" for row in rows)
        return _ENTER_OBJECTS.format(**self._tables, rows=values)

    def extend_objects(self) -> str:
        """Return what gives the table of objects the columns that it has today."""
        return self._fill(_EXTEND_OBJECTS)

    def seal_objects(self, sealed: Iterable[AppliedObject]) -> str:
        """Return what enters how the catalog has objects now."""
        rows = (
            map(self._literal, (entry.path, entry.state, entry.definition, entry.kept))
            for entry in sealed
        )
        values = ", ".join(f"({', '.join(row)})" for row in rows)
        return _SEAL_OBJECTS.format(**self._tables, rows=values)

    def remove_object(self, entry: AppliedObject) -> str:
        """Return what takes an object out of the ledger."""
        return self._fill(_REMOVE_OBJECT, path=entry.path, type=entry.type, identity=entry.identity)

    def leave_out_object(self, entry: AppliedObject, kept: str) -> str:
        """Return what notes that an object was taken down, and what it is to have again."""
        names = {"path": entry.path, "type": entry.type, "identity": entry.identity}
        return self._fill(_LEAVE_OUT_OBJECT, **names, kept=kept)

    @property
    def _apply(self) -> str:
        return _APPLY_AND_KEEP if self.keeps_texts else _APPLY

    @cached_property
    def _tables(self) -> dict[str, str]:
        books = self._identifier(self.books)
        names = {
            "marks": MARKS,
            "log": LOG,
            "marks_version": MARKS_VERSION,
            "objects": OBJECTS,
            "journal": JOURNAL,
            "scripts": SCRIPTS,
        }
        return {
            "ledger": f"{self._identifier(self.schema)}.{self._identifier(self.table)}",
            "books": books,
            **{key: f"{books}.{name}" for key, name in names.items()},
        }

    def _identifier(self, name: str) -> str:
        return Escaping(self.pgconn).escape_identifier(name.encode()).decode()

    @cached_property
    def _runner(self) -> dict[str, str]:
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = "unknown"
        return {"user": user, "host": socket.gethostname()}

    def _log_values(self, name: str, yoyo_hash: str, operation: str) -> dict[str, str]:
        return {
            "id": str(uuid.uuid4()),
            "hash": yoyo_hash,
            "name": name,
            "operation": operation,
            **self._runner,
        }

    def _prepare(self, name: str, template: str, values: Mapping[str, str]) -> str:
        placeholders = {key: f"${number}" for number, key in enumerate(values, start=1)}
        types = ", ".join(values.values())
        return f"prepare {name} ({types}) as {template.format(**self._tables, **placeholders)}"

    def _list(self, values: Iterable[str | int | None]) -> str:
        return ", ".join(map(self._literal, values))

    def _fill(self, template: str, **values: str | int | None) -> str:
        return template.format(**self._tables, **self._literals(**values))

    def _literals(self, **values: str | int | None) -> dict[str, str]:
        return {key: self._literal(value) for key, value in values.items()}

    def _literal(self, value: str | int | None) -> str:
        if value is None:
            return "null"
        if isinstance(value, int):
            # false and true as well
            return str(value)
        if _NEEDS_NO_ESCAPE.fullmatch(value):
            return f"'{value}'"
        return Escaping(self.pgconn).escape_literal(value.encode()).decode()
