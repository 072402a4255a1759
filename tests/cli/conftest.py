"""Roles and projects that the command line is tried with."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dbkit.server import EmbeddedServer
from tests.project import Project


@pytest.fixture
def reader(project: Project) -> Iterator[Project]:
    """The project as somebody uses it who may read all tables, present and to come, and no more."""
    name = f"reader_{uuid4().hex}"
    role = sql.Identifier(name)
    with project.connect() as connection:
        connection.execute(sql.SQL("create role {} login").format(role))
        connection.execute(
            sql.SQL("alter default privileges grant select on tables to {}").format(role)
        )
    yield replace_url(project, project.url.replace("postgres@", f"{name}@"))
    with project.connect() as connection:
        connection.execute(sql.SQL("drop owned by {}").format(role))
        connection.execute(sql.SQL("drop role {}").format(role))


@pytest.fixture
def with_password(project: Project, server: EmbeddedServer) -> Iterator[Project]:
    """The project over a role whose password, `right`, the server asks for."""
    name = f"guarded_{uuid4().hex}"
    [(file,)] = project.rows("show hba_file")
    rules = Path(file)
    before = rules.read_text()
    with project.connect() as connection:
        connection.execute(f"create role {name} login password 'right'".encode())
        rules.write_text(f"local all {name} scram-sha-256\n{before}")
        connection.execute("select pg_reload_conf()")
        while not _asks_for_password(server, name):
            pass
    yield replace_url(project, project.url.replace("postgres@", f"{name}:right@"))
    rules.write_text(before)
    with project.connect() as connection:
        connection.execute("select pg_reload_conf()")
        connection.execute(f"drop role {name}".encode())


@pytest.fixture
def on_the_embedded_server(tmp_path: Path) -> Iterator[Project]:
    """A project that has no URL, and with it an embedded server of its own."""
    project = Project(tmp_path / "embedded", "")
    yield project
    ran = project.dbkit("server", "reset", "--yes", "--force")
    assert ran.returncode == 0, ran


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let children hear SIGINT, also where the tests themselves run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def replace_url(project: Project, url: str) -> Project:
    """Return the same project over another URL."""
    again = object.__new__(Project)
    for name, value in {**vars(project), "url": url}.items():
        object.__setattr__(again, name, value)
    return again


def _asks_for_password(server: EmbeddedServer, name: str) -> bool:
    try:
        url = server.url("postgres").replace("postgres@", f"{name}@")
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return True
    return False
