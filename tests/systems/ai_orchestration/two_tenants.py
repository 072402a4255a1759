"""Two tenants with the same data in every table, and what a query does seen from one of them."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from dbkit.loading import LoadedQuery
from dbkit.queryfiles import Combination, QueryKind
from dbkit.runtime import AsText
from dbkit.typedqueries import TypedParameter, type_query

A, B = "a", "b"
ROWS = 8
_COLUMNS = """
select
    relation.relname,
    attribute.attname,
    type.typname,
    not attribute.attnotnull,
    array(
        select held.confrelid = held.conrelid
        from pg_constraint as held
        where
            held.conrelid = relation.oid
            and held.contype = 'f'
            and attribute.attnum = any(held.conkey)
    ),
    array(
        select listed[1]
        from
            pg_constraint as held,
            regexp_matches(pg_get_constraintdef(held.oid), $$'([^']+)'$$, 'g') as listed
        where
            held.conrelid = relation.oid
            and held.contype = 'c'
            and type.typcategory = 'S'
            and held.conkey = array[attribute.attnum]
    )
from pg_attribute as attribute
inner join pg_class as relation on relation.oid = attribute.attrelid
inner join pg_type as type on type.oid = attribute.atttypid
where
    relation.relnamespace = 'public'::regnamespace
    and relation.relkind = 'r'
    and relation.relname !~ 'yoyo|schema_version|dbkit'
    and attribute.attnum > 0
    and not attribute.attisdropped
