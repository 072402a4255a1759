"""Make a database beside another one, on the same server."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row

from dbkit.database import connect
from dbkit.operations.errors import DatabaseExists, MayNotCreate

_MAINTENANCE = "postgres"
# by way of JSON, because what says it has another name in every version
_LIKENESS = """
select
    pg_encoding_to_char(database.encoding),
    database.datcollate,
    database.datctype,
    (to_jsonb(database) ->> 'datlocprovider'),
    coalesce(to_jsonb(database) ->> 'datlocale', to_jsonb(database) ->> 'daticulocale'),
    (to_jsonb(database) ->> 'daticurules')
from pg_database as database
where database.datname = current_database()
"""
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


@contextmanager
def maintenance(url: str) -> Generator[psycopg.Connection[Any]]:
    """Connect to the server of a database, and not to the database itself."""
    with connect(url_of(url, _MAINTENANCE)) as server:
        yield server


def url_of(url: str, database: str) -> str:
    """Return the way to another database of the same server."""
    return make_conninfo("", **{**conninfo_to_dict(url), "dbname": database})


def likeness(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the options that make another database of this one's encoding and locale."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        [(encoding, collate, ctype, kind, locale, rules)] = cursor.execute(_LIKENESS).fetchall()
    # PostgreSQL 14 knows of no providers
    provider = _PROVIDERS[kind] if kind else None
    options = {
        "encoding": encoding,
        "lc_collate": collate,
        "lc_ctype": ctype,
        "locale_provider": provider,
        f"{provider}_locale": locale,
        f"{provider}_rules": rules,
    }
    return {name: value for name, value in options.items() if value is not None}


def create(server: psycopg.Connection[Any], name: str, like: Mapping[str, str]) -> None:
    """Create a database from nothing, with the options that `likeness` gives."""
    statement = sql.SQL("create database {} template template0").format(sql.Identifier(name))
    for option, value in like.items():
        statement += sql.SQL(" {} {}").format(sql.Identifier(option), sql.Literal(value))
    try:
        server.execute(statement)
    except psycopg.errors.DuplicateDatabase:
        raise DatabaseExists(name) from None
    except psycopg.errors.InsufficientPrivilege:
        raise MayNotCreate(server.info.user) from None


def drop(server: psycopg.Connection[Any], name: str) -> None:
    """Drop a database, whoever is connected to it."""
    server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def scratch(url: str, model: psycopg.Connection[Any]) -> Generator[psycopg.Connection[Any]]:
    """Make a database that is gone afterwards, like the one connected to, and as empty."""
    name = f"dbkit_scratch_{uuid4().hex[:12]}"
    like = likeness(model)
    with maintenance(url) as server:
        create(server, name, like)
        try:
            with connect(url_of(url, name)) as connection:
                _follow_path(connection, model)
                yield connection
        finally:
            drop(server, name)


def _follow_path(connection: psycopg.Connection[Any], model: psycopg.Connection[Any]) -> None:
    """Put what names no schema where it is put in the model."""
    current = "select current_setting('search_path'), current_schema()"
    with connection.cursor(row_factory=tuple_row) as cursor:
        [(path, schema)] = model.cursor(row_factory=tuple_row).execute(current).fetchall()
        cursor.execute("select set_config('search_path', %s, false)", (path,))
        [(_, there)] = cursor.execute(current).fetchall()
        if there is None and schema is not None:
            cursor.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
