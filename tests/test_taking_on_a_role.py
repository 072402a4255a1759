"""A connection begins as the role that it is to have, goes back to it, or is refused."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from dbkit.database import connect
from dbkit.errors import CannotConnect
from dbkit.pools import NoConnection, open_async_database, open_database
from dbkit.server import EmbeddedServer
from tests.pooler import needs_pgbouncer, pooler

_NAMES = "select current_user::text, session_user::text"


@pytest.fixture
def make_role(server: EmbeddedServer) -> Iterator[Callable[..., str]]:
    """What makes a role, gone after the test; its name has what has to be escaped."""
    made: list[str] = []
    url = server.url("postgres")

    def make(attributes: LiteralString = "", *, of: str | None = None) -> str:
        name = f"Odd, na\\me'\"of {uuid4().hex[:8]}"
        with psycopg.connect(url, autocommit=True) as connection:
            _run(connection, "create role {} " + attributes, name)
            if of is not None:
                _run(connection, "grant {} to {}", of, name)
        made.append(name)
        return name

    yield make
    with psycopg.connect(url, autocommit=True) as connection:
        for name in made:
            _run(connection, "drop role {}", name)


@pytest.fixture
def app(make_role: Callable[..., str]) -> str:
    """A role that cannot log in."""
    return make_role()


def _run(connection: psycopg.Connection, text: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))


def _as_user(url: str, user: str) -> str:
    return make_conninfo(url, user=user)


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        "reset role",
        "reset all",
        "discard all",
        "set session authorization default",
        "begin; set local role none; commit",
        "begin; set role none; rollback",
        "set role none; reset role",
    ],
)
def test_a_session_has_its_role_and_goes_back_to_it(
    empty_url: str, app: str, statement: str
) -> None:
    with connect(empty_url, role=app) as connection:
        connection.execute(statement.encode())
        [current, session] = connection.execute(_NAMES).fetchone() or [None, None]

    assert (current, session) == (app, "postgres")


def test_every_connection_of_a_pool_has_the_role(empty_url: str, app: str) -> None:
    with (
        open_database(empty_url, role=app, kwargs={"row_factory": dict_row}) as database,
        database.connection() as one,
        database.connection() as other,
    ):
        found = {str(each.execute(_NAMES).fetchone()) for each in (one, other)}

    assert found == {str({"current_user": app, "session_user": "postgres"})}


def test_every_connection_of_an_async_pool_has_the_role(empty_url: str, app: str) -> None:
    async def ask() -> set[object]:
        async with (
            open_async_database(empty_url, role=app) as database,
            database.connection() as one,
            database.connection() as other,
        ):
            return {await (await each.execute(_NAMES)).fetchone() for each in (one, other)}

    assert asyncio.run(ask()) == {(app, "postgres")}


def test_a_pools_hook_finds_no_transaction_begun(empty_url: str, app: str) -> None:
    def configure(connection: psycopg.Connection) -> None:
        connection.autocommit = True

    with open_database(empty_url, role=app, configure=configure) as database:
        assert database.statistics().connected == 1


@pytest.mark.parametrize("place", ["url", "environment", "given", "service"])
def test_the_options_that_are_there_stay(
    empty_url: str, app: str, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options, url, kwargs = "-c work_mem=77kB", empty_url, dict[str, str]()
    if place == "url":
        url = make_conninfo(url, options=options)
    elif place == "environment":
        monkeypatch.setenv("PGOPTIONS", options)
    elif place == "given":
        kwargs = {"options": options}
    else:
        (tmp_path / "services").write_text(f"[shop]\noptions={options}\n")
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        url = make_conninfo(url, service="shop")

    with (
        open_database(url, role=app, kwargs=kwargs) as database,
        database.connection() as connection,
    ):
        [memory] = connection.execute("show work_mem").fetchone() or [None]
        [current, _] = connection.execute(_NAMES).fetchone() or [None, None]

    assert (memory, current) == ("77kB", app)


def test_a_member_that_inherits_nothing_takes_a_role_on(
    empty_url: str, app: str, make_role: Callable[..., str]
) -> None:
    member = make_role("login noinherit", of=app)

    with connect(_as_user(empty_url, member), role=app) as connection:
        assert connection.execute(_NAMES).fetchone() == (app, member)


def test_a_role_that_is_not_there_is_one_sentence(empty_url: str) -> None:
    with pytest.raises(CannotConnect) as caught:
        connect(empty_url, role="missing_app", origin="$SHOP_DATABASE_URL")

    assert caught.value.reason == (
        'role "missing_app" does not exist; the role has to exist, and the user that connects has '
        'to be a member of it: create role "missing_app"; grant "missing_app" to "postgres"'
    )
    assert caught.value.origin == "$SHOP_DATABASE_URL"


def test_a_role_that_the_user_may_not_take_on_is_one_sentence(
    empty_url: str, make_role: Callable[..., str], app: str
) -> None:
    url = _as_user(empty_url, make_role("login"))

    async def wait() -> None:
        async with open_async_database(url, role=app):
            pass

    with pytest.raises(CannotConnect, match="has to be a member of it"):
        open_database(url, role=app)
    with pytest.raises(CannotConnect, match="has to be a member of it"):
        asyncio.run(wait())


def test_another_fault_is_not_the_roles(empty_url: str) -> None:
    with pytest.raises(CannotConnect) as caught:
        connect(_as_user(empty_url, "nobody_here"), role="postgres")

    assert caught.value.reason == 'role "nobody_here" does not exist'


@pytest.mark.parametrize("name", ["none", "NONE", "", " "])
def test_what_would_be_no_role_is_refused(empty_url: str, name: str) -> None:
    with pytest.raises(CannotConnect, match="is the name of a role, not"):
        open_database(empty_url, role=name)


@needs_pgbouncer
@pytest.mark.parametrize("ignored", ["extra_float_digits,options", "extra_float_digits"])
def test_a_pooler_that_passes_no_role_on_is_told(
    empty_url: str, make_role: Callable[..., str], ignored: str
) -> None:
    app = make_role("login")
    sentence = f'a pooler passes no role on, so the user in its URL has to be "{app}" itself'

    async def wait(through: str) -> None:
        async with open_async_database(through, role=app):
            pass

    with pooler(empty_url, "transaction", ignore_startup_parameters=ignored) as through:
        for attempt in (
            lambda: connect(through, role=app),
            lambda: open_database(through, role=app),
            lambda: asyncio.run(wait(through)),
        ):
            with pytest.raises(CannotConnect) as caught:
                attempt()
            assert caught.value.reason.endswith(sentence)
            assert "\n" not in str(caught.value)


@needs_pgbouncer
def test_behind_a_pooler_the_user_is_the_role(server: EmbeddedServer, empty_url: str) -> None:
    # pgbouncer's users are those of its file, and names with quotes need care there
    name = f"app_{uuid4().hex[:8]}"
    with psycopg.connect(empty_url, autocommit=True) as connection:
        _run(connection, "create role {} login", name)
    try:
        with (
            pooler(
                empty_url, "transaction", ignore_startup_parameters="extra_float_digits"
            ) as through,
            open_database(_as_user(through, name), role=name) as database,
            database.connection() as connection,
        ):
            assert connection.execute(_NAMES).fetchone() == (name, name)
    finally:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            _run(connection, "drop role {}", name)


def test_who_waits_for_a_connection_is_told_that_the_role_went(
    empty_url: str, server: EmbeddedServer
) -> None:
    name = f"app_{uuid4().hex[:8]}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        _run(connection, "create role {}", name)
        with open_database(empty_url, role=name, timeout=0.5) as database, database.connection():
            _run(connection, "alter role {} rename to {}", name, f"gone_{name}")
            with pytest.raises(NoConnection, match=f'role "{name}" does not exist'):
                database.connection().__enter__()
        _run(connection, "drop role {}", f"gone_{name}")
