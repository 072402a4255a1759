"""What the check says of the role that the application runs as."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from psycopg import errors, sql

from dbkit.database import connect
from tests.check.conftest import Shop

_MORE = """
create table lines (id serial primary key, number integer, secret text);
create view open_orders as select id, note from orders where state = 'open';
create function price(integer) returns integer language plpgsql as 'begin return $1; end';
create schema apart;
create table apart.things (id integer primary key);
"""


@pytest.fixture
def role(shop: Shop) -> Iterator[str]:
    """The application's role, which the settings name and which may do nothing."""
    name = f"app_{uuid4().hex[:8]}"
    shop.connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
    (shop.project.root / "pyproject.toml").write_text(
        f'[tool.dbkit.systems.shop]\nrole = "{name}"\n'
    )
    shop.connection.execute(_MORE.encode())
    yield name
    shop.connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
    shop.connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def _granted(shop: Shop, role: str, *rights: str) -> None:
    for right in rights:
        shop.connection.execute(f"grant {right} to {role}".encode())


@pytest.mark.parametrize(
    ("statement", "grants", "lacking"),
    [
        ("select id from orders order by id", [], "select (id) on orders"),
        ("select id from orders order by id", ["select on orders"], None),
        ("select id from orders order by id", ["select (id) on orders"], None),
        (
            "select id, note from orders order by id",
            ["select (id) on orders"],
            "select (note) on orders",
        ),
        ("select count(*) as many from orders", [], "select on orders"),
        ("select count(*) as many from orders", ["select (id) on orders"], None),
        (
            "select to_jsonb(orders) as whole from orders order by id",
            ["select (id, customer, note) on orders"],
            "select (state) on orders",
        ),
        (
            "select id from orders order by id for update",
            ["select on orders"],
            "update on orders",
        ),
        ("insert into lines (number) values (1)", [], "insert (number) on lines"),
        (
            "insert into lines (number) values (1)",
            ["insert on lines"],
            "usage on sequence lines_id_seq",
        ),
        ("insert into lines (id, number) values (1, 1)", ["insert on lines"], None),
        (
            "insert into lines (number) values (1)",
            ["insert on lines", "usage on sequence lines_id_seq"],
            None,
        ),
        (
            "update lines set number = 1 where secret = 'x'",
            ["update (number) on lines"],
            "select (secret) on lines",
        ),
        ("delete from lines where true", ["select on lines"], "delete on lines"),
        ("delete from lines where true", ["delete on lines"], None),
        (
            "with gone as (delete from lines returning id) select id from gone order by id",
            ["select on lines"],
            "delete on lines",
        ),
        ("select id from open_orders order by id", ["select on open_orders"], None),
        ("select id from open_orders order by id", [], "select (id) on open_orders"),
        ("select price(1) as price", [], "execute on function price(integer)"),
        ("select id from apart.things order by id", [], "usage on schema apart"),
        (
            "select id from apart.things order by id",
            ["usage on schema apart"],
            "select (id) on apart.things",
        ),
    ],
)
def test_a_query_that_the_role_may_not_run_is_found(
    shop: Shop, role: str, statement: str, grants: list[str], lacking: str | None
) -> None:
    shop.connection.execute("revoke execute on function price(integer) from public")
    _granted(shop, role, *grants)
    kind = ":many" if "order by" in statement or "select" in statement[:6] else ":exec"
    kind = ":one" if "count" in statement or "price(1)" in statement else kind
    shop.query("orders/example", f"-- An example.\n-- {kind}\n{statement};\n")

    found = [one for one in shop.check().found if one.rule == "missing-right"]

    messages = [one.message for one in found]
    if lacking is None:
        assert messages == []
    else:
        [message] = messages
        assert message.startswith(f"the application's role {role} lacks {lacking}")
    # the server says the same
    assert _is_refused(shop, role, statement) is (lacking is not None)


def _is_refused(shop: Shop, role: str, statement: str) -> bool:
    with connect(shop.project.url, role=role) as connection:
        try:
            connection.execute(statement.encode())
        except errors.InsufficientPrivilege:
            return True
    return False


def test_each_optional_part_is_looked_at(shop: Shop, role: str) -> None:
    _granted(shop, role, "select (id, note) on orders")
    shop.query(
        "orders/example",
        "-- Orders.\n-- :many\nselect id from orders\n\\if :{?customer}\n"
        "where customer = :'customer'\n\\endif\norder by id;\n",
    )

    assert shop.only().message == (
        f"the application's role {role} lacks select (customer) on orders"
    )


def test_a_query_of_another_role_may_say_so(shop: Shop, role: str) -> None:
    shop.query(
        "orders/example",
        "-- Orders.\n-- allow: missing-right, run by whoever migrates\n-- :many\n"
        f"select id from orders order by id; -- not by {role}\n",
    )

    assert shop.check().found == []


@pytest.mark.usefixtures("role")
def test_the_policies_bind_a_role_that_owns_nothing(shop: Shop) -> None:
    shop.connection.execute("alter table orders enable row level security")

    assert shop.check().found == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (["alter table orders owner to {role}"], "has the rights of their owner"),
        (["grant postgres to {role}"], "has the rights of their owner"),
        (
            ["grant postgres to {role}", "alter table orders force row level security"],
            None,
        ),
        (["grant postgres to {role}", "alter role {role} noinherit"], None),
        (["alter role {role} bypassrls"], "has bypassrls"),
        (
            ["alter role {role} bypassrls", "alter table orders force row level security"],
            "has bypassrls",
        ),
        (["alter role {role} superuser"], "is a superuser"),
    ],
)
def test_policies_that_do_not_bind_the_role_are_found(
    shop: Shop, role: str, changes: list[str], why: str | None
) -> None:
    shop.connection.execute("alter table orders enable row level security")
    # in 16, whether a member inherits is said when it becomes one
    is_old = shop.connection.info.server_version < 160000
    for change in changes if is_old else sorted(changes):
        shop.connection.execute(change.format(role=role).encode())

    found = [one.message for one in shop.check().warnings]

    assert found == (
        []
        if why is None
        else [
            (
                f"{role} {why}, so the policies of orders do not bind it; give the application a "
                "role that has none of these rights"
            )
        ]
    )
    shop.connection.execute(f"alter table orders owner to {shop.connection.info.user}".encode())


@pytest.mark.usefixtures("role")
def test_many_tables_are_one_finding(shop: Shop) -> None:
    for name in ("orders", "lines", "apart.things", "schema_version"):
        shop.connection.execute(f"alter table {name} enable row level security".encode())
    (shop.project.root / "pyproject.toml").write_text("[tool.dbkit.systems.shop]\n")

    assert (
        shop.check()
        .warnings[0]
        .message.startswith(
            "postgres is a superuser, so the policies of apart.things, lines, orders and 1 more "
        )
    )
