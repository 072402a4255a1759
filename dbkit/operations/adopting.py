"""Find out at which version of a system a database is that another tool made."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import tuple_row

from dbkit.migrations import Files, NoSuchVersion, Runner, read_ledger
from dbkit.operations.databases import scratch
from dbkit.operations.errors import AlreadyOurs, NothingToAdopt, NotOurs, UnfinishedOrigin
from dbkit.operations.schema import Difference, Schema, compare, read_schema

_ALEMBIC, _GOLANG = "alembic_version", "schema_migrations"
_FOREIGN_LEDGERS = (_ALEMBIC, _GOLANG)
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
# two functions that return the same, a random UUID of version 4: (theirs, ours)
_EQUIVALENTS = (("public.uuid_generate_v4()", "gen_random_uuid()"),)


class ForeignHistory(NamedTuple):
    """Which tool made a database, and the version that the tool recorded."""

    tool: str
    version: str


class SchemaHistory(NamedTuple):
    """The schema of each version of a system, built on the same server as the database."""

    versions: Mapping[int, Schema]
    # the objects that the files in _objects make: the next `migrate` replaces them anyway
    replaced: frozenset[str]

    @property
    def known(self) -> frozenset[str]:
        """The name of every object of any version."""
        return frozenset(name for schema in self.versions.values() for name in schema)


class VersionMatch(NamedTuple):
    """How a database differs from one version."""

    version: int
    differences: tuple[Difference, ...]
    # objects that no version has; they are left alone
    beside: tuple[str, ...]


class Adoption(NamedTuple):
    """What is known of a database that can be adopted, before it is recorded."""

    origin: ForeignHistory | None
    version: int
    beside: tuple[str, ...]
    # migrations up to this version that change only rows: no catalog shows whether they ran
    rows_only: tuple[str, ...]


def find_adoption(
    connection: psycopg.Connection[Any], url: str, files: Files, *, to: int | None = None
) -> Adoption:
    """Compare a database with every version of a system, or with one, and return which it is.

    The versions are built one after another in a scratch database on the same server, so that the
    same server writes both sets of definitions. The database itself is only read.
    """
    if to is not None and not 0 < to <= files.latest:
        reason = f"the newest migration is {files.latest}"
        raise NoSuchVersion(files.system, to, reason)
    ledger = read_ledger(connection, files.system, files.versions)
    if ledger.exists and ledger.applied:
        raise AlreadyOurs(files.system, ledger.version)
    origin = _find_origin(connection)
    schema = _normal(read_schema(connection, left_out=_FOREIGN_LEDGERS))
    if not any(name.startswith("table ") for name in schema):
        raise NothingToAdopt(files.system)
    history = _build_history(connection, url, files)
    matches = [
        _match(version, schema, history)
        for version in history.versions
        if to is None or version == to
    ]
    best = _best(matches, history)
    if best.differences:
        raise NotOurs(files.system, best.version, tuple(map(str, best.differences)))
    return Adoption(origin, best.version, best.beside, tuple(_rows_only(files, history, best)))


def _find_origin(connection: psycopg.Connection[Any]) -> ForeignHistory | None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        tables: dict[str, list[str]] = dict(
            cursor.execute(_COLUMNS, [list(_FOREIGN_LEDGERS)]).fetchall()
        )
        if {"version_num"} <= {*tables.get(_ALEMBIC, ())}:
            rows = cursor.execute("select version_num from alembic_version").fetchall()
            return ForeignHistory(
                "alembic", ", ".join(str(version) for (version,) in rows) or "none"
            )
        if {"version", "dirty"} <= {*tables.get(_GOLANG, ())}:
            rows = cursor.execute("select version, dirty from schema_migrations").fetchall()
            for version, dirty in rows:
                if dirty:
                    raise UnfinishedOrigin("golang-migrate", str(version))
            return ForeignHistory("golang-migrate", str(rows[0][0]) if rows else "none")
    return None


def _build_history(model: psycopg.Connection[Any], url: str, files: Files) -> SchemaHistory:
    versions: dict[int, Schema] = {}
    without_objects = files._replace(objects=())
    with scratch(url, model) as connection:
        for migration in files.migrations:
            Runner(without_objects, connection).migrate(migration.version)
            versions[migration.version] = _normal(read_schema(connection))
        Runner(files, connection).migrate()
        complete = _normal(read_schema(connection))
    latest: Schema = versions.get(files.latest, {})
    replaced = frozenset(name for name, text in complete.items() if latest.get(name) != text)
    return SchemaHistory(versions, replaced)


def _match(version: int, schema: Schema, history: SchemaHistory) -> VersionMatch:
    known = history.known
    blocking: list[Difference] = []
    beside: list[str] = []
    for difference in compare(history.versions[version], schema):
        if difference.name in history.replaced:
            continue
        if difference.wanted is None and difference.name not in known:
            beside.append(difference.name)
        else:
            blocking.append(difference)
    return VersionMatch(version, tuple(blocking), tuple(beside))


def _best(matches: list[VersionMatch], history: SchemaHistory) -> VersionMatch:
    """Return the version with the fewest differences; of versions with one schema, the first.

    If two versions have the same schema, the later one only changes rows. If it runs a second
    time, it may fail with an error; if it were left out, nobody would notice.
    """
    best = min(matches, key=lambda match: (len(match.differences), -match.version))
    for match in matches:
        if history.versions[match.version] == history.versions[best.version]:
            return match
    return best


def _rows_only(files: Files, history: SchemaHistory, best: VersionMatch) -> Iterable[str]:
    before: Schema = {}
    for migration in files.migrations:
        if migration.version > best.version:
            return
        after = history.versions[migration.version]
        if after == before:
            yield migration.name
        before = after


def _normal(schema: Schema) -> Schema:
    normal = dict(schema)
    for theirs, ours in _EQUIVALENTS:
        for name, definition in normal.items():
            normal[name] = definition.replace(theirs, ours)
    return normal
