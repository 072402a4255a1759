"""A file of SQL is called by its name, without anything generated."""

import inspect
import shutil
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

import dbkit
from dbkit.errors import BadValue, Drifted, NoRow, UnknownType, UnlistedChoice
from dbkit.loading import (
    MisplacedSets,
    MissingKeyword,
    NoQueryFolder,
    Queries,
    UnequalSets,
    UnknownKeyword,
    UnknownQuery,
)
from dbkit.queryfiles.errors import StateOfTheCaller
from dbkit.runtime import OMITTED
from dbkit.typedqueries import DoesNotPrepare


def test_rows_are_named_tuples(queries: Queries, shop: psycopg.Connection) -> None:
    orders = queries["orders.list_of"](shop, customer_id=1)

    assert orders == [(11, Decimal("3.00"), None, None), (10, Decimal("2.50"), "first", "calm")]
    assert orders[1].note == "first"
    assert orders[1]._fields == ("id", "amount", "note", "felt")


def test_a_single_column_gives_its_value(queries: Queries, shop: psycopg.Connection) -> None:
    assert queries["orders.count"](shop) == 3
    assert queries["orders.find_note"](shop, id=10) == "first"
    assert queries["orders.find_note"](shop, id=99) is None


def test_an_optional_part_is_in_when_its_keyword_is(
    queries: Queries, shop: psycopg.Connection
) -> None:
    list_of = queries["orders.list_of"]

    assert [row.id for row in list_of(shop, customer_id=1, felt="calm")] == [10]
    assert [row.id for row in list_of(shop, customer_id=1, most=1)] == [11]
    with pytest.raises(BadValue, match=r"'felt' \(mood\) cannot be None: it may not be null"):
        list_of(shop, customer_id=1, felt=None)


def test_an_omitted_keyword_is_one_that_is_not_given(
    queries: Queries, shop: psycopg.Connection
) -> None:
    list_of, add = queries["orders.list_of"], queries["orders.add"]

    assert [row.id for row in list_of(shop, customer_id=1, felt=OMITTED)] == [11, 10]
    assert [row.id for row in list_of(shop, customer_id=1, most=OMITTED)] == [11, 10]
    assert add(shop, [{"id": 20, "customer_id": 1, "amount": 1, "note": OMITTED}]) == [20]
    with pytest.raises(MissingKeyword):
        list_of(shop, customer_id=OMITTED)
    with pytest.raises(UnknownKeyword):
        list_of(shop, customer_id=1, felled=OMITTED)
    with pytest.raises(UnequalSets):
        add(
            shop,
            [{"id": 21, "customer_id": 1, "amount": 1, "note": note} for note in ("", OMITTED)],
        )


def test_an_identifier_is_chosen_among_those_listed(
    queries: Queries, shop: psycopg.Connection
) -> None:
    queries["orders.change_note"](shop, note="x", customer_id=1)

    assert queries["orders.list_sorted"](shop, order="amount") == [10, 11, 12]
    with pytest.raises(UnlistedChoice):
        queries["orders.list_sorted"](shop, order='id" desc --')


def test_the_number_of_rows_touched_comes_back(queries: Queries, shop: psycopg.Connection) -> None:
    assert queries["orders.change_note"](shop, note="seen", customer_id=1) == 2


def test_a_value_is_never_sql(queries: Queries, shop: psycopg.Connection) -> None:
    queries["orders.change_note"](shop, note="'; drop table orders; --", customer_id=2)

    assert queries["orders.find_note"](shop, id=12) == "'; drop table orders; --"


def test_a_stream_is_read_in_portions(queries: Queries, shop: psycopg.Connection) -> None:
    with shop.transaction():
        assert list(queries["orders.read"](shop)) == [10, 11, 12]


def test_many_sets_are_mappings_that_share_keywords(
    queries: Queries, shop: psycopg.Connection
) -> None:
    sets = ({"id": number, "amount": Decimal(number)} for number in (20, 21))

    assert queries["orders.add"](shop, sets, customer_id=2) == [20, 21]
    assert queries["orders.fill"](shop, [{"id": 30, "amount": Decimal(1)}], customer_id=2) == 1
    assert queries["orders.add"](shop, []) == []


def test_sets_that_differ_are_refused(queries: Queries, shop: psycopg.Connection) -> None:
    sets = [{"id": 20, "amount": 1}, {"id": 21}]

    with pytest.raises(UnequalSets, match=r"set 2 has \(id\), where the first has \(amount, id\)"):
        queries["orders.add"](shop, sets, customer_id=2)


def test_sets_go_where_they_belong(queries: Queries, shop: psycopg.Connection) -> None:
    with pytest.raises(MisplacedSets, match=":batch takes many"):
        queries["orders.get"](shop, [{"id": 1}])
    with pytest.raises(MisplacedSets, match="needs its sets"):
        queries["orders.add"](shop, id=20, customer_id=1, amount=1)


def test_rows_and_json_inside_a_row_are_objects(queries: Queries, shop: psycopg.Connection) -> None:
    first, *_, last = queries["orders.with_customer"](shop)

    assert (first.customer.id, first.customer.name) == (1, "ada")
    assert (first.told.name, first.told.order) == ("ada", 10)
    assert last.customer is None
    assert last.told.name is None


def test_an_unknown_query_is_told_the_nearest(queries: Queries) -> None:
    with pytest.raises(KeyError) as refused:
        queries["orders.list_off"]

    assert isinstance(refused.value, UnknownQuery)
    assert str(refused.value) == "unknown query 'orders.list_off'; did you mean 'orders.list_of'"
    assert "orders.list_off" not in queries


