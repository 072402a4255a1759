"""Every query file gives the same through psql and through Python, sync and async."""

import asyncio
import csv
import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from io import StringIO
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from dbkit.errors import NoRow, TooManyRows
from dbkit.loading import LoadedQuery, load
from dbkit.migrations import Runner, read_files
from dbkit.pgtypes import json_text, type_name
from dbkit.pgtypes.column import Column
from dbkit.queryfiles import Combination, QueryKind
from dbkit.runtime import SqlFile, Statement, one, write_types
from dbkit.server import Binaries, EmbeddedServer
from dbkit.settings import load_settings
from dbkit.typedqueries import TypedParameter, type_query
from tests.conftest import ROOT, Reach, skip_without_vector
from tests.parity.psql import fill, sample

SYSTEMS = {folder.name: load(folder, root=ROOT) for folder in sorted((ROOT / "sql").glob("*/"))}
CASES = [
    pytest.param(
        system,
        name,
        combination,
        id=" ".join((system, name, *sorted(combination.given), *dict(combination.chosen).values())),
    )
    for system, queries in SYSTEMS.items()
    for name, loaded in queries.items()
    for combination in loaded.query.combinations
]
NULL = "<null>"
_TIME_ZONE = "alter database {} set timezone to 'UTC'"
# nextval is not taken back with its transaction
_REWIND = "select setval(oid::regclass, 1000, false) from pg_class where relkind = 'S'"
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?")


class Filled(NamedTuple):
    """A system's database with data, a connection to it, and the values that its columns list."""

    url: str
    connection: psycopg.Connection
    allowed: dict[str, str]


class Answer(NamedTuple):
    """What came back, in a form that does not tell which way."""

    rows: list[list[object]]
    touched: int | None
    sqlstate: str | None = None


@pytest.fixture(scope="session")
def filled(server: EmbeddedServer, reach: Reach) -> Iterator[Callable[[str], Filled]]:
    """A database of each system for all tests of parity, which leave nothing in it."""
    made: dict[str, Filled] = {}

    def of(system: str) -> Filled:
        if system not in made:
            name = f"parity_{system}"
            server.ensure_database(name)
            skip_without_vector(system, server.url(name))
            settings = load_settings(ROOT)
            with psycopg.connect(server.url(name), autocommit=True) as connection:
                Runner(read_files(settings.systems[system], ROOT), connection).migrate()
                connection.execute(sql.SQL(_TIME_ZONE).format(sql.Identifier(name)))
                allowed = fill(connection)
            url = reach(server.url(name))
            # one for all: what it has learnt of the catalog is learnt once
            shared = stack.enter_context(psycopg.connect(url))
            made[system] = Filled(url, shared, allowed)
        return made[system]

    with ExitStack() as stack:
        yield of


@pytest.mark.parametrize(("system", "name", "combination"), CASES)
def test_a_query_file_gives_the_same_through_psql_and_python(
    system: str,
    name: str,
    combination: Combination,
    filled: Callable[[str], Filled],
    binaries: Binaries,
) -> None:
    database = filled(system)
    loaded = SYSTEMS[system][name]
    connection = database.connection
    connection.rollback()
    typed = type_query(connection, loaded.query, loaded.source)
    texts = _texts(combination, typed.parameters, database.allowed)
    values = {
        key: True if type_ is None else _read(connection, text, type_)
        for key, (text, type_) in texts.items()
    }
    columns = typed.columns

    def answers() -> tuple[Answer, Answer, Answer]:
        _rewind(connection)
        by_psql = _through_psql(binaries, database.url, loaded, texts, columns)
        _rewind(connection)
        by_python = _through_python(connection, loaded, values, columns)
        _rewind(connection)
        awaited = _through_asyncio(database.url, connection, loaded, values, columns)
        return by_psql, by_python, asyncio.run(awaited)

    by_psql, by_python, by_asyncio = answers()
    # a session's counters of what it used arrive some time after its end
    turns = 10 if "pg_stat" in combination.text else 0
    while turns and not by_psql == by_python == by_asyncio:
        turns -= 1
        by_psql, by_python, by_asyncio = answers()

    assert by_python == by_psql
    assert by_asyncio == by_psql


def test_every_kind_of_query_and_of_parameter_is_compared() -> None:
    loaded = [one.query for queries in SYSTEMS.values() for one in queries.values()]

    assert {query.kind for query in loaded} == set(QueryKind)
    assert any(query.choices for query in loaded)
    assert any(parameter.omittable for query in loaded for parameter in query.parameters)


def test_the_data_makes_queries_find_something(filled: Callable[[str], Filled]) -> None:
    counted = "select count(*), count(completed_at) from executions"

    found = filled("mrwa").connection.execute(counted).fetchone()

    assert found is not None
    assert found[0] > found[1] > 0


def _texts(
    combination: Combination, parameters: tuple[TypedParameter, ...], allowed: dict[str, str]
) -> dict[str, tuple[str, str | None]]:
    texts: dict[str, tuple[str, str | None]] = {}
    for parameter in parameters:
        is_needed = parameter.default is None and not parameter.omittable and parameter.type
        if is_needed or parameter.name in combination.given:
            if parameter.type is None:
                texts[parameter.name] = "on", None
                continue
            text = allowed.get(parameter.name) or sample(parameter.type.name)
            texts[parameter.name] = text, type_name(parameter.type)
    chosen = {key: (value, "text") for key, value in combination.chosen}
    return texts | chosen


def _read(connection: psycopg.Connection, text: str, type_: str) -> object:
    """Give the Python value that a text of PostgreSQL's means."""
    statement: Statement[object] = Statement(
        SqlFile("parity.read"),
        f"select cast($1 as {type_}) as value",
        takes="text text",
        gives=write_types([("value", type_, True)]),
    )
    return one(connection, statement, [text])


