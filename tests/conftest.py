"""One real server for all tests of a process, and a migrated template for each system."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pytest_postgresql import factories
from pytest_postgresql.executors import NoopExecutor

from dbkit.database import prepare_mode
from dbkit.migrations import Runner, read_files
from dbkit.runtime import sessions
from dbkit.server import Binaries, EmbeddedServer, find_binaries
from dbkit.settings import load_settings
from tests.commandline import end_loaded
from tests.pooler import pooler, wait_for_logins
from tests.project import Project

ROOT = Path(__file__).parent.parent
if sys.dont_write_bytecode:
    # a thousand tests start a Python; here it compiles once, and the tree stays as clean as asked
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(ROOT / ".pytest_cache" / "bytecode")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # a test has no terminal, and what a container needs is asked for by the tests of that
    os.environ["DBKIT_EMBEDDED"] = "1"
# the data of a test may be lost in a power cut, nobody copies them, and they do not live long
_QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
_NEEDED_MEMORY = 1 << 30
# of each database behind a pooler: two would give a call of two trips the same one every time
_SESSIONS = 3

# the URL of a database as the path under test reaches it
Reach: TypeAlias = Callable[[str], str]

# on a busy machine an example may take long
hypothesis.settings.register_profile("dbkit", deadline=None)
hypothesis.settings.load_profile("dbkit")


def pytest_sessionfinish() -> None:
    end_loaded()


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    """The PostgreSQL under test: 18, or what DBKIT_TEST_POSTGRES says (16, or a bin folder)."""
    return find_binaries(os.environ.get("DBKIT_TEST_POSTGRES"))


@pytest.fixture(scope="session")
def server(binaries: Binaries) -> Iterator[EmbeddedServer]:
    """A server of this test process alone, gone when it ends."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder
    fits = memory.is_dir() and shutil.disk_usage(memory).free > _NEEDED_MEMORY
    folder = Path(tempfile.mkdtemp(prefix="dbkit-tests-", dir=memory if fits else None))
    folder.chmod(0o711)  # if we are root, the server's account has to pass through
    embedded = EmbeddedServer(folder / "server", binaries=binaries, settings=_QUICK)
    embedded.start()
    yield embedded
    embedded.reset(force=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def contrib_server(server: EmbeddedServer, binaries: Binaries) -> EmbeddedServer:
    """A server with PostgreSQL's contrib modules, which counts its statements."""
    if not binaries.has_library("pg_stat_statements"):
        pytest.skip("this PostgreSQL has no contrib modules")
    return server


@dataclass(frozen=True)
class Cluster:
    """A running server, in the form that pytest-postgresql needs."""

    host: str
    port: str
    user: str
    password: str | None = None
    options: str = ""
    maintenance_dbname: str = "postgres"
    template_dbname: str | None = None


@pytest.fixture(scope="session")
def cluster(server: EmbeddedServer) -> Cluster:
    """The server, in the form that pytest-postgresql needs."""
    info = conninfo_to_dict(server.url("postgres"))
    return Cluster(host=str(info["host"]), port=str(info["port"]), user=str(info["user"]))


def skip_without_vector(system: str, url: str) -> None:
    """Skip a test that needs pgvector, if the server under test has none."""
    if system != "myloware":
        return
    with psycopg.connect(url) as connection:
        query = "select from pg_available_extensions where name = 'vector'"
        if connection.execute(query).fetchone() is None:
            pytest.skip("myloware needs pgvector, and this PostgreSQL has none")


def _migrate(system: str, *, host: str, port: str, user: str, dbname: str, **_: object) -> None:
    url = f"host={host} port={port} user={user} dbname={dbname}"
    skip_without_vector(system, url)
    settings = load_settings(ROOT)
    files = read_files(settings.systems[system], settings.root)
    with psycopg.connect(url, autocommit=True) as connection:
        Runner(files, connection).migrate()


def _template(system: str) -> Callable[[pytest.FixtureRequest], Iterator[NoopExecutor]]:
    return factories.postgresql_noproc(  # pyright: ignore[reportUnknownMemberType] - loaders untyped
        dbname=system, depends_on="cluster", load=[partial(_migrate, system)]
    )


myloware_template = _template("myloware")
ai_orchestration_template = _template("ai_orchestration")
softwarestudio_template = _template("softwarestudio")
mrwa_template = _template("mrwa")
direct_myloware = factories.postgresql("myloware_template")
direct_ai_orchestration = factories.postgresql("ai_orchestration_template")
direct_softwarestudio = factories.postgresql("softwarestudio_template")
direct_mrwa = factories.postgresql("mrwa_template")


@pytest.fixture(scope="session")
def reach(server: EmbeddedServer) -> Iterator[Reach]:
    """Give the URL by which the path under test reaches a database of the server.

    It is the one that it was given, or with DBKIT_TEST_POOLER=transaction (or session) one through
    pgbouncer, where all calls have to give the same. There each transaction is of another session
    than the one before, so that nothing is right because nobody came between.
    """
    mode: Any = os.environ.get("DBKIT_TEST_POOLER")
    if mode is None:
        yield str
        return

    def reached(url: str) -> str:
        own = make_conninfo(through, dbname=str(conninfo_to_dict(url)["dbname"]))
        with ExitStack() as stack:
            for _ in range(_SESSIONS):
                stack.enter_context(psycopg.connect(own)).execute("select 1")
        return own

    with (
        pytest.MonkeyPatch.context() as patch,
        pooler(server.url("postgres"), mode, servers=60, server_round_robin="1") as through,
    ):
        # as the driver's manual has it for pgbouncer: a name that it gives is of one session
        for made in (psycopg.Connection, psycopg.AsyncConnection):
            connect: Any = made.connect
            patch.setitem(connect.__func__.__kwdefaults__, "prepare_threshold", None)
        yield reached


@pytest.fixture
def own_session() -> None:
    """What a test needs that looks at its session from outside, or wants it from call to call."""
    if "DBKIT_TEST_POOLER" in os.environ:
        pytest.skip("behind a pooler, a session is nobody's own")


@pytest.fixture
def names(request: pytest.FixtureRequest, *, is_unnamed: bool) -> None:
    """What a test needs that is about the names of statements."""
    request.getfixturevalue("own_session")
    if is_unnamed:
        pytest.skip("on this path, no statement has a name")


def _reached(system: str) -> Callable[[pytest.FixtureRequest], Iterator[psycopg.Connection]]:
    """Give a connection to a clone of a system, by the path under test."""

    @pytest.fixture(name=system)
    def reached(request: pytest.FixtureRequest, reach: Reach) -> Iterator[psycopg.Connection]:
        direct: psycopg.Connection = request.getfixturevalue(f"direct_{system}")
        url = reach(direct.info.dsn)
        if url == direct.info.dsn:
            yield direct
            return
        with psycopg.connect(url) as connection:
            yield connection
            connection.rollback()
        wait_for_logins(url)

    return reached


myloware = _reached("myloware")
ai_orchestration = _reached("ai_orchestration")
softwarestudio = _reached("softwarestudio")
mrwa = _reached("mrwa")


@pytest.fixture(autouse=True, scope="session")
def forced_mode() -> Iterator[None]:
    """With DBKIT_TEST_PREPARE=always or never, a connection that was told nothing is told so."""
    forced = os.environ.get("DBKIT_TEST_PREPARE", "auto")

    def forced_mode_of(connection: object) -> str:
        mode = prepare_mode(connection)
        return forced if mode == "auto" else mode

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "prepare_mode", forced_mode_of)
        yield


@pytest.fixture
def is_unnamed() -> bool:
    """Whether the path under test is that of statements without a name."""
    return os.environ.get("DBKIT_TEST_PREPARE") == "never"


@pytest.fixture
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test needs that goes every path by itself, whichever one is under test."""
    monkeypatch.setattr(sessions, "prepare_mode", prepare_mode)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT reaches the test and its children, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def empty_url(server: EmbeddedServer) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    name = f"empty_{uuid4().hex}"
    server.ensure_database(name)
    yield server.url(name)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def project(tmp_path: Path, empty_url: str) -> Project:
    """A project of one system, `shop`, without a migration yet, on an empty database."""
    return Project(tmp_path / "project", empty_url)


@pytest.fixture
def on_the_embedded_server(tmp_path: Path) -> Iterator[Project]:
    """A project that has no URL, and with it an embedded server of its own."""
    project = Project(tmp_path / "embedded", "")
    yield project
    ran = project.dbkit("server", "reset", "--yes", "--force")
    assert ran.returncode == 0, ran
