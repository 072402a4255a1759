"""Find the version at which a database stands that another tool made."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import tuple_row

from dbkit.migrations import BOOKKEEPING, Files, NoSuchVersion, Runner, read_ledger
from dbkit.operations.databases import scratch
from dbkit.operations.errors import AlreadyOurs, DirtyOrigin, NothingToAdopt, NotOurs
from dbkit.operations.schema import Difference, Schema, compare, read_schema

_ALEMBIC, _GOLANG = "alembic_version", "schema_migrations"
_OTHERS = (_ALEMBIC, _GOLANG)
_COLUMNS = """
select
    class.relname,
    array_agg(attribute.attname::text)
from pg_class as class
inner join pg_attribute as attribute on attribute.attrelid = class.oid
where
    class.relname = any(%s)
    and pg_table_is_visible(class.oid)
    and attribute.attnum > 0
    and not attribute.attisdropped
group by class.relname
"""
# two names of one thing: a random UUID of version 4
_SAME = (("public.uuid_generate_v4()", "gen_random_uuid()"),)


class ForeignHistory(NamedTuple):
    """Which tool made a database, and where it says it stands."""

    tool: str
    version: str


class History(NamedTuple):
    """What each version of a system is, made on the server that is asked about."""

    versions: Mapping[int, Schema]
    # what the files in _objects make: put right by the next `migrate`, whatever is there now
    replaced: frozenset[str]

    @property
    def known(self) -> frozenset[str]:
        """Every name that any version has."""
        return frozenset(name for schema in self.versions.values() for name in schema)


class Match(NamedTuple):
    """How a database compares with one version."""

    version: int
    differences: tuple[Difference, ...]
    # what is there beside ours, and is left alone
    beside: tuple[str, ...]


class Adopted(NamedTuple):
    """What was found out, before it is recorded."""

    origin: ForeignHistory | None
    version: int
    beside: tuple[str, ...]
    # migrations up to this version that change rows alone: no catalog tells whether they ran
    rows_only: tuple[str, ...]


def examine(
    connection: psycopg.Connection[Any], url: str, files: Files, *, to: int | None = None
) -> Adopted:
    """Compare a database with every version of a system, or with one, and tell which it is.

    The versions are made one after the other in a database of their own on the same server,
    so that both are told of in the same words; the database itself is only read.
    """
    if to is not None and not 0 < to <= files.latest:
        reason = f"the newest migration is {files.latest}"
        raise NoSuchVersion(files.system, to, reason)
    ledger = read_ledger(connection)
    if ledger.exists and ledger.applied:
        raise AlreadyOurs(files.system, ledger.version)
    origin = _find_origin(connection)
    found = _settled(read_schema(connection, left_out=(*BOOKKEEPING, *_OTHERS)))
    if not any(name.startswith("table ") for name in found):
        raise NothingToAdopt(files.system)
    history = _make_history(connection, url, files)
    matches = [
        _match(version, found, history)
        for version in history.versions
        if to is None or version == to
    ]
    best = _best(matches, history)
    if best.differences:
        told = tuple(map(str, best.differences))
        raise NotOurs(files.system, best.version, told)
    return Adopted(origin, best.version, best.beside, tuple(_rows_only(files, history, best)))


def _find_origin(connection: psycopg.Connection[Any]) -> ForeignHistory | None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(_COLUMNS, [list(_OTHERS)]).fetchall()
        tables: dict[str, list[str]] = dict(found)
        if {"version_num"} <= {*tables.get(_ALEMBIC, ())}:
            rows = cursor.execute("select version_num from alembic_version").fetchall()
            return ForeignHistory(
                "alembic", ", ".join(str(version) for (version,) in rows) or "none"
            )
        if {"version", "dirty"} <= {*tables.get(_GOLANG, ())}:
            rows = cursor.execute("select version, dirty from schema_migrations").fetchall()
            for version, dirty in rows:
                if dirty:
                    raise DirtyOrigin("golang-migrate", str(version))
            return ForeignHistory("golang-migrate", str(rows[0][0]) if rows else "none")
    return None


def _make_history(model: psycopg.Connection[Any], url: str, files: Files) -> History:
    versions: dict[int, Schema] = {}
    bare = files._replace(objects=())
    with scratch(url, model) as connection:
        for migration in files.migrations:
            Runner(bare, connection).migrate(migration.version)
            versions[migration.version] = _settled(read_schema(connection))
        Runner(files, connection).migrate()
        whole = _settled(read_schema(connection))
    last: Schema = versions.get(files.latest, {})
    replaced = frozenset(name for name, text in whole.items() if last.get(name) != text)
    return History(versions, replaced)


def _match(version: int, found: Schema, history: History) -> Match:
    known = history.known
    blocking: list[Difference] = []
    beside: list[str] = []
    for one in compare(history.versions[version], found):
        if one.name in history.replaced:
            continue
        if one.wanted is None and one.name not in known:
            beside.append(one.name)
        else:
            blocking.append(one)
    return Match(version, tuple(blocking), tuple(beside))


def _best(matches: list[Match], history: History) -> Match:
    """Return the version that fits best; of several alike the first.

    Where two versions have one schema, the later only changes rows. To run that once more
    may fail loudly; to leave it out would fail in silence.
    """
    best = min(matches, key=lambda one: (len(one.differences), -one.version))
    for match in matches:
        if history.versions[match.version] == history.versions[best.version]:
            return match
    return best


def _rows_only(files: Files, history: History, best: Match) -> Iterable[str]:
    before: Schema = {}
    for migration in files.migrations:
        if migration.version > best.version:
            return
        now = history.versions[migration.version]
        if now == before:
            yield migration.name
        before = now


def _settled(schema: Schema) -> Schema:
    settled = dict(schema)
    for name, text in schema.items():
        for theirs, ours in _SAME:
            settled[name] = settled[name].replace(theirs, ours) if theirs in text else settled[name]
    return settled
