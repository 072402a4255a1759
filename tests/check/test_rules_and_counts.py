"""What is doubtful is a warning with its reason, and what was looked at is counted."""

import pytest

from dbkit.analysis import Catalog
from dbkit.queryfiles import examine_folder
from dbkit.typedqueries import examine_query
from tests.check.conftest import Shop
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "-- :optional\nselect id from orders where customer = :'customer';\n",
            (":optional, but more than one row may come back: no unique key is fixed by equality"),
        ),
        (
            "-- :one\nselect id from orders where customer = :'customer';\n",
            ":one, but more than one row may come back: no unique key is fixed by equality",
        ),
        (
            (
                "-- :optional\nselect id from orders\n"
                "\\if :{?id}\nwhere id = :'id'\n\\else\nwhere true\n\\endif\n;\n"
            ),
            (
                ":optional, but more than one row may come back: "
                "no unique key is fixed by equality (with no optional part)"
            ),
        ),
    ],
)
def test_a_kind_that_no_key_makes_certain_is_a_warning_with_the_reason(
    shop: Shop, text: str, told: str
) -> None:
    shop.query("orders/find", text)

    report = shop.check()

    [warning] = report.warnings
    assert report.findings == []
    assert (warning.kind, warning.query, warning.message) == ("uncertain", "orders.find", told)
    assert warning.place == "sql/shop/orders/find.sql:2:"


@pytest.mark.parametrize(
    "text",
    [
        "-- :optional\nselect id, note from orders where id = :'id';\n",
        "-- :one\nselect count(*) from orders;\n",
        "-- :one\nselect id from orders where id = :'id';\n",
        "-- :many\nselect id from orders order by id;\n",
    ],
)
def test_a_kind_that_is_certain_is_none(shop: Shop, text: str) -> None:
    shop.query("orders/find", text)

    assert shop.check().warnings == []


def test_queries_combinations_and_columns_are_counted(shop: Shop) -> None:
    shop.connection.execute(
        "create function doubled(integer) returns integer language sql return $1 * 2"
    )
    shop.query(
        "orders/list_all",
        "-- customer: not null\n-- note: not null\n-- :many\n"
        "select id, customer, note, state, doubled(id) as twice, nullif(id, 1) as maybe\n"
        "from orders where true\n\\if :{?id}\nand id = :'id'\n\\endif\n;\n",
    )
    shop.query("orders/wrong", "-- :many\nselect nota from orders;\n")

    told = shop.check().as_json()

    assert {key: value for key, value in told.items() if isinstance(value, int)} == {
        "queries": 2,
        "typed": 1,
        "combinations": 3,
        "columns": 6,
        "nullable": 2,
        "unproven": 1,
        "asserted": 1,
    }


@pytest.mark.parametrize("system", ["ai_orchestration", "softwarestudio", "mrwa"])
def test_what_is_learnt_of_other_queries_changes_no_answer(
    system: str, request: pytest.FixtureRequest
) -> None:
    connection = request.getfixturevalue(system)
    read = examine_folder(ROOT / "sql" / system, ROOT)
    shared = Catalog(connection)

    for query in read.queries:
        source = read.sources[query.path]
        together = examine_query(connection, query, source, shared)
        alone = examine_query(connection, query, source)

        assert repr(together) == repr(alone)
