"""What yoyo cuts, runs or wraps wrongly, and dbkit sends as psql would."""

import subprocess

import pytest

from dbkit.migrations.errors import BackslashCommand, TransactionControl
from dbkit.server import Binaries
from tests.project import Project

ORDERS = "create table orders (id integer);\n"
UNTRANSACTED = "-- transactional: false\n"


def migrate(project: Project) -> None:
    with project.connect() as connection:
        project.runner(connection).migrate()


def test_y10_a_failing_migration_without_a_transaction_runs_nothing_of_its_rollback(
    project: Project,
) -> None:
    project.migration(
        "0001_orders",
        f"{UNTRANSACTED}{ORDERS}insert into orders values (1);\nselect 1 / 0;\n",
        "drop table orders;\ncreate table rolled_back ();\n",
    )

    failed = project.dbkit("migrate")

    assert failed.returncode == 1
    assert "0001_orders.sql:4:1: division by zero" in failed.stderr
    assert project.rows("select id, to_regclass('rolled_back') from orders") == [(1, None)]
    assert failed.stderr.endswith(
        "2 of 3 statements are done and recorded; "
        "mend the cause, and dbkit migrate shop goes on with statement 3\n"
        "shop is at version 0; when that is mended, run dbkit migrate shop\n"
    )
    assert [row["done"] for row in project.status()["half_done"]] == [2]


def test_y10_what_failed_in_its_first_statement_can_simply_be_run_again(project: Project) -> None:
    path = project.migration("0001_orders", f"{UNTRANSACTED}select 1 / 0;")
    project.dbkit("migrate")

    path.write_text(f"{UNTRANSACTED}{ORDERS}")
    again = project.dbkit("migrate")

    assert again.returncode == 0
    assert project.status()["version"] == 1


def test_y11_a_procedure_that_committed_before_it_failed_is_not_forgotten(
    project: Project,
) -> None:
    project.migration(
        "0001_fill",
        f"{ORDERS}create procedure fill() language plpgsql as $$ begin "
        "insert into orders values (1); commit; perform 1 / 0; end $$;",
    )
    project.migration("0002_filled", f"{UNTRANSACTED}call fill();")

    failed = project.dbkit("migrate")

    assert failed.returncode == 1
    assert project.rows("select count(*) from orders") == [(1,)]
    assert [problem["kind"] for problem in project.status()["problems"]] == ["unfinished"]


@pytest.mark.parametrize("guard", ["", "if not exists"])
def test_y12_an_invalid_index_is_never_taken_for_a_migration_that_is_done(
    project: Project, guard: str
) -> None:
    project.migration("0001_orders", f"{ORDERS}insert into orders values (1), (1);")
    project.migration(
        "0002_unique",
        f"{UNTRANSACTED}create unique index concurrently {guard} one_id on orders (id);",
    )

    first = project.dbkit("migrate")
    second = project.dbkit("migrate")

    assert (first.returncode, second.returncode) == (1, 1)
    assert 'could not create unique index "one_id"' in first.stderr
    assert 'could not create unique index "one_id"' in second.stderr
    assert project.rows("select from pg_index where indrelid = 'orders'::regclass") == []
    assert project.status()["version"] == 1


def test_y12_an_index_that_failed_is_built_when_its_rows_are_mended(
    project: Project,
) -> None:
    project.migration("0001_orders", f"{ORDERS}insert into orders values (1), (1);")
    project.migration(
        "0002_unique", f"{UNTRANSACTED}create unique index concurrently one_id on orders (id);"
    )
    project.dbkit("migrate")
    with project.connect() as by_hand:
        by_hand.execute("delete from orders")

    again = project.dbkit("migrate")

    assert again.returncode == 0
    assert project.rows("select indisvalid from pg_index where indrelid = 'orders'::regclass") == [
        (True,)
    ]


def test_y13_an_error_names_file_line_and_column_and_shows_the_line(project: Project) -> None:
    project.migration("0001_orders", "create table orders (name text, sum integer);")
    project.migration(
        "0002_names",
        "-- Names are needed.\n\nselect 1;\n\nselect\n    nmae\nfrom orders;\n",
    )

    failed = project.dbkit("migrate")

    assert failed.returncode == 1
    assert failed.stderr.splitlines()[1:] == [
        'error: migrations/shop/0002_names.sql:6:5: column "nmae" does not exist',
        "    nmae",
        "    ^",
        'hint: Perhaps you meant to reference the column "orders.name".',
        "shop is at version 1; mend the file and run dbkit migrate shop",
    ]


