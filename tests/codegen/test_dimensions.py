"""What comes back of an array of several dimensions is as annotated, or refused."""

import psycopg
import pytest

from dbkit.errors import QueryError
from tests.codegen.conftest import Generate

_FILES = {
    "orders/list_cells.sql": "-- :many\nselect cells from boards order by id;\n",
    "orders/change.sql": "-- :exec\nupdate boards set cells = :'cells' where id = :'id';\n",
}


def test_what_comes_back_is_as_annotated_or_refused(
    generate: Generate, shop: psycopg.Connection
) -> None:
    shop.execute("create table boards (id integer primary key, cells integer[][] not null)")
    shop.execute("insert into boards values (1, '{{1,2},{3,null}}'), (2, '{}')")
    orders = generate(_FILES)

    assert orders.list_cells(shop) == [[[1, 2], [3, None]], []]
    assert orders.change(shop, id=2, cells=[[5], [None]]) == 1
    assert orders.list_cells(shop) == [[[1, 2], [3, None]], [[5], [None]]]
    # PostgreSQL lets a column hold any number of dimensions
    shop.execute("update boards set cells = '{1,2}' where id = 1")
    with pytest.raises(QueryError, match=r"expected a list, got 1"):
        orders.list_cells(shop)
