"""Make a database beside another one, on the same server."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbkit.database import connect
from dbkit.errors.operations import DatabaseExists, MayNotCreate

_MAINTENANCE = "postgres"


@contextmanager
def maintenance(url: str) -> Generator[psycopg.Connection[Any]]:
    """Connect to the server of a database, and not to the database itself."""
    with connect(url_of(url, _MAINTENANCE)) as server:
        yield server


def url_of(url: str, database: str) -> str:
    """Return the way to another database of the same server."""
    return make_conninfo("", **{**conninfo_to_dict(url), "dbname": database})


def create(server: psycopg.Connection[Any], name: str, **like: str) -> None:
    """Create a database from nothing, with the encoding and the locale given."""
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
def scratch(url: str) -> Generator[psycopg.Connection[Any]]:
    """Make a database that is gone afterwards."""
    name = f"dbkit_scratch_{uuid4().hex[:12]}"
    with maintenance(url) as server:
        create(server, name)
        try:
            with connect(url_of(url, name)) as connection:
                yield connection
        finally:
            drop(server, name)
