"""The bytes of the files decide what is run and recorded, whatever encoding the session has."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.migrations.test_yoyo_itself import yoyo
from tests.project import Project

YEARS = "create table años (año text);\ninsert into años values ('ñandú');\n"
ENCODINGS = ["UTF8", "LATIN1", "SQL_ASCII"]


@pytest.fixture
def spanish(project: Project, request: pytest.FixtureRequest) -> Iterator[Project]:
    """A project with ñ in all that may have it, on a database of the encoding asked for."""
    name = f"spanish_{uuid4().hex}"
    with project.connect() as maker:
        maker.execute(
            f"create database {name} template template0 encoding '{request.param}' "
            "locale_provider libc lc_collate 'C' lc_ctype 'C'".encode()
        )
        url = make_conninfo(project.url, dbname=name)
        spanish = Project(project.root / "spanish", url)
        spanish.migration("0001_years", f"-- Los años.\n{YEARS}", "drop table años;")
        spanish.object("niños", "create or replace view niños as select año from años;")
        yield spanish
        maker.execute(f"drop database {name} with (force)".encode())


def is_as_written(project: Project) -> bool:
    """Say whether the names and the rows in the database are the letters of the files."""
    with psycopg.connect(project.url, client_encoding="UTF8") as connection:
        names = connection.execute(
            "select relname::text from pg_class "
            "where relkind in ('r', 'v') and relname !~ '^[ -~]+$'"
        )
        rows = connection.execute("select año from niños".encode())
        return (sorted(names), list(rows)) == ([("años",), ("niños",)], [("ñandú",)])


@pytest.mark.parametrize("spanish", ENCODINGS, indirect=True)
@pytest.mark.parametrize("client", ENCODINGS)
@pytest.mark.parametrize("said_by", ["environment", "database"])
def test_the_environment_and_the_database_change_nothing(
    spanish: Project, client: str, said_by: str
) -> None:
    if said_by == "environment":
        spanish.environment["PGCLIENTENCODING"] = client
    else:
        with spanish.connect() as connection:
            connection.execute(
                f"alter database {connection.info.dbname} set client_encoding = {client}".encode()
            )

    ran = spanish.dbkit("migrate")

    assert ran.returncode == 0, ran
    assert spanish.dbkit("migrate").stdout == "shop: up to date at version 1\n"
    assert spanish.dbkit("status").returncode == 0
    assert is_as_written(spanish)


@pytest.mark.parametrize("spanish", ENCODINGS, indirect=True)
@pytest.mark.parametrize("client", ENCODINGS)
def test_nor_does_the_connection_that_a_program_gives(spanish: Project, client: str) -> None:
    with psycopg.connect(spanish.url, autocommit=True, client_encoding=client) as connection:
        done = spanish.runner(connection).migrate()
        again = spanish.runner(connection).migrate()
        after = connection.execute("show client_encoding").fetchone()
        undone = spanish.runner(connection).rollback(0)
        spanish.runner(connection).migrate()
        forced = spanish.runner(connection).force(1)

    assert done.objects == ("sql/shop/_objects/niños.sql",)
    assert not again.changed
    assert after in {(client,), (client.encode(),)}
    assert undone.migrations == forced.migrations == ("0001_years",)
    assert spanish.dbkit("status").returncode == 0
    assert is_as_written(spanish)


@pytest.mark.parametrize("spanish", ["UTF8"], indirect=True)
@pytest.mark.parametrize("client", ENCODINGS)
@pytest.mark.parametrize("header", ["", "-- transactional: false\n"])
def test_nor_does_a_statement_of_the_file(spanish: Project, client: str, header: str) -> None:
    spanish.migration("0001_years", f"{header}set client_encoding = '{client}';\n{YEARS}")
    spanish.migration(
        "0002_more", f"set client_encoding = '{client}';\ncopy años from stdin;\n\\.\n"
    )

    ran = spanish.dbkit("migrate")

    assert ran.returncode == 0, ran
    assert spanish.dbkit("migrate").stdout == "shop: up to date at version 2\n"
    assert is_as_written(spanish)


@pytest.mark.parametrize("spanish", ["UTF8"], indirect=True)
def test_nor_does_it_with_the_data_of_a_copy(spanish: Project) -> None:
    spanish.migration(
        "0001_years",
        "create table años (año text);\nset client_encoding = 'LATIN1';\n"
        "copy años from stdin;\nñandú\n\\.\n",
    )

    assert spanish.dbkit("migrate").returncode == 0
    assert is_as_written(spanish)


@pytest.mark.parametrize("spanish", ["UTF8"], indirect=True)
@pytest.mark.parametrize("client", ENCODINGS)
def test_nor_does_yoyo_s_own_command_line(
    spanish: Project, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", client)

    ran = yoyo(spanish, "apply")

    assert ran.returncode == 0, ran.stderr
    assert spanish.dbkit("migrate").returncode == 0
    assert spanish.dbkit("status").returncode == 0
    assert is_as_written(spanish)


def test_an_error_has_its_letters_and_its_place_in_any_encoding(project: Project) -> None:
    project.migration("0001_years", "set client_encoding = 'LATIN1';\nselect 'ñ', año;\n")

    ran = project.dbkit("migrate")

    assert ran.stderr.startswith(
        'error: migrations/shop/0001_years.sql:2:13: column "año" does not exist\nselect'
    )