def test_a_wrong_keyword_names_the_query_and_the_known(
    queries: Queries, shop: psycopg.Connection
) -> None:
    with pytest.raises(TypeError) as refused:
        queries["orders.list_of"](shop, customer=1)

    assert isinstance(refused.value, UnknownKeyword)
    assert str(refused.value) == (
        "orders.list_of takes no 'customer'; did you mean 'customer_id'; "
        "keywords: customer_id, most, felt"
    )


def test_a_missing_keyword_names_the_query_and_the_known(
    queries: Queries, shop: psycopg.Connection
) -> None:
    with pytest.raises(TypeError, match=r"^orders\.get needs 'id'; keywords: id$") as refused:
        queries["orders.get"](shop)

    assert isinstance(refused.value, MissingKeyword)


def test_the_errors_of_a_typed_query_are_its_own(
    queries: Queries, shop: psycopg.Connection
) -> None:
    with pytest.raises(NoRow):
        queries["orders.get"](shop, id=99)
    with pytest.raises(BadValue, match=r"'id' \(int4\) cannot be 'x'"):
        queries["orders.get"](shop, id="x")


def test_a_query_that_does_not_prepare_is_pointed_at(
    queries: Queries, shop: psycopg.Connection
) -> None:
    with pytest.raises(DoesNotPrepare, match=r"sql/shop/orders/broken\.sql:3:6"):
        queries["orders.broken"](shop)


def test_another_query_than_the_broken_one_still_runs(
    queries: Queries, shop: psycopg.Connection
) -> None:
    with pytest.raises(DoesNotPrepare):
        queries["orders.broken"](shop)

    # what was asked was taken back, and no transaction is left failed
    assert queries["orders.count"](shop) == 3


def test_a_table_made_in_the_open_transaction_is_known(
    queries: Queries, shop: psycopg.Connection
) -> None:
    shop.execute("create table orderz (id integer)")

    assert queries["orders.broken"](shop) == []


def test_after_a_change_of_the_table_the_query_is_typed_anew(
    queries: Queries, shop: psycopg.Connection, shop_url: str
) -> None:
    assert queries["orders.get"](shop, id=10).note == "first"
    shop.execute("alter table orders alter note type varchar(10)")
    shop.commit()

    with psycopg.connect(shop_url) as another:
        with pytest.raises(Drifted) as refused:
            queries["orders.get"](another, id=10)
        assert str(refused.value) == (
            "orders.get gives (id int4, note varchar), but was typed for (id int4, note text); "
            "the database changed since then, and the next call is typed anew"
        )
        # what gave other columns cannot be committed
        another.rollback()

        assert queries["orders.get"](another, id=10).note == "first"


def test_a_stream_is_typed_anew_as_well(
    queries: Queries, shop: psycopg.Connection, shop_url: str
) -> None:
    assert list(queries["orders.read"](shop)) == [10, 11, 12]
    shop.execute("alter table orders alter id type bigint")
    shop.commit()

    with psycopg.connect(shop_url) as another:
        with pytest.raises(Drifted, match="the next call is typed anew"):
            list(queries["orders.read"](another))

        assert list(queries["orders.read"](another)) == [10, 11, 12]


def test_a_type_that_went_away_is_named(
    queries: Queries, shop: psycopg.Connection, shop_url: str
) -> None:
    queries["orders.list_of"](shop, customer_id=1)
    shop.execute("alter type mood rename to temper")
    shop.commit()

    with psycopg.connect(shop_url) as another:
        with pytest.raises(UnknownType, match=r"needs the type mood.* the next call is typed anew"):
            queries["orders.list_of"](another, customer_id=1)

        assert len(queries["orders.list_of"](another, customer_id=1)) == 2


@pytest.mark.usefixtures("names")
def test_nothing_of_ours_is_prepared_by_the_driver(
    queries: Queries, shop: psycopg.Connection
) -> None:
    # it closes the statements of all with its own
    shop.prepare_threshold = 0
    query = "select count(*) from pg_prepared_statements"
    queries["orders.get"](shop, id=10)
    before = shop.execute(query, prepare=False).fetchall()

    # its default is tried as a value of its type
    queries["orders.list_of"](shop, customer_id=1)

    assert before == [(1,)]
    assert shop.execute(query, prepare=False).fetchall() == [(2,)]


def test_each_database_types_for_itself(
    queries: Queries, shop: psycopg.Connection, mrwa: psycopg.Connection
) -> None:
    mrwa.execute("create temp table orders (id text, note uuid)")
    mrwa.execute("insert into orders values ('10', null)")

    assert queries["orders.get"](shop, id=10) == (10, "first")
    assert queries["orders.get"](mrwa, id="10") == ("10", None)


def test_a_notebook_shows_what_a_query_takes(queries: Queries) -> None:
    list_of = queries["orders.list_of"]

    assert str(inspect.signature(list_of)) == (
        "(connection, /, *, customer_id, most='20', felt=OMITTED)"
    )
    assert list_of.__doc__ == "The orders of one customer, newest first."
    assert len(queries) == len(list(queries)) == 11


def test_a_folder_that_is_not_there_is_refused(folder: Path) -> None:
    shutil.rmtree(folder)

    with pytest.raises(NoQueryFolder, match="is no folder"):
        dbkit.load(folder)


def test_a_copy_over_the_wire_is_refused_before_a_connection_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "dump.sql").write_text("-- :exec\ncopy (select 1) to stdout;\n")

    with pytest.raises(StateOfTheCaller, match="with the kind :stream"):
        dbkit.load(tmp_path)