def test_y13_an_error_behind_many_bytes_of_another_script_points_at_its_own_character(
    project: Project,
) -> None:
    project.migration("0001_names", "\ufeff-- Größe\r\nselect 'ÄÖÜ𝄞', oops;\r\n")

    failed = project.dbkit("migrate", PYTHONIOENCODING="utf-8")

    assert failed.stderr.splitlines() == [
        'error: migrations/shop/0001_names.sql:2:16: column "oops" does not exist',
        "select 'ÄÖÜ𝄞', oops;",
        "               ^",
        "shop is at version 0; mend the file and run dbkit migrate shop",
    ]


@pytest.mark.parametrize(
    ("wrong", "column", "message"),
    [
        ("insert into orders values (7), (7);", 1, "duplicate key value violates unique"),
        ("insert into orders values (7), (oops);", 33, 'column "oops" does not exist'),
        ("insert into orders values (7) 8;", 31, 'syntax error at or near "8"'),
    ],
)
def test_an_error_among_rows_that_are_sent_together_points_at_its_own_statement(
    project: Project, wrong: str, column: int, message: str
) -> None:
    rows = "".join(f"-- {row};\ninsert into orders values ({row});\n" for row in range(100, 120))
    project.migration(
        "0001_orders", f"create table orders (id int unique);\n{rows};;{wrong}\n{rows}"
    )

    failed = project.dbkit("migrate")

    assert failed.stderr.startswith(
        f"error: migrations/shop/0001_orders.sql:42:{column + 2}: {message}"
    )
    assert project.rows("select to_regclass('orders')") == [(None,)]


def test_rows_that_are_sent_together_are_those_of_the_file(project: Project) -> None:
    rows = "".join(f"insert into orders values ({row}, 'é;');\n" for row in range(3000))
    project.migration(
        "0001_orders",
        "create table orders (id int, name text);\n"
        f"{rows}update orders set name = '\\' where id = 7;\n"
        "set local standard_conforming_strings = off;\n"
        "insert into orders values (-1, '\\');');\n"
        "copy orders from stdin;\n-2\tx\n\\.\ndelete from orders where id = 8;\n",
    )

    assert project.dbkit("migrate").returncode == 0

    assert project.rows("select count(*), sum(id) from orders") == [(3001, 4498489)]
    assert project.rows("select name from orders where id in (-1, 7) order by id") == [
        ("');",),
        ("\\",),
    ]


def test_y13_an_error_at_the_commit_names_the_file(project: Project) -> None:
    project.migration(
        "0001_orders",
        "create table orders (id integer unique deferrable initially deferred);\n"
        "insert into orders values (1), (1);\n",
    )

    failed = project.dbkit("migrate")

    assert failed.stderr.startswith(
        "error: migrations/shop/0001_orders.sql: at commit: duplicate key value violates"
    )
    assert project.status()["version"] == 0


def test_y14_statements_and_ledger_are_one_transaction_without_a_savepoint(
    project: Project,
) -> None:
    inserts = "".join(f"insert into orders values ({number});\n" for number in range(200))
    project.migration("0001_orders", ORDERS + inserts)

    migrate(project)

    # a row written under a savepoint carries the number of that, and not of the transaction
    [(transactions,)] = project.rows(
        "select count(distinct writer) from ("
        "select xmin::text as writer from orders "
        "union all select xmin::text from schema_version "
        "union all select xmin::text from dbkit._yoyo_migration "
        "union all select xmin::text from dbkit._yoyo_log) as written"
    )
    assert transactions == 1


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(
            "/* a /* nested; */ comment; */ insert into notes values ('1');", id="comment"
        ),
        pytest.param("\ufeffinsert into notes values ('1');", id="byte order mark"),
        pytest.param("insert into notes values ('1');\r\n-- end;\r\n", id="carriage returns"),
        pytest.param("copy notes from stdin;\n1\n\\.\n", id="copy"),
        pytest.param("copy notes from stdin (format csv);\n1\n\\.\nselect 2;\n", id="copy csv"),
        pytest.param("insert into notes select 5 # 4; select 2;", id="operator #"),
        pytest.param("insert into notes select '{\"a\":1}'::jsonb #>> '{a}';", id="operator #>>"),
        pytest.param("insert into notes values ($a$1$a$); select $$;$$;", id="dollar quotes"),
        pytest.param("insert into notes values (E'\\x31'); select E'\\';';", id="escapes"),
        pytest.param(
            "create function one() returns text begin atomic; select '1'; end;\n"
            "insert into notes select one();",
            id="begin atomic",
        ),
        pytest.param(
            "create rule noting as on insert to notes do also (select 1; select 2);\n"
            "insert into notes values ('1');",
            id="rule",
        ),
        pytest.param(
            "insert into notes values ('100 % :a %s {}'); update notes set t = 1;", id="%"
        ),
    ],
)
@pytest.mark.parametrize("header", ["", UNTRANSACTED], ids=["transaction", "one by one"])
def test_y15_a_script_is_cut_where_psql_cuts_it(project: Project, sql: str, header: str) -> None:
    project.migration("0001_notes", "create table notes (t text);")
    path = project.migration("0002_note", "")
    mark = "\ufeff" if sql.startswith("\ufeff") else ""
    path.write_bytes((mark + header + sql.removeprefix(mark)).encode())

    migrate(project)

    assert project.rows("select t from notes") == [("1",)]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("\\copy orders from 'orders.csv'", "\\copy"),
        ("\\i more.sql", "\\i"),
        ("\\restrict Zm9v", "\\restrict"),
        ("select 1 \\gexec", "\\gexec"),
    ],
)
def test_y15_a_command_of_psql_is_refused_before_anything_runs(
    project: Project, command: str, shown: str
) -> None:
    project.migration("0001_first", "create table first ();")
    project.migration("0002_orders", f"{ORDERS}{command}\n")

    with pytest.raises(BackslashCommand) as refused:
        migrate(project)

    column = command.index("\\") + 1
    assert str(refused.value) == (
        f"migrations/shop/0002_orders.sql:2:{column}: '{shown}' is a command of psql, "
        "and a migration is SQL alone; take it out"
    )
    assert project.rows("select to_regclass('first'), to_regclass('orders')") == [(None, None)]


