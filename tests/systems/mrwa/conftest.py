"""Users of mrwa and their executions, and more connections to the test's own database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from time import monotonic, sleep
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from dbkit.migrations import Runner, read_files
from dbkit.server import EmbeddedServer
from dbkit.settings import load_settings
from dbkit.systems.mrwa import executions, users
from tests.conftest import ROOT

Connect = Callable[..., Connection]


@pytest.fixture
def ada(database: Connection) -> UUID:
    """A user."""
    return _user(database, "ada@example.org")


@pytest.fixture
def bob(database: Connection) -> UUID:
    """Another user."""
    return _user(database, "bob@example.org")


@pytest.fixture
def execution(database: Connection, ada: UUID) -> UUID:
    """An execution of Ada's at work, with two steps."""
    steps = [
        {"name": "Extract", "description": "Parse the PDF"},
        {"name": "Sum up", "description": "Write the summary"},
    ]
    execution_id = executions.add(
        database,
        user_id=ada,
        input_type="pdf",
        input_value="a.pdf",
        input_file_url=None,
        steps=steps,
    )
    executions.claim(database)
    database.commit()
    return execution_id


@pytest.fixture
def with_contrib(contrib_server: EmbeddedServer) -> Iterator[Connection]:
    """An own migrated database on a server that has PostgreSQL's contrib modules."""
    name = f"mrwa_{uuid4().hex}"
    contrib_server.ensure_database(name)
    with psycopg.connect(contrib_server.url(name), autocommit=True) as connection:
        Runner(read_files(load_settings(ROOT).systems["mrwa"], ROOT), connection).migrate()
        connection.autocommit = False
        yield connection
    with psycopg.connect(contrib_server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def connect(database: Connection) -> Iterator[Connect]:
    """Open another connection to the same database, in autocommit mode."""
    with ExitStack() as opened:

        def connect(**options: str) -> Connection:
            info = database.info
            place = make_conninfo(host=info.host, port=info.port, dbname=info.dbname)
            url = make_conninfo(place, **{"user": info.user} | options)
            return opened.enter_context(psycopg.connect(url, autocommit=True))

        yield connect


@pytest.fixture
def application(database: Connection, connect: Connect) -> Iterator[Connection]:
    """A session of a role that owns nothing and may work on executions, logs and artifacts."""
    role = sql.Identifier(name := f"application_{uuid4().hex}")
    database.execute(sql.SQL("create role {} login").format(role))
    database.execute(
        sql.SQL(
            "grant select, insert, update, delete on executions, execution_logs, artifacts to {}"
        ).format(role)
    )
    database.commit()
    connection = connect(user=name)
    yield connection
    connection.close()
    database.rollback()
    database.execute(sql.SQL("drop owned by {}").format(role))
    database.execute(sql.SQL("drop role {}").format(role))
    database.commit()


@pytest.fixture
def wait_until_blocked(connect: Connect) -> Callable[[], None]:
    """Wait until a session of this database waits for another."""
    return partial(_wait_until_blocked, connect())


def _wait_until_blocked(observer: Connection) -> None:
    deadline = monotonic() + 30
    query = """
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
    """
    while observer.execute(query).fetchone() is None:
        assert monotonic() < deadline, "it was never blocked"
        sleep(0.01)


def _user(database: Connection, email: str) -> UUID:
    user_id = users.add(
        database,
        email=email,
        password_hash="no password",  # noqa: S106 - it is none
        name=None,
        verification_token=None,
    )
    database.commit()
    assert user_id
    return user_id
