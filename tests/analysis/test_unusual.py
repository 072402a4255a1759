"""Statements that hardly anybody writes are described, and generated or refused by name."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbkit.analysis import describe
from dbkit.codegen import package_texts
from dbkit.errors import DbkitError
from dbkit.pgtypes import column_type, parameter_type
from dbkit.queryfiles import examine_folder
from dbkit.server import EmbeddedServer
from dbkit.settings import System
from dbkit.typedqueries import TypedQuery, examine_query

_HERE = Path(__file__).parent
_SCHEMA = (_HERE / "unusual.sql").read_text()
_SINCE_18 = """
create table unstored (
    id integer primary key,
    a integer,
    b integer generated always as (a * 2) virtual,
    c integer not null generated always as (coalesce(a, 0)) virtual
);
insert into unstored values (1, null);
"""


def _read() -> list[tuple[int, str]]:
    """Return each statement, after the first version of PostgreSQL that knows it."""
    since = 0
    statements: list[tuple[int, str]] = []
    for line in (_HERE / "unusual.txt").read_text().splitlines():
        if line.startswith("## "):
            since = int(line.removeprefix("## since ")) if "since" in line else 0
        elif line and not line.startswith("#"):
            statements.append((since, line))
    return statements


STATEMENTS = _read()


def schema_of(connection: psycopg.Connection) -> str:
    """Return the schema of the statements, with what this PostgreSQL knows."""
    return _SCHEMA + (_SINCE_18 if connection.info.server_version >= 180_000 else "")


@pytest.fixture(scope="session")
def unusual(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    """A connection to a database with objects of every kind, in autocommit mode."""
    server.ensure_database("unusual")
    with psycopg.connect(server.url("unusual"), autocommit=True) as connection:
        connection.execute(schema_of(connection).encode())
        yield connection


def _skip_unknown(connection: psycopg.Connection, since: int) -> None:
    if connection.info.server_version < since * 10_000:
        pytest.skip("the statement uses what this PostgreSQL does not know")


def _knows_xml(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("select xmlelement(name a)")
    except psycopg.errors.FeatureNotSupported:
        return False
    return True


@pytest.mark.parametrize(("since", "text"), STATEMENTS, ids=[text for _, text in STATEMENTS])
def test_what_is_described_holds_against_what_the_server_returns(
    since: int, text: str, unusual: psycopg.Connection
) -> None:
    _skip_unknown(unusual, since)
    if re.search("xml(element|forest|agg)", text) and not _knows_xml(unusual):
        pytest.skip("this PostgreSQL was built without libxml")
    described = describe(unusual, text)

    assert all(column_type(column).annotation for column in described.columns)
    assert all(parameter_type(parameter.type).annotation for parameter in described.parameters)
    try:
        with unusual.transaction(force_rollback=True):
            values = [None] * len(described.parameters)
            result = psycopg.RawCursor(unusual).execute(text.encode(), values).pgresult
    except psycopg.Error:
        # it cannot run without a value, or on these rows
        return
    assert result is not None
    assert result.nfields == len(described.columns)
    assert not (described.at_most_one and result.ntuples > 1)
    assert not (described.at_least_one and result.ntuples < 1)
    shown = {
        column
        for row in range(result.ntuples)
        for column in range(result.nfields)
        if result.get_value(row, column) is None
    }
    # a parameter that may not be null was given a NULL above
    assert described.parameters or shown <= {
        position for position, column in enumerate(described.columns) if column.nullable
    }


def test_each_is_written_as_a_function_or_refused_by_name(
    unusual: psycopg.Connection, tmp_path: Path
) -> None:
    _skip_unknown(unusual, 18)
    folder = tmp_path / "sql" / "rare" / "odd"
    folder.mkdir(parents=True)
    for number, (since, text) in enumerate(STATEMENTS):
        if unusual.info.server_version >= since * 10_000:
            returns = re.match(r"(select|values|table|with|\()|.*\breturning\b", text)
            named = re.sub(r"\$(\d)", r":'p\1'", text) if "$$" not in text else text
            kind = "many" if returns else "exec"
            (folder / f"q{number}.sql").write_text(f"-- :{kind}\n{named};\n")
    system = System("rare", tmp_path, folder.parent, "RARE_URL", "rarequeries")
    read = examine_folder(folder.parent, tmp_path)

    written = 0
    refused: list[str] = []
    for query in read.queries:
        try:
            typed = examine_query(unusual, query, read.sources[query.path])
            if isinstance(typed, TypedQuery):
                texts = package_texts(system, tmp_path, [typed], read.sources)
                for path, text in texts.items():
                    if path.suffix == ".py":
                        compile(text, str(path), "exec")
                written += 1
            else:
                refused += [str(fault) for fault in typed]
        except DbkitError as fault:
            refused.append(str(fault))

    assert written > 250
    assert all(refused)


def test_virtual_columns_are_described(unusual: psycopg.Connection) -> None:
    _skip_unknown(unusual, 18)

    described = describe(unusual, "select id, a, b, c, unstored from unstored")

    assert [column.nullable for column in described.columns] == [False, True, True, False, False]
    assert unusual.execute("select b, c from unstored").fetchall() == [(None, 0)]


def test_a_view_whose_tables_lost_columns_is_read(empty: psycopg.Connection) -> None:
    empty.execute("create table one (id integer primary key, a text, b text not null)")
    empty.execute("create table two (id integer primary key, a text, c text not null)")
    empty.execute(
        "create view both_tables as select j.id, j.c, j.b "
        "from (one join two using (id)) as j (id, a, b, d, c)"
    )
    empty.execute("alter table one drop column a")
    empty.execute("alter table two drop column a")

    described = describe(empty, "select both_tables, id, c, b from both_tables")

    assert not any(column.nullable for column in described.columns)
