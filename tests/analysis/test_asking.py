"""Asking executes nothing, leaves nothing behind, and says so where it cannot find out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from dbkit.analysis import LossCause, describe

_STATE = """
select
    (select count(*) from pg_proc),
    (select count(*) from pg_namespace),
    (select count(*) from pg_prepared_statements),
    (select count(*) from author),
    (select last_value from note_id_seq),
    current_setting('check_function_bodies'),
    pg_my_temp_schema()
"""


def test_nothing_is_executed_and_nothing_left_behind(library: psycopg.Connection) -> None:
    before = library.execute(_STATE).fetchone()

    described = describe(library, "insert into note (body, label) values ($1, 'l') returning id")

    assert [column.name for column in described.columns] == ["id"]
    assert library.execute(_STATE).fetchone() == before
    assert library.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.parametrize(
    "text",
    [
        "commit", "rollback", "begin", "savepoint here", "create table left_behind (id integer)",
        "drop table author", "truncate author", "listen someone", "notify someone",
        "do 'begin raise exception ''executed''; end'", "vacuum", "discard all",
        "end /* of the function */",
    ],
)  # fmt: skip
def test_a_command_is_not_executed_either(text: str, library: psycopg.Connection) -> None:
    before = library.execute(_STATE).fetchone()

    with library.transaction():
        described = describe(library, text)
        assert library.info.transaction_status == TransactionStatus.INTRANS

    assert described.columns == ()
    assert library.execute(_STATE).fetchone() == before


def test_an_open_transaction_goes_on_as_it_was(library_url: str) -> None:
    with psycopg.connect(library_url) as connection:
        connection.execute("create temp table mine (id integer not null)")

        described = describe(connection, "select id from mine")

        assert not described.columns[0].nullable
        assert connection.info.transaction_status == TransactionStatus.INTRANS
        assert connection.execute("select count(*) from mine").fetchone() == (0,)
        connection.rollback()


def test_a_statement_the_server_refuses_keeps_its_error_and_the_transaction(
    library: psycopg.Connection,
) -> None:
    with library.transaction():
        with pytest.raises(psycopg.errors.UndefinedColumn) as caught:
            describe(library, "select nme from author")

        assert caught.value.diag.statement_position == "8"
        assert library.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("select 1; select 2", psycopg.errors.SyntaxError),
        ("select 1; end; drop table author", psycopg.errors.SyntaxError),
        ("select $1", None),
        ("select $2::text", psycopg.errors.IndeterminateDatatype),
        ("select from nowhere", psycopg.errors.UndefinedTable),
        ("selct 1", psycopg.errors.SyntaxError),
        ("select 'a\0b'", psycopg.DataError),
    ],
)
def test_what_is_no_statement_is_refused_by_the_server_s_own_error(
    text: str, error: type[psycopg.Error] | None, library: psycopg.Connection
) -> None:
    if error is None:
        assert describe(library, text).parameters[0].type.name == "text"
        return

    with pytest.raises(error):
        describe(library, text)


@pytest.mark.parametrize(
    "text", ["select id from author -- all", "select id from author;", "(values (1)) /* x */"]
)
def test_a_comment_or_a_semicolon_at_the_end_does_no_harm(
    text: str, library: psycopg.Connection
) -> None:
    assert not describe(library, text).columns[0].nullable


@pytest.mark.parametrize("text", ["show all", "explain select 1"])
def test_a_utility_statement_may_give_null_anywhere_and_says_why(
    text: str, library: psycopg.Connection
) -> None:
    described = describe(library, text)

    assert described.columns
    assert all(column.nullable for column in described.columns)
    assert all(column.why.startswith("not analysed: ") for column in described.columns)
    assert not described.at_most_one


@pytest.mark.parametrize("number", [100, 101, 1000])
def test_any_number_of_parameters_is_analysed(number: int, library: psycopg.Connection) -> None:
    listed = ", ".join(f"${n}::{'int' if n % 3 else 'text'} as p{n}" for n in range(1, number + 1))
    row = "author" if number > 100 else "text"

    described = describe(
        library,
        f"select {listed}, e'it''s $1', (${number + 1}::int[])[1] as part, a.id from author as a "
        f"where ${number + 2}::{row} is not null and a.id = $1 and ${number + 1} = '{{1}}'::int[]",
    )

    assert [column.name for column in described.columns if column.nullable] == ["part"]
    assert [parameter.type.name for parameter in described.parameters[:3]] == [
        "int4",
        "int4",
        "text",
    ]
    assert [n for n, one in enumerate(described.parameters, 1) if one.nullable] == [number + 2]
    assert described.at_most_one


def test_more_arrays_than_a_function_has_parameters_are_not_analysed(
    library: psycopg.Connection,
) -> None:
    arrays = describe(library, f"select {', '.join(f'${n}::int[]' for n in range(1, 102))}")

    assert all(column.nullable for column in arrays.columns)
    assert all(parameter.nullable for parameter in arrays.parameters)
    assert arrays.lost is not None
    assert arrays.lost.cause is LossCause.PARAMETERS
    assert arrays.columns[0].why == f"not analysed: {arrays.lost.reason}"
    assert len(arrays.parameters) == 101


def test_a_session_that_is_read_only_by_habit_is_no_obstacle(library: psycopg.Connection) -> None:
    library.execute("set default_transaction_read_only = on")

    [column] = describe(library, "select id from author").columns

    assert not column.nullable


def test_a_read_only_transaction_is_no_proof_and_says_so(library: psycopg.Connection) -> None:
    with library.transaction():
        library.execute("set transaction read only")
        described = describe(library, "select id from author")
        assert library.execute("select 1").fetchone() == (1,)

    [column] = described.columns
    assert (column.type.name, column.nullable) == ("int4", True)
    assert "read-only transaction" in column.why
    assert described.lost is not None
    assert described.lost.cause is LossCause.READ_ONLY
    assert described.lost.remedy.startswith("begin the transaction `read write`")


@pytest.fixture
def guest(empty: psycopg.Connection) -> Iterator[str]:
    """A role that may make no temporary tables in the database of the test, and nothing else."""
    role = f"guest_{empty.info.dbname}"
    empty.execute(f"create role {role} login".encode())
    empty.execute(f"revoke temporary on database {empty.info.dbname} from public".encode())
    empty.execute("revoke create on schema public from public")
    yield role
    empty.execute(f"drop owned by {role}".encode())
    empty.execute(f"drop role {role}".encode())


def test_a_role_that_may_make_nothing_learns_only_types_and_is_told(
    empty: psycopg.Connection, empty_url: str, guest: str
) -> None:
    with psycopg.connect(empty_url, user=guest, autocommit=True) as connection:
        described = describe(connection, "select 1 as one")

    [column] = described.columns
    assert (column.type.name, column.nullable) == ("int4", True)
    assert "permission denied to create temporary tables" in column.why
    assert described.lost is not None
    assert described.lost.cause is LossCause.RIGHT
    assert described.lost.remedy == (
        f"grant it with `grant temporary on database {empty.info.dbname} to {guest}`"
    )


@pytest.mark.parametrize(
    "right", ["create on schema public", 'create on schema "Own"', "create on database {}"]
)
def test_a_role_without_temporary_tables_proves_wherever_it_may_create(
    right: str, empty: psycopg.Connection, empty_url: str, guest: str
) -> None:
    empty.execute("create table one (id integer primary key)")
    empty.execute('create schema "Own"')
    empty.execute(f"grant select on one to {guest}".encode())
    empty.execute(f"grant {right} to {guest}".format(empty.info.dbname).encode())
    before = empty.execute("select count(*) from pg_proc, pg_namespace").fetchone()

    with psycopg.connect(empty_url, user=guest, autocommit=True) as connection:
        described = describe(connection, "select id from one where id = $1")

    assert not described.columns[0].nullable
    assert described.at_most_one
    assert empty.execute("select count(*) from pg_proc, pg_namespace").fetchone() == before


@pytest.mark.parametrize("test", ["author = $1", "$1 = author", "author is distinct from $1"])
def test_a_row_that_has_no_type_is_told_with_the_type_to_cast_it_to(
    test: str, library: psycopg.Connection
) -> None:
    described = describe(library, f"select id from author where {test} and id <> $2")

    assert described.lost is not None
    assert described.lost.cause is LossCause.RECORD
    assert described.lost.untyped == (1, "record", "author")
    assert described.lost.remedy == "cast it, as in $1::author"


def test_a_role_without_any_other_right_learns_everything(
    empty: psycopg.Connection, empty_url: str
) -> None:
    role = f"reader_{empty.info.dbname}"
    empty.execute("create table one (id integer primary key)")
    empty.execute(f"create role {role} login".encode())
    empty.execute(f"grant select on one to {role}".encode())
    try:
        with psycopg.connect(empty_url, user=role, autocommit=True) as reader:
            described = describe(reader, "select id from one where id = $1")
    finally:
        empty.execute(f"drop owned by {role}".encode())
        empty.execute(f"drop role {role}".encode())

    assert not described.columns[0].nullable
    assert described.at_most_one


def test_a_statement_nested_too_deeply_to_be_proven_is_described_all_the_same(
    library: psycopg.Connection,
) -> None:
    deep = "abs(" * 1500 + "1" + ")" * 1500

    [column] = describe(library, f"select {deep} as x").columns

    assert (column.type.name, column.nullable) == ("int4", True)
    assert column.why == "not analysed: it is nested too deeply"


def test_neither_a_row_factory_nor_a_search_path_is_in_the_way(library_url: str) -> None:
    with psycopg.Connection[DictRow].connect(
        library_url, autocommit=True, row_factory=dict_row
    ) as connection:
        connection.execute("create schema if not exists trap")
        connection.execute("create or replace view trap.pg_proc as select 1 as one")
        connection.execute("set search_path to trap, public, pg_catalog")

        [column] = describe(connection, "select upper(name) as x from author").columns

        connection.execute("drop schema trap cascade")

    assert not column.nullable


def test_names_of_any_kind_are_read_as_they_are(empty: psycopg.Connection) -> None:
    empty.execute(
        'create table "a :b {c} (d) ""é\\" ("i j" integer not null, ":x" text, "<>" text)'
    )

    described = describe(
        empty, 'select "a :b {c} (d) ""é\\" as whole, ":x" from "a :b {c} (d) ""é\\"'
    )

    assert described.columns[1].why == 'a :b {c} (d) "é\\.:x has no not null'
    assert described.columns[0].shape is not None
    assert [part.name for part in described.columns[0].shape.parts] == ["i j", ":x", "<>"]


def test_two_connections_ask_at_once(library_url: str) -> None:
    def ask(_: int) -> bool:
        with psycopg.connect(library_url, autocommit=True) as connection:
            return describe(connection, "select id from author").columns[0].nullable

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(8))) == [False] * 8