def test_y16_a_dump_without_its_psql_commands_is_a_migration(
    project: Project, binaries: Binaries
) -> None:
    with project.connect() as connection:
        connection.execute(
            "create schema dumped; "
            "create table dumped.orders (id integer primary key, note text default 'a;b'); "
            "insert into dumped.orders values (1, E'tab\\tnewline\\n;'), (2, null); "
            "create function dumped.one() returns integer language sql begin atomic; select 1; end"
        )
    dump = subprocess.run(
        [binaries.bin / "pg_dump", "--no-owner", project.url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with project.connect() as connection:
        connection.execute("drop schema dumped cascade")
    plain = [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrest"))]
    project.migration("0001_dump", "\n".join(plain))
    project.migration("0002_more", "create table more ();")

    done = project.dbkit("migrate")

    assert done.returncode == 0, done.stderr
    assert project.rows("select note, dumped.one() from dumped.orders order by id") == [
        ("tab\tnewline\n;", 1),
        (None, 1),
    ]
    # the dump empties the search path; that ends with the dump
    assert project.rows("select to_regclass('public.more')::text") == [("more",)]


@pytest.mark.parametrize(
    "control",
    [
        "begin",
        "BEGIN READ ONLY",
        "start transaction",
        "commit",
        "Commit And Chain",
        "end",
        "rollback",
        "abort",
        "prepare transaction 'two'",
        "/* quietly */ commit",
    ],
)
def test_y17_a_file_that_begins_or_ends_a_transaction_is_refused_before_it_runs(
    project: Project, control: str
) -> None:
    project.migration("0001_orders", f"{ORDERS}{control};\nselect 1;\n")

    with pytest.raises(TransactionControl) as refused:
        migrate(project)

    assert str(refused.value).startswith("migrations/shop/0001_orders.sql:2:1: ")
    assert project.rows("select to_regclass('orders')") == [(None,)]


def test_y17_savepoints_and_prepared_statements_are_not_taken_for_it(project: Project) -> None:
    project.migration(
        "0001_orders",
        f"{ORDERS}savepoint here;\ninsert into orders values (1);\nrollback to here;\n"
        "prepare more as insert into orders values (2);\nexecute more;\ndeallocate more;\n",
    )

    migrate(project)

    assert project.rows("select id from orders") == [(2,)]


def test_y17_a_transaction_of_its_own_is_allowed_without_ours(project: Project) -> None:
    project.migration(
        "0001_orders", f"{UNTRANSACTED}begin;\n{ORDERS}insert into orders values (1);\ncommit;\n"
    )

    migrate(project)

    assert project.rows("select id from orders") == [(1,)]
    assert project.status()["version"] == 1


def test_y17_a_failure_in_a_transaction_of_its_own_takes_back_no_more_than_that(
    project: Project,
) -> None:
    project.migration(
        "0001_orders",
        f"{UNTRANSACTED}{ORDERS}begin;\ninsert into orders values (1);\nselect 1 / 0;\ncommit;\n",
    )

    project.dbkit("migrate")

    assert [row["done"] for row in project.status()["half_done"]] == [1]
    assert project.rows("select id from orders") == []
