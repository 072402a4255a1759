"""Create and drop databases on the server of another database."""

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
# through JSON, because the columns have other names in other versions of PostgreSQL
_CREATION_OPTIONS = """
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
    """Connect to the database `postgres` of a database's server."""
    with connect(url_of(url, _MAINTENANCE)) as server:
        yield server


def url_of(url: str, database: str) -> str:
    """Return the URL of another database on the same server."""
    return make_conninfo("", **{**conninfo_to_dict(url), "dbname": database})


def creation_options(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the `create database` options that give this database's encoding and locale."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        [(encoding, collate, ctype, provider_code, locale, rules)] = cursor.execute(
            _CREATION_OPTIONS
        ).fetchall()
    # PostgreSQL 14 has no locale providers
    provider = _PROVIDERS[provider_code] if provider_code else None
    options = {
        "encoding": encoding,
        "lc_collate": collate,
        "lc_ctype": ctype,
        "locale_provider": provider,
        f"{provider}_locale": locale,
        f"{provider}_rules": rules,
    }
    return {name: value for name, value in options.items() if value is not None}


def create(server: psycopg.Connection[Any], name: str, options: Mapping[str, str]) -> None:
    """Create an empty database, with the options that `creation_options` returns."""
    statement = sql.SQL("create database {} template template0").format(sql.Identifier(name))
    for option, value in options.items():
        statement += sql.SQL(" {} {}").format(sql.Identifier(option), sql.Literal(value))
    try:
        server.execute(statement)
    except psycopg.errors.DuplicateDatabase:
        raise DatabaseExists(name) from None
    except psycopg.errors.InsufficientPrivilege:
        raise MayNotCreate(server.info.user) from None


def drop(server: psycopg.Connection[Any], name: str) -> None:
    """Drop a database, even if other sessions are connected to it."""
    server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def scratch(url: str, model: psycopg.Connection[Any]) -> Generator[psycopg.Connection[Any]]:
    """Create an empty database with the model's encoding and locale, and drop it afterwards."""
    name = f"dbkit_scratch_{uuid4().hex[:12]}"
    options = creation_options(model)
    with maintenance(url) as server:
        create(server, name, options)
        try:
            with connect(url_of(url, name)) as connection:
                _use_search_path_of(connection, model)
                yield connection
        finally:
            drop(server, name)


def _use_search_path_of(
    connection: psycopg.Connection[Any], model: psycopg.Connection[Any]
) -> None:
    """Have a table without a schema in its name land in the same schema as in the model."""
    current = "select current_setting('search_path'), current_schema()"
    with connection.cursor(row_factory=tuple_row) as cursor:
        [(path, schema)] = model.cursor(row_factory=tuple_row).execute(current).fetchall()
        cursor.execute("select set_config('search_path', %s, false)", (path,))
        [(_, current_schema)] = cursor.execute(current).fetchall()
        if current_schema is None and schema is not None:
            cursor.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
