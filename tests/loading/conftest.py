"""A shop with a few query files, and a database of it for each test."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbkit import load
from dbkit.loading import Queries
from tests.conftest import Reach

SCHEMA = """
create type mood as enum ('calm', 'cross');
create table customers (id integer primary key, name text not null);
create table orders (
    id integer primary key,
    customer_id integer not null references customers,
    amount numeric(8, 2) not null,
    note text,
    felt mood,
    details jsonb not null default '{}'
);
insert into customers values (1, 'ada'), (2, 'bob');
insert into orders (id, customer_id, amount, note, felt) values
    (10, 1, 2.50, 'first', 'calm'), (11, 1, 3.00, null, null), (12, 2, 9.99, 'gift', 'cross');
"""
FILES = {
    "list_of": """
-- The orders of one customer, newest first.
-- :many
\\if :{?most} \\else \\set most 20 \\endif
select id, amount, note, felt
from orders
where customer_id = :'customer_id'
\\if :{?felt}
    and felt = :'felt'
\\endif
order by id desc
limit :'most';
""",
    "list_sorted": """
-- order: id, amount
-- :many
select id from orders order by :"order", id;
""",
    "get": "-- :one\nselect id, note from orders where id = :'id';\n",
    "find_note": "-- :optional\nselect note from orders where id = :'id';\n",
    "count": "-- :one\nselect count(*) from orders;\n",
    "change_note": "-- :exec\nupdate orders set note = :'note'\n"
    "where customer_id = :'customer_id';\n",
    "read": "-- :stream\nselect id from orders order by id;\n",
    "add": """
-- :batch
insert into orders (id, customer_id, amount, note)
values (:'id', :'customer_id', :'amount',
\\if :{?note}
    :'note'
\\else
    null
\\endif
) returning id;
""",
    "fill": "-- :copy\ninsert into orders (id, customer_id, amount)\n"
    "values (:'id', :'customer_id', :'amount');\n",
    "with_customer": """
-- :many
select o.id, c as customer, jsonb_build_object('name', c.name, 'order', o.id) as told
from orders as o
left join customers as c on c.id = o.customer_id and c.name = 'ada'
order by o.id;
""",
    "broken": "-- :many\nselect id\nfrom orderz;\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the shop's query files."""
    orders = tmp_path / "sql" / "shop" / "orders"
    orders.mkdir(parents=True)
    for name, text in FILES.items():
        (orders / f"{name}.sql").write_text(text.lstrip("\n"))
    return orders.parent


@pytest.fixture
def queries(folder: Path) -> Queries:
    """The shop's queries, none of them typed yet."""
    return load(folder, root=folder.parents[1])


@pytest.fixture
def shop_url(empty_url: str, reach: Reach) -> str:
    """The URL of a shop with three orders."""
    with psycopg.connect(empty_url) as connection:
        connection.execute(SCHEMA.encode())
    return reach(empty_url)


@pytest.fixture
def shop(shop_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the shop."""
    with psycopg.connect(shop_url) as connection:
        yield connection