order by relation.relname, attribute.attnum
"""
# a query asks for what is alive by the first row, and for what was removed by the second
_ALIVE, _REMOVED = 0, 1
ASKED = (_ALIVE, _REMOVED)
# by these a caller looks rows up, so they may come back to one who knew them
_KNOWN = {"id", "name", "slug", "email"}
_FIXED = {
    "cron_expression": "0 7 * * *",
    "data_retention_days": "1",
    "ip_address": "10.0.0.1",
    "settings": '{"data_retention_days": 1, "max_concurrent_runs": 5}',
    "timezone": "UTC",
}
_FRESH = re.compile(r"(?!(?:a|b)0{7}-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"datetime\.datetime\((?:[^()]|\([^()]*\))*\)|\d{4}-\d\d-\d\d[T ][\d:.+]*")


class Column(NamedTuple):
    """A column as the catalog tells of it."""

    name: str
    type: str
    nullable: bool
    # one entry a reference: whether it is to the table itself
    references: list[bool]
    listed: list[str]


class Outcome(NamedTuple):
    """What a caller learns of a call, and what it did to the other tenant."""

    seen: str
    is_refused: bool
    is_touched: bool


@dataclass(frozen=True)
class World:
    """A database with both tenants, its tables, and a role that owns nothing."""

    connection: Connection[Any]
    tables: dict[str, list[Column]]
    role: str
    untouched: object

    @cached_property
    def listed(self) -> dict[str, str]:
        """The first value of each column that lists its values."""
        return {
            column.name: column.listed[0]
            for columns in self.tables.values()
            for column in columns
            if column.listed
        }

    def call(
        self,
        loaded: LoadedQuery,
        combination: Combination,
        texts: dict[str, str | bool],
        *,
        seen_as: str | None,
    ) -> Outcome:
        """Run a query as the owner, or restricted as a tenant, and take back what it did."""
        with self.connection.transaction(force_rollback=True):
            try:
                with self.connection.transaction(), self._seen_as(seen_as):
                    found = _run(self.connection, loaded, combination, texts)
            except psycopg.Error as error:
                seen, is_refused = f"{error.sqlstate}", True
            else:
                seen, is_refused = repr(found), found in (None, 0, [])
            after = fingerprint(self.connection, self.tables)
        seen = _MOMENT.sub("a moment", _FRESH.sub("a new id", seen))
        return Outcome(seen, is_refused, after != self.untouched)

    @contextmanager
    def without(self, tenant: str) -> Generator[None]:
        """Take a tenant out of the database for a while, as if it had never been there."""
        with self.connection.transaction(force_rollback=True):
            self.connection.execute("set local session_replication_role = replica")
            for table, columns in self.tables.items():
                self.connection.execute(
                    sql.SQL("delete from {} as t where {}").format(
                        sql.Identifier(table), _is_of(columns, tenant)
                    )
                )
            self.connection.execute("set local session_replication_role = origin")
            yield

    @contextmanager
    def _seen_as(self, tenant: str | None) -> Generator[None]:
        if tenant is None:
            yield
            return
        set_config = "select set_config('app.tenant_id', %s, true), set_config('role', %s, true)"
        self.connection.execute(set_config, [uuid_of(tenant), self.role])
        yield
        self.connection.execute("reset role")


def fill(connection: Connection[Any]) -> dict[str, list[Column]]:
    """Give both tenants the same rows in every table, and tell of the tables."""
    tables: dict[str, list[Column]] = {}
    for table, *column in connection.execute(_COLUMNS.encode()).fetchall():
        tables.setdefault(table, []).append(Column(*column))
    # nothing is checked and nothing fires while the tables are filled in any order
    connection.execute("set session_replication_role = replica")
    for tenant in (A, B):
        for table, columns in tables.items():
            for number in range(ROWS if table != "tenants" else 1):
                _add(connection, table, {one.name: _cell(tenant, number, one) for one in columns})
    connection.execute("set session_replication_role = origin")
    return tables


def fingerprint(connection: Connection[Any], tables: dict[str, list[Column]]) -> object:
    """Tell all rows that belong to the other tenant or refer to one that does."""
    lines = [
        sql.SQL("select t::text as line from {} as t where {}").format(
            sql.Identifier(table), _is_of(columns, B)
        )
        for table, columns in tables.items()
    ]
    statement = sql.SQL("select count(*), md5(string_agg(line, '|' order by line)) from ({}) x")
    return connection.execute(statement.format(sql.SQL(" union all ").join(lines))).fetchone()


def uuid_of(tenant: str, number: int = 0) -> str:
    """Give an id of a tenant's; that of number 0 is the tenant's own."""
    return f"{tenant}0000000-0000-4000-8000-{number:012}"


def arguments(
    world: World, loaded: LoadedQuery, *, tenant: str, owner: str, number: int
) -> dict[str, str | bool]:
    """Give every parameter of a query a value: one tenant's id, and of all else the owner's."""
    return {
        one.name: uuid_of(tenant)
        if one.name == "tenant_id"
        else _text(one, world.listed, owner, number)
        for one in _parameters(world.connection, loaded)
    }


@cache
def _parameters(connection: Connection[Any], loaded: LoadedQuery) -> tuple[TypedParameter, ...]:
    return type_query(connection, loaded.query, loaded.source).parameters


def _text(parameter: TypedParameter, listed: dict[str, str], owner: str, number: int) -> str | bool:
    if parameter.type is None:
        return True
    if parameter.type.name == "uuid":
        return uuid_of(owner, number)
    if parameter.name in listed:
        return listed[parameter.name]
    if parameter.type.name in {"text", "varchar"} and parameter.name not in _FIXED:
        return _known(owner, number)
    return _sample(owner, number, parameter.name, parameter.type.name)


def _run(
    connection: Connection[Any],
    loaded: LoadedQuery,
    combination: Combination,
    texts: dict[str, str | bool],
) -> Any:  # noqa: ANN401 - what the query gives
    query = loaded.query
    values: dict[str, Any] = {
        one.name: texts[one.name] if one.flag else AsText(str(texts[one.name]))
        for one in query.parameters
        if one.name in combination.given
        or not (one.omittable or one.flag or one.default is not None)
    }
    chosen = dict(combination.chosen)
    if query.kind in {QueryKind.BATCH, QueryKind.COPY}:
        return loaded(connection, [values], **chosen)
    found = loaded(connection, **values, **chosen)
    return list(found) if query.kind is QueryKind.STREAM else found


def _cell(tenant: str, number: int, column: Column) -> str | None:
    if column.references:
        is_first = any(column.references) and column.nullable and number == 0
        return None if is_first else uuid_of(tenant)
    if column.listed:
        return column.listed[number % len(column.listed)]
    if column.name == "deleted_at" and number % 2 != _REMOVED:
        return None
    return _sample(tenant, number, column.name, column.type)


def _sample(tenant: str, number: int, name: str, type_: str) -> str:
    samples = {
        "uuid": uuid_of(tenant, number),
        "bool": "true",
        "interval": "1 hour",
        "int4": str(number + 1),
        "int8": str(number + 1),
        "timestamptz": "2020-01-01 01:01:01" if number % 4 < 2 else "2026-01-01 01:01:01",
        "jsonb": f'{{"hidden": "$.of_{tenant}"}}',
    }
    text = _known(tenant, number) if name in _KNOWN else f"hidden-of-{tenant}"
    return _FIXED.get(name) or samples.get(type_) or text


def _known(tenant: str, number: int) -> str:
    return f"known-of-{tenant}-{number}"


def _is_of(columns: list[Column], tenant: str) -> sql.Composable:
    """Say that a row is a tenant's, or refers to one that is."""
    names = [one.name for one in columns if one.name == "id" or one.references]
    pattern = sql.Literal(f"^({tenant}0000000-|known-of-{tenant}-)")
    return sql.SQL(" or ").join(
        sql.SQL("t.{}::text ~ {}").format(sql.Identifier(name), pattern) for name in names
    )


def _add(connection: Connection[Any], table: str, values: dict[str, str | None]) -> None:
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Literal, values.values())),
    )
    try:
        with connection.transaction():
            connection.execute(statement)
    except psycopg.IntegrityError:
        # a table whose rows have to differ by more than their columns tell has fewer of them
        return