def _through_psql(
    binaries: Binaries,
    url: str,
    loaded: LoadedQuery,
    texts: dict[str, tuple[str, str | None]],
    columns: tuple[Column, ...],
) -> Answer:
    variables = [f"--set={name}={text}" for name, (text, _) in texts.items()]
    ran = subprocess.run(
        [
            *(binaries.psql, "-qX", "--csv", "-P", f"null={NULL}", "-d", url),
            *("-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=sqlstate", *variables),
            *("-c", "set timezone = 'UTC'", "-c", "begin", "-f", ROOT / loaded.query.path),
            *("-c", r"\echo :ROW_COUNT", "-c", "rollback"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if ran.returncode:
        found = re.search(r"ERROR:  (\w{5})$", ran.stderr, re.MULTILINE)
        assert found, ran.stderr
        return Answer([], None, found[1])
    body, _, count = ran.stdout.removesuffix("\n").rpartition("\n")
    if not columns:
        return Answer([], int(count))
    header, *rows = csv.reader(StringIO(f"{body}\n"))
    assert header == [column.name for column in columns]
    return Answer([_masked(row, columns) for row in rows], None)


def _through_python(
    connection: psycopg.Connection,
    loaded: LoadedQuery,
    values: dict[str, object],
    columns: tuple[Column, ...],
) -> Answer:
    try:
        with connection.transaction(force_rollback=True):
            found = loaded(connection, *_arguments(loaded, values), **_keywords(loaded, values))
            if loaded.query.kind is QueryKind.STREAM:
                found = list(found)
    except psycopg.Error as error:
        return Answer([], None, error.sqlstate)
    except (NoRow, TooManyRows) as error:
        found = error
    return _answer(connection, loaded, found, columns)


async def _through_asyncio(
    url: str,
    blocking: psycopg.Connection,
    loaded: LoadedQuery,
    values: dict[str, object],
    columns: tuple[Column, ...],
) -> Answer:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        try:
            async with connection.transaction(force_rollback=True):
                found = await loaded(
                    connection, *_arguments(loaded, values), **_keywords(loaded, values)
                )
                if loaded.query.kind is QueryKind.STREAM:
                    found = [row async for row in found]
        except psycopg.Error as error:
            return Answer([], None, error.sqlstate)
        except (NoRow, TooManyRows) as error:
            found = error
    return _answer(blocking, loaded, found, columns)


def _arguments(loaded: LoadedQuery, values: dict[str, object]) -> list[Any]:
    many = loaded.query.kind in {QueryKind.BATCH, QueryKind.COPY}
    return [[_bound(loaded, values)]] if many else []


def _keywords(loaded: LoadedQuery, values: dict[str, object]) -> dict[str, Any]:
    if loaded.query.kind not in {QueryKind.BATCH, QueryKind.COPY}:
        return values
    return {name: value for name, value in values.items() if name not in _bound(loaded, values)}


def _bound(loaded: LoadedQuery, values: dict[str, object]) -> dict[str, object]:
    names = {parameter.name for parameter in loaded.query.parameters if not parameter.flag}
    return {name: value for name, value in values.items() if name in names}


def _answer(
    connection: psycopg.Connection,
    loaded: LoadedQuery,
    found: Any,  # noqa: ANN401 - what the query gives
    columns: tuple[Column, ...],
) -> Answer:
    if not columns:
        return Answer([], found)
    assert not isinstance(found, TooManyRows)
    if isinstance(found, NoRow) or (found is None and loaded.query.kind is QueryKind.OPTIONAL):
        found = []
    rows: list[Any] = [*found] if isinstance(found, list) else [found]
    cells: list[Any] = [[row] if len(columns) == 1 else row for row in rows]
    return Answer([_masked(_written(connection, row, columns), columns) for row in cells], None)


def _written(
    connection: psycopg.Connection, row: Iterable[object], columns: tuple[Column, ...]
) -> list[str]:
    """Have the server write the values of a row as psql shows them."""
    texts: list[str] = []
    for value, column in zip(row, columns, strict=True):
        if value is None:
            texts.append(NULL)
        elif column.type.name in {"json", "jsonb"}:
            texts.append(json_text(value))
        else:
            type_ = type_name(column.type)
            statement: Statement[str] = Statement(
                SqlFile("parity.write"),
                # as psql shows it: a cast writes booleans and addresses otherwise
                "select format('%s', $1) as text",
                takes=write_types([("value", type_, True)]),
                infinite=["value"],
                gives="text text",
            )
            texts.append(one(connection, statement, [value]))
    return texts


def _masked(row: list[str], columns: tuple[Column, ...]) -> list[object]:
    """Make cells comparable: json by what it means, what is new at each run as new."""
    cells: list[object] = []
    for text, column in zip(row, columns, strict=True):
        if column.type.name == "pg_snapshot":
            cells.append("a snapshot")  # a later one at each run
            continue
        plain = _MOMENT.sub(_moment, _ID.sub(_id, text))
        is_json = column.type.name in {"json", "jsonb"} and text != NULL
        cells.append(json.loads(plain) if is_json else plain)
    return cells


def _id(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith(sample("uuid")[:24]) else "a new id"


def _moment(found: re.Match[str]) -> str:
    moment = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00")
    if abs((datetime.now(UTC) - moment).total_seconds()) < 300:
        return "now"
    return f"{found[1]} {found[2]}.{(found[3] or '').rstrip('0')}"


def _rewind(connection: psycopg.Connection) -> None:
    connection.execute(_REWIND.encode())
    connection.commit()
