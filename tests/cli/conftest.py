"""The roles and the server that the command line is tried with."""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.project import Project


@pytest.fixture
def reader_url(project: Project) -> Iterator[str]:
    """The URL of a role that may read every table, present and to come, and nothing else."""
    name = f"reader_{uuid4().hex}"
    role = sql.Identifier(name)
    with project.connect() as connection:
        connection.execute(sql.SQL("create role {} login").format(role))
        connection.execute(
            sql.SQL("alter default privileges grant select on tables to {}").format(role)
        )
    yield project.url.replace("postgres@", f"{name}@")
    with project.connect() as connection:
        connection.execute(sql.SQL("drop owned by {}").format(role))
        connection.execute(sql.SQL("drop role {}").format(role))


@pytest.fixture
def guarded_url(project: Project) -> Iterator[str]:
    """The URL of a role whose password, `right`, the server asks for."""
    name = f"guarded_{uuid4().hex}"
    role = sql.Identifier(name)
    [(file,)] = project.rows("show hba_file")
    rules = Path(file)
    before = rules.read_text()
    with project.connect() as connection:
        connection.execute(sql.SQL("create role {} login password 'right'").format(role))
        connection.execute(sql.SQL("grant create on schema public to {}").format(role))
        rules.write_text(f"local all {name} scram-sha-256\n{before}")
        connection.execute("select pg_reload_conf()")
    _wait_for_a_password(project.url.replace("postgres@", f"{name}@"))
    yield project.url.replace("postgres@", f"{name}:right@")
    rules.write_text(before)
    with project.connect() as connection:
        connection.execute("select pg_reload_conf()")
        connection.execute(sql.SQL("drop owned by {}").format(role))
        connection.execute(sql.SQL("drop role {}").format(role))


def _wait_for_a_password(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return
        time.sleep(0.01)
    raise AssertionError
