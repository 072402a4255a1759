"""Fixtures for the tests of a project, loaded by pytest where dbkit is installed.

Databases are copies of a template that is migrated once for all runs, on the server of
`$DBKIT_TEST_URL`, or on the embedded one: never on the server of the application.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator

    import psycopg

    from dbkit.application import Application, Applications
    from dbkit.clones import Clone, Clones
    from dbkit.querycounts import QueryCounts

_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that keeps the database of a test that fails, and the settings."""
    group = parser.getgroup("dbkit")
    group.addoption(
        "--keep-database",
        action="store_true",
        help="Keep the database of a test that fails, and print how to look into it.",
    )
    parser.addini("dbkit_system", "The system that the tests are for, if there are several.")
    parser.addini("dbkit_project", "The folder or the package of the project, if it is another.")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any]:
    """Remember whether a test failed."""
    del call
    outcome = yield
    if outcome.get_result().failed:
        item.stash[_FAILED] = True


@pytest.fixture(scope="session")
def dbkit_project(request: pytest.FixtureRequest) -> Applications:
    """Give the systems of the project by their names."""
    # loaded only by tests that use it
    from dbkit.application import project  # noqa: PLC0415

    place = str(request.config.getini("dbkit_project"))
    return project(place or request.config.rootpath)


@pytest.fixture(scope="session")
def dbkit_system(request: pytest.FixtureRequest, dbkit_project: Applications) -> Application:
    """Give the system that is tested: the only one, or that of the setting `dbkit_system`."""
    name = str(request.config.getini("dbkit_system"))
    if not name and len(dbkit_project) != 1:
        names = ", ".join(dbkit_project)
        pytest.fail(
            f"the project has the systems {names}; say `dbkit_system = …` in pytest's settings"
        )
    return dbkit_project[name or next(iter(dbkit_project))]


@pytest.fixture(scope="session")
def dbkit_clones(dbkit_system: Application) -> Iterator[Clones]:
    """Give what makes copies of the migrated template of the system."""
    from dbkit.clones import Clones, make_template, server_for_tests  # noqa: PLC0415

    with server_for_tests(dbkit_system) as server:
        clones = Clones(dbkit_system, server, make_template(dbkit_system, server))
        yield clones
        clones.close()


@pytest.fixture
def dbkit_database(request: pytest.FixtureRequest, dbkit_clones: Clones) -> Iterator[Clone]:
    """Give a database of this test's own, for what commits."""
    database = dbkit_clones.take()
    yield database
    if request.config.getoption("--keep-database") and request.node.stash.get(_FAILED, False):
        terminal = request.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(f"\nkept: psql '{database.url}'")
        return
    dbkit_clones.drop(database.name)


@pytest.fixture(scope="session")
def _shared_database(dbkit_clones: Clones) -> Iterator[Clone]:
    database = dbkit_clones.take()
    yield database
    dbkit_clones.drop(database.name)


@pytest.fixture(scope="session")
def _shared_connections(
    _shared_database: Clone,
) -> Iterator[list[psycopg.Connection[Any]]]:
    connections: list[psycopg.Connection[Any]] = []
    yield connections
    for connection in connections:
        connection.close()


@pytest.fixture
def dbkit_connection(
    _shared_database: Clone, _shared_connections: list[psycopg.Connection[Any]]
) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection in a transaction that is rolled back after the test."""
    if not _shared_connections or _shared_connections[-1].closed:
        _shared_connections.append(_shared_database.connect())
    connection = _shared_connections[-1]
    with connection.transaction(force_rollback=True):
        yield connection
    if not connection.closed:
        # what a test sets for the session is not the next one's
        connection.execute("reset all; reset role; unlisten *; close all")


@pytest.fixture
def dbkit_connect_async(
    _shared_database: Clone,
) -> Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]]:
    """Give what opens an async connection in a transaction that is rolled back, on any loop."""
    import psycopg  # noqa: PLC0415

    @asynccontextmanager
    async def opened() -> AsyncGenerator[psycopg.AsyncConnection[Any]]:
        async with (
            await psycopg.AsyncConnection.connect(
                _shared_database.url, autocommit=True, prepare_threshold=None
            ) as connection,
            connection.transaction(force_rollback=True),
        ):
            yield connection

    return opened


@pytest.fixture
def dbkit_queries(request: pytest.FixtureRequest) -> Iterator[QueryCounts]:
    """Give what counts the calls of queries from now on, whichever connection they are made on."""
    from dbkit.querycounts import QueryCounts  # noqa: PLC0415
    from dbkit.runtime import observe  # noqa: PLC0415

    queries = QueryCounts(request.config.rootpath)
    with observe(queries.add, callers=True):
        yield queries
