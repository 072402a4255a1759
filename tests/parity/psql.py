"""Data for every table of a system, and values for every parameter of a query."""

from typing import Any

import psycopg
from psycopg import sql

ROWS = 12
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
        select label.enumlabel::text
        from pg_enum as label
        where label.enumtypid = type.oid
        order by label.enumsortorder
    ) || array(
        select listed[1]
        from
            pg_constraint as held,
            regexp_matches(pg_get_constraintdef(held.oid), $$'([^']+)'$$, 'g') as listed
        where
            held.conrelid = relation.oid
            and held.contype = 'c'
            and type.typcategory = 'S'
            and held.conkey = array[attribute.attnum]
            and pg_get_constraintdef(held.oid) !~ ' ~ '
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
    and attribute.attgenerated = ''
order by relation.relname, attribute.attnum
"""
_NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8"}
_MOMENTS = {"timestamp", "timestamptz", "date"}
_FIXED = {
    "bytea": r"\x6269",
    "cidr": "10.0.0.0/8",
    "inet": "10.0.0.1",
    "interval": "30 days",
    "json": '{"a": [1.50, null, "ü"]}',
    "jsonb": '{"a": [1.50, null, "ü"]}',
    "pg_snapshot": "3:9:5",
    "time": "12:00",
    "vector": f"[{','.join(['0.5'] * 1536)}]",
    "xid8": "7",
}
# what a check wants and no type tells
_FITTING = {"content_hash": "5e" * 32}


def sample(type_: str, number: int = 0) -> str:
    """Give a text of a type; that of number 0 is what queries ask for."""
    if type_.startswith("_"):
        return "{}"
    if type_ in _NUMBERS:
        return str(number + 3)
    if type_ in _MOMENTS:
        return "2026-01-02 03:04:05.678"
    if type_ == "uuid":
        return f"0b0e5e02-0000-4000-8000-{number + 1:012}"
    if type_ == "bool":
        return "true" if number % 2 else "false"
    return _FIXED.get(type_, f"sample{number or ''}")


def fill(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Fill every table, and tell of each column that lists its values the first of them.

    References all lead to the row of number 0, which itself comes after no row of its own table;
    old, new and absent moments take turns.
    """
    columns = connection.execute(_COLUMNS.encode()).fetchall()
    tables: dict[str, list[tuple[Any, ...]]] = {}
    for table, *column in columns:
        tables.setdefault(table, []).append(tuple(column))
    # no reference is checked and nothing fires while the tables are filled in any order
    connection.execute("set session_replication_role = replica")
    for table, described in tables.items():
        for number in range(ROWS):
            _add(
                connection,
                table,
                {one[0]: _FITTING.get(one[0]) or _value(number, *one[1:]) for one in described},
            )
    connection.execute("set session_replication_role = origin")
    return _FITTING | {name: listed[0] for _, name, *_, listed in reversed(columns) if listed}


def _value(
    number: int,
    type_: str,
    nullable: bool,
    refers_to_own: list[bool],
    listed: list[str],
) -> str | None:
    if refers_to_own:
        return None if any(refers_to_own) and nullable and number == 0 else sample(type_)
    # what queries ask for has its texts, and is neither deleted nor over
    if nullable and number % 2 == (type_ not in _MOMENTS):
        return None
    if listed:
        return listed[number % len(listed)]
    if type_ in _MOMENTS:
        return _RECENT if number % 4 < 2 else "2020-01-02 03:04:05.678"
    return sample(type_, number)


_RECENT = "recent"


def _add(connection: psycopg.Connection[Any], table: str, values: dict[str, str | None]) -> None:
    row = sql.SQL(", ").join(
        sql.SQL("now() - interval '10 minutes'") if value == _RECENT else sql.Literal(value)
        for value in values.values()
    )
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    insert = sql.SQL("insert into {} ({}) values ({})")
    try:
        with connection.transaction():
            connection.execute(insert.format(sql.Identifier(table), names, row))
    except psycopg.IntegrityError:
        # a table that wants more than its columns' types tell has fewer rows
        return
