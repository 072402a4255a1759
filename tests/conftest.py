"""One real server for all tests of a process, and a migrated template for each system."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pytest_postgresql import factories
from pytest_postgresql.executors import NoopExecutor

from dbkit.migrations import Runner, read_files
from dbkit.runtime import sessions
from dbkit.server import Binaries, EmbeddedServer, find_binaries
from dbkit.settings import load_settings
from tests.commandline import end_loaded
from tests.pooler import pooler
from tests.project import Project

ROOT = Path(__file__).parent.parent
if sys.dont_write_bytecode:
    # a thousand tests start a Python; here it compiles once, and the tree stays as clean as asked
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(ROOT / ".pytest_cache" / "bytecode")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
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
def systems_pooler(server: EmbeddedServer) -> Iterator[str | None]:
    """The URL of pgbouncer in front of all databases, if DBKIT_TEST_POOLER says how it pools."""
    mode = os.environ.get("DBKIT_TEST_POOLER")
    if mode not in {"session", "transaction"}:
        yield None
        return
    with pooler(
        server.url("postgres"), "session" if mode == "session" else "transaction", servers=60
    ) as url:
        yield url


def _reached(system: str) -> Callable[[pytest.FixtureRequest], Iterator[psycopg.Connection]]:
    """Give a connection to a clone of a system, through pgbouncer if that is asked for."""

    @pytest.fixture(name=system)
    def reached(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
        direct: psycopg.Connection = request.getfixturevalue(f"direct_{system}")
        through: str | None = request.getfixturevalue("systems_pooler")
        if through is None:
            yield direct
            return
        with psycopg.connect(through, dbname=direct.info.dbname) as connection:
            yield connection
            connection.rollback()

    return reached


myloware = _reached("myloware")
ai_orchestration = _reached("ai_orchestration")
softwarestudio = _reached("softwarestudio")
mrwa = _reached("mrwa")


@pytest.fixture(autouse=True, scope="session")
def forced_mode() -> Iterator[None]:
    """With DBKIT_TEST_PREPARE=always or never, every connection is one that was told so."""

    def forced_mode_of(_: object) -> str:
        return os.environ["DBKIT_TEST_PREPARE"]

    with pytest.MonkeyPatch.context() as patch:
        if "DBKIT_TEST_PREPARE" in os.environ:
            patch.setattr(sessions, "prepare_mode", forced_mode_of)
        yield


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
