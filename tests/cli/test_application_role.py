"""Which commands run as the role of the application, and which as the user in the URL."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.project import Project

_SCHEMA = """
create table orders (id integer primary key, user_id integer not null);
alter table orders enable row level security;
create policy own on orders using (user_id = current_setting('app.user_id', true)::integer);
insert into orders values (1, 1), (2, 2);
grant select on orders to {role};
"""
_LIST = "-- The orders.\n-- :many\nselect id, current_user::text as role from orders order by id;\n"


@pytest.fixture
def role(project: Project) -> Iterator[str]:
    """The role of the application, with a name that a URL has to escape."""
    name = f"shop app&{uuid4().hex[:8]}"
    with project.connect() as connection:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
    yield name
    with project.connect() as connection:
        connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def shop(project: Project, role: str) -> Project:
    """A project whose settings name the role, with a table under row-level security."""
    with (project.root / "pyproject.toml").open("a") as settings:
        settings.write(f'role = "{role}"\n')
    with project.connect() as connection:
        connection.execute(sql.SQL(_SCHEMA).format(role=sql.Identifier(role)))
    folder = project.root / "sql" / "shop" / "orders"
    folder.mkdir()
    (folder / "list_all.sql").write_text(_LIST)
    return project


def _rows(shop: Project, *arguments: str) -> list[str]:
    ran = shop.dbkit("call", "shop", "orders.list_all", "--csv", *arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()[1:]


def test_a_query_runs_as_the_role_of_the_settings(shop: Project, role: str) -> None:
    assert _rows(shop, "--set", "app.user_id=2") == [f"2,{role}"]
    assert _rows(shop, "--set", "app.user_id=3") == []


def test_a_query_runs_as_the_role_that_is_given(shop: Project) -> None:
    assert _rows(shop, "--role", "none") == ["1,postgres", "2,postgres"]
    assert _rows(shop, "--role", "postgres") == ["1,postgres", "2,postgres"]


def test_psql_has_the_rights_of_the_url_unless_a_role_is_given(shop: Project, role: str) -> None:
    ask = ("--", "-XAtc", "select current_user")

    assert shop.dbkit("psql", "shop", *ask).stdout == "postgres\n"
    assert shop.dbkit("psql", "shop", "--role", role, *ask).stdout == f"{role}\n"


@pytest.mark.parametrize("options", ["", "&options=-c%20work_mem%3D77kB&application_name=x"])
def test_a_url_is_that_of_the_user_unless_a_role_is_given(
    shop: Project, role: str, options: str
) -> None:
    url = shop.url + options

    plain = shop.dbkit("url", "shop", SHOP_DATABASE_URL=url)
    of_role = shop.dbkit("url", "shop", "--role", role, SHOP_DATABASE_URL=url)

    assert plain.stdout == f"{url}\n"
    with psycopg.connect(of_role.stdout.strip()) as connection:
        found = connection.execute("select current_user::text, current_setting('work_mem')")
        [current, memory] = found.fetchone() or [None, None]
    assert current == role
    assert (memory == "77kB") is bool(options)


def test_a_setting_without_a_value_is_refused(shop: Project) -> None:
    ran = shop.dbkit("call", "shop", "orders.list_all", "--set", "app.user_id")

    assert ran.returncode == 64
    assert "'app.user_id' is no value; write NAME=VALUE" in ran.stderr


def test_a_role_that_is_not_there_is_one_sentence(shop: Project) -> None:
    ran = shop.dbkit("call", "shop", "orders.list_all", "--role", "missing_app")

    assert ran.returncode != 0
    assert 'role "missing_app" does not exist; the role has to exist' in ran.stderr


def test_a_setting_that_names_no_role_is_refused(project: Project) -> None:
    with (project.root / "pyproject.toml").open("a") as settings:
        settings.write('role = "none"\n')

    ran = project.dbkit("status")

    assert "role is to be the name of a role of the server, not 'none'" in ran.stderr
