"""Where the search path names no schema that exists, a command says so in one sentence."""

import pytest

from tests.cli.seen import leftovers, refusal
from tests.project import Project

CALLS = ("migrate", "migrate --plan", "rollback shop", "force shop 1")


@pytest.fixture
def homeless(project: Project, request: pytest.FixtureRequest) -> Project:
    """A project with a migration, and a database in which nothing can be made."""
    project.migration("0001_orders", "create table orders (id integer);", "drop table orders;")
    with project.connect() as connection:
        name = connection.info.dbname
        match request.param:
            case "dropped":
                connection.execute("drop schema public")
            case "of the database":
                connection.execute(f'alter database "{name}" set search_path = nowhere'.encode())
            case _:
                project.environment["PGOPTIONS"] = "-c search_path=nowhere"
    return project


@pytest.mark.parametrize("homeless", ["dropped", "of the database", "given"], indirect=True)
def test_every_command_says_it_in_one_sentence(homeless: Project) -> None:
    refused = {refusal(homeless.dbkit(*call.split())) for call in CALLS}
    [problem] = homeless.status()["problems"]
    checked = homeless.dbkit("check")

    [sentence] = refused
    with homeless.connect() as connection:
        assert sentence == (
            f"the search path names no schema that exists in database '{connection.info.dbname}', "
            "so no table can be made there; create one of the schemas that `show search_path` "
            "lists, or set another search path"
        )
    assert problem == {"kind": "schema", "version": None, "message": sentence}
    assert checked.returncode == 1
    assert sentence in checked.stdout
    assert leftovers(homeless) == {}


@pytest.mark.parametrize("homeless", ["dropped"], indirect=True)
def test_it_is_migrated_when_the_schema_is_there_again(homeless: Project) -> None:
    assert homeless.dbkit("migrate").returncode == 1
    with homeless.connect() as connection:
        connection.execute("create schema public")

    assert homeless.dbkit("migrate").returncode == 0
    assert homeless.dbkit("status").returncode == 0


def test_a_ledger_is_read_though_the_search_path_is_empty_now(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")
    project.dbkit("migrate")
    with project.connect() as connection:
        connection.execute(
            f"alter database \"{connection.info.dbname}\" set search_path = ''".encode()
        )
    project.migration("0002_items", "create table public.items (id integer);")

    assert project.status()["problems"] == []
    assert project.dbkit("migrate").returncode == 0
    assert project.status()["version"] == 2


@pytest.mark.parametrize("homeless", ["dropped", "of the database", "given"], indirect=True)
@pytest.mark.parametrize("command", ["call", "show"])
def test_a_query_that_finds_nothing_says_why_in_one_sentence(
    homeless: Project, command: str
) -> None:
    (homeless.root / "sql/shop/orders").mkdir()
    query = homeless.root / "sql/shop/orders/list_all.sql"
    query.write_text("-- :many\nselect id from orders order by id;\n")

    told = refusal(homeless.dbkit(command, "shop", "orders.list_all"))
    query.write_text("-- :many\nselect 1 / 0 as id, nothing;\n")
    of_the_text = refusal(homeless.dbkit(command, "shop", "orders.list_all"))

    with homeless.connect() as connection:
        assert told == (
            f"the search path names no schema that exists in database '{connection.info.dbname}', "
            "so orders.list_all finds nothing there; create one of the schemas that "
            "`show search_path` lists, or set another search path"
        )
    assert 'column "nothing" does not exist' in of_the_text


def test_a_query_is_refused_as_before_where_a_schema_is_searched(project: Project) -> None:
    (project.root / "sql/shop/orders").mkdir()
    query = project.root / "sql/shop/orders/list_all.sql"
    query.write_text("-- :many\nselect id from orders order by id;\n")

    told = refusal(project.dbkit("call", "shop", "orders.list_all"))

    assert 'relation "orders" does not exist' in told
