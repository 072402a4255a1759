"""A list of rows without `order by` is a warning, unless it has one row at most."""

import pytest

from tests.check.conftest import Shop

NO_ORDER = "without `order by`: the rows come in no fixed order"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- :many\nselect id from orders;\n", f":many {NO_ORDER}"),
        ("-- :stream\nselect id from orders;\n", f":stream {NO_ORDER}"),
        (
            "-- :batch\nselect id from orders where customer = :'customer';\n",
            f":batch {NO_ORDER}",
        ),
        ("-- :many\nupdate orders set note = 'n' returning id;\n", f":many {NO_ORDER}"),
        (
            "-- :many\nselect id from orders\n\\if :{?sorted}\norder by id\n\\endif\n;\n",
            f":many {NO_ORDER} (with no optional part)",
        ),
        (
            "-- :many\nselect id from orders\n\\if :{?as_found}\n\\else\norder by id\n\\endif\n;\n",
            f":many {NO_ORDER} (with as_found)",
        ),
        (
            (
                "-- :many\nwith few as (select id from orders order by id limit 9)\n"
                "select id from few;\n"
            ),
            f":many {NO_ORDER}",
        ),
    ],
)
def test_rows_in_no_order_are_a_warning_with_the_combination(
    shop: Shop, text: str, told: str
) -> None:
    shop.query("orders/list_all", text)

    report = shop.check()

    [warning] = report.warnings
    assert report.findings == []
    assert (warning.rule, warning.kind, warning.query) == (
        "unordered",
        "unordered",
        "orders.list_all",
    )
    assert warning.message == told
    assert warning.place == "sql/shop/orders/list_all.sql:2:"


@pytest.mark.parametrize(
    "text",
    [
        "-- :many\nselect id from orders order by id;\n",
        "-- :many\nselect 1 as one union select 2 order by 1;\n",
        "-- :many\nselect count(*) from orders;\n",
        "-- :many\nselect id from orders where id = :'id';\n",
        "-- :many\nselect id from orders limit 1;\n",
        "-- :many\ninsert into orders values (:'id', 'c', null, 'open') returning id;\n",
        "-- :batch\nupdate orders set note = :'note' where id = :'id' returning id;\n",
        "-- :batch\nupdate orders set note = :'note';\n",
        "-- :exec\nupdate orders set note = :'note';\n",
    ],
)
def test_an_order_or_one_row_at_most_is_right(shop: Shop, text: str) -> None:
    shop.query("orders/list_all", text)

    assert shop.check().found == []
