"""A query file is held against a database: typed in every combination, or refused."""

import builtins
import dataclasses
from collections.abc import Iterator
from dataclasses import make_dataclass
from keyword import kwlist, softkwlist

import psycopg
import pytest

from dbkit.errors import QueryError
from dbkit.queryfiles import usable_name
from dbkit.sqltext import Source
from dbkit.typedqueries import (
    ColumnsDiffer,
    DefaultDoesNotFit,
    DoesNotPrepare,
    KindDoesNotFit,
    NarrowingOfOtherThanJson,
    NeedlessRowClass,
    ParametersDiffer,
    RepeatedColumn,
    TypedQuery,
    UnknownNarrowing,
    UnusableAttribute,
    UnusableColumn,
    UnusablePart,
    examine_query,
    type_query,
)
from tests.queryfiles.reading import parse_queries

SCHEMA = """
create table orders (
    id integer primary key, customer text not null, note text, made date, payload jsonb
);
create table odd (id integer, "class" text);
create type odd_part as ("__x" integer);
create type odd_whole as (id integer, parts odd_part[]);
create domain odd_domain as odd_whole;
"""


@pytest.fixture
def shop(empty_url: str) -> Iterator[psycopg.Connection]:
    """A database with one table."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        yield connection


def check(connection: psycopg.Connection, text: str) -> TypedQuery:
    source = Source("sql/shop/orders/listed.sql", text)
    [query] = parse_queries(source, "orders")
    return type_query(connection, query, source)


def test_columns_and_parameters_are_what_the_server_says(shop: psycopg.Connection) -> None:
    typed = check(
        shop,
        "-- :many\n\\if :{?most} \\else \\set most 20 \\endif\n"
        "select id, note from orders where customer = :'customer'\n"
        "\\if :{?since}\nand made >= :'since'\n\\endif\nlimit :'most';\n",
    )

    assert [(column.name, column.type.name, column.nullable) for column in typed.columns] == [
        ("id", "int4", False),
        ("note", "text", True),
    ]
    assert {
        parameter.name: parameter.type.name for parameter in typed.parameters if parameter.type
    } == {
        "customer": "text",
        "most": "int8",
        "since": "date",
    }
    assert len(typed.described) == 2


def test_a_column_is_nullable_if_one_combination_cannot_prove_it(shop: psycopg.Connection) -> None:
    typed = check(
        shop,
        "-- :many\nselect note from orders\n\\if :{?note}\nwhere note = :'note'\n\\endif\n;\n",
    )

    assert [column.nullable for column in typed.columns] == [True]


def test_a_header_line_narrows_what_cannot_be_proved(shop: psycopg.Connection) -> None:
    typed = check(shop, "-- note: not null\n-- :many\nselect id, note from orders;\n")

    assert [column.nullable for column in typed.columns] == [False, False]


@pytest.mark.parametrize(
    "header",
    [
        "-- payload: not null\n-- payload: shop.types.Payload\n",
        "-- payload: shop.types.Payload\n-- payload: not null\n",
    ],
)
def test_a_column_is_narrowed_to_a_type_and_to_not_null(
    shop: psycopg.Connection, header: str
) -> None:
    typed = check(shop, f"{header}-- :many\nselect payload from orders;\n")

    assert [column.nullable for column in typed.columns] == [False]
    assert typed.json_types == (("payload", "shop.types.Payload"),)


def test_a_parameter_is_narrowed_to_a_type_and_to_not_null(shop: psycopg.Connection) -> None:
    typed = check(
        shop,
        "-- payload: not null\n-- payload: shop.types.Payload\n"
        "-- :exec\nupdate orders set payload = :'payload' where id = :'id';\n",
    )

    [payload] = [parameter for parameter in typed.parameters if parameter.name == "payload"]
    assert (payload.nullable, payload.json_type) == (False, "shop.types.Payload")


def test_a_query_by_its_key_is_certain_and_one_by_a_name_is_not(shop: psycopg.Connection) -> None:
    by_key = check(shop, "-- :optional\nselect id, note from orders where id = :'id';\n")
    by_name = check(shop, "-- :optional\nselect id, note from orders where customer = :'who';\n")

    assert (by_key.is_certain, by_name.is_certain) == (True, False)


def test_what_does_not_prepare_is_pointed_at_in_the_file(shop: psycopg.Connection) -> None:
    with pytest.raises(DoesNotPrepare) as caught:
        check(shop, "-- Orders.\n-- :many\nselect id, nota\nfrom orders;\n")

    assert str(caught.value).startswith(
        'sql/shop/orders/listed.sql:3:12: column "nota" does not exist'
    )
    assert caught.value.snippet == "select id, nota\n           ^"


@pytest.mark.parametrize(
    ("error", "text", "sentence"),
    [
        (
            UnusableColumn,
            "-- :many\nselect id, 1 + 1 from orders;\n",
            "column 2 of orders.listed has no name; write `as some_name`",
        ),
        *(
            (
                UnusableColumn,
                f'-- :many\nselect id, note as "{name}", 1 as name_2 from orders;\n',
                (
                    f"column 2 of orders.listed is named {name!r}, which Python cannot carry; "
                    f"write `as {alias}`"
                ),
            )
            for name, alias in [
                ("class", "class_"),
                ("None", "none_"),
                ("__slots__", "slots"),
                ("__id", "id_2"),
                ("__class", "class_"),
                ("Total (net)", '"Total_net"'),
                ("2nd", "_2nd"),
                ("\N{LATIN SMALL LIGATURE FI}rst", "first"),
                ("-", "name"),
            ]
        ),
        (
            RepeatedColumn,
            "-- :many\nselect id, id, 1 as id_2 from orders;\n",
            "column 2 of orders.listed is the second one named 'id'; write `as id_3`",
        ),
        (
            UnusablePart,
            '-- :many\nselect part from (select id, 1 as "class" from orders) as part;\n',
            (
                "column 'part' of orders.listed is a row with a part that is named 'class', "
                "which Python cannot carry; write `as class_` for it"
            ),
        ),
        (
            UnusablePart,
            "-- :many\nselect array_agg(p) as all from (select id, id from orders) as p;\n",
            (
                "column 'all' of orders.listed is a row with a part that is the second one named "
                "'id'; write `as id_2` for it"
            ),
        ),
        (
            UnusableAttribute,
            "-- :many\nselect id, array_agg(o) from orders join odd as o using (id) group by id;\n",
            (
                "column 'array_agg' of orders.listed needs the type odd, whose attribute is named "
                "'class', which Python cannot carry; rename it with "
                '`alter table odd rename column "class" to class_`, or leave it out'
            ),
        ),
        (
            UnusableAttribute,
            "-- :exec\nselect from orders where :'x'::odd_domain is null;\n",
            (
                "parameter 'x' of orders.listed needs the type odd_part, whose attribute is named "
                "'__x', which Python cannot carry; rename it with "
                '`alter type odd_part rename attribute "__x" to x`, or leave it out'
            ),
        ),
        (
            ColumnsDiffer,
            (
                "-- :many\nselect id\n\\if :{?more}\n, note\n\\endif\nfrom orders\n"
                "\\if :{?more}\nwhere note = :'more'\n\\endif\n;\n"
            ),
            (
                "with more orders.listed gives id int4, note text, and without it id int4; "
                "an optional part may not change the columns"
            ),
        ),
        (
            KindDoesNotFit,
            "-- :one\ninsert into orders (id, customer) values (1, 'a');\n",
            (
                "orders.listed is :one, but the statement gives no rows; make it :exec, "
                "or add `returning`"
            ),
        ),
        (
            KindDoesNotFit,
            "-- :exec\nselect id from orders;\n",
            (
                "orders.listed is :exec, but the statement gives rows; make it :many, "
                "or leave them out"
            ),
        ),
        (
            KindDoesNotFit,
            "-- :copy\nupdate orders set note = :'note';\n",
            (
                "orders.listed is :copy, but only a plain `insert into table (columns) values (…)` "
                "can be loaded by copy, with each parameter as it is"
            ),
        ),
        (
            KindDoesNotFit,
            (
                "-- :copy\n-- column: note, customer\n"
                "insert into orders (id, :\"column\") values (:'id', :'text');\n"
            ),
            (
                "orders.listed is :copy, but it loads into one table and the same columns at each "
                "call; make several queries"
            ),
        ),
        (
            NeedlessRowClass,
            "-- row: Order\n-- :exec\ndelete from orders;\n",
            "orders.listed needs no class Order, for :exec gives no rows; take out `-- row: Order`",
        ),
        (
            NeedlessRowClass,
            "-- row: Order\n-- :many\nselect id from orders;\n",
            (
                "orders.listed needs no class Order, for a row of one column is its value alone; "
                "take out `-- row: Order`"
            ),
        ),
        (
            UnknownNarrowing,
            "-- total: not null\n-- :many\nselect id from orders;\n",
            (
                "the header line for 'total' belongs to no column or parameter of orders.listed; "
                "there are id"
            ),
        ),
        (
            NarrowingOfOtherThanJson,
            "-- note: shop.types.Note\n-- :many\nselect id, note from orders;\n",
            (
                "the header line for 'note' of orders.listed names shop.types.Note, "
                "which only json and jsonb can become, and this is text; take the line out"
            ),
        ),
        (
            DefaultDoesNotFit,
            (
                "-- :many\n\\if :{?most} \\else \\set most many \\endif\n"
                "select id from orders limit :'most';\n"
            ),
            (
                "the default 'many' of 'most' is no int8: "
                'invalid input syntax for type bigint: "many"'
            ),
        ),
        (
            DefaultDoesNotFit,
            (
                "-- :many\n\\if :{?most} \\else \\set most 20 \\endif\n"
                "\\if :{?skipped} \\else \\set skipped few \\endif\n"
                "select id from orders limit :'most' offset :'skipped';\n"
            ),
            (
                "the default 'few' of 'skipped' is no int8: "
                'invalid input syntax for type bigint: "few"'
            ),
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    shop: psycopg.Connection, error: type[QueryError], text: str, sentence: str
) -> None:
    with pytest.raises(error) as caught:
        check(shop, text)

    assert str(caught.value) == f"sql/shop/orders/listed.sql: {sentence}"


def test_all_that_does_not_fit_is_told_at_once(shop: psycopg.Connection) -> None:
    source = Source(
        "listed.sql",
        "-- total: not null\n-- note: shop.types.Note\n-- :copy\n"
        "\\if :{?most} \\else \\set most many \\endif\n"
        "select id, note, 1 + 1, id\n"
        "\\if :{?a}\n, made\n\\endif\n\\if :{?b}\n, 2 as b\n\\endif\n"
        "from orders where true\n"
        "\\if :{?x}\n\\if :{?also}\nand id = :'x' and id = :'also'\n\\else\nand note = :'x'\n"
        "\\endif\n\\endif\nlimit :'most';\n",
    )
    [query] = parse_queries(source, "orders")

    faults = examine_query(shop, query, source)

    assert isinstance(faults, list)
    assert [str(fault).partition(";")[0] for fault in faults] == [
        (
            "listed.sql: with a orders.listed gives id int4, note text, ?column? int4, id int4, "
            "made date, and without it id int4, note text, ?column? int4, id int4"
        ),
        (
            "listed.sql: with b orders.listed gives id int4, note text, ?column? int4, id int4, "
            "b int4, and without it id int4, note text, ?column? int4, id int4"
        ),
        "listed.sql: parameter 'x' of orders.listed is text in one place and int4 in another",
        "listed.sql: column 3 of orders.listed has no name",
        "listed.sql: column 4 of orders.listed is the second one named 'id'",
        (
            "listed.sql: the header line for 'total' belongs to no column or parameter of "
            "orders.listed"
        ),
        (
            "listed.sql: the header line for 'note' of orders.listed names shop.types.Note, "
            "which only json and jsonb can become, and this is text"
        ),
        (
            "listed.sql: orders.listed is :copy, but only a plain "
            "`insert into table (columns) values (…)` can be loaded by copy, "
            "with each parameter as it is"
        ),
        (
            "listed.sql: the default 'many' of 'most' is no int8: "
            'invalid input syntax for type bigint: "many"'
        ),
    ]


def test_what_does_not_prepare_hides_nothing_of_the_other_combinations(
    shop: psycopg.Connection,
) -> None:
    source = Source(
        "listed.sql",
        "-- extra: nullable\n-- :exec\nselect id, id\n\\if :{?a}\n, nota as extra\n\\endif\n"
        "from orders;\n",
    )
    [query] = parse_queries(source, "orders")

    faults = examine_query(shop, query, source)

    assert isinstance(faults, list)
    assert [type(fault) for fault in faults] == [DoesNotPrepare, RepeatedColumn, KindDoesNotFit]


def test_keys_of_json_may_be_named_in_any_way(shop: psycopg.Connection) -> None:
    typed = check(
        shop,
        "-- :many\nselect json_build_object('class', id, '__x', 1) as object, to_jsonb(o) as row\n"
        "from odd as o;\n",
    )

    assert [column.name for column in typed.columns] == ["object", "row"]


def test_a_single_value_needs_no_name(shop: psycopg.Connection) -> None:
    for name in ("class", "__x", "2nd", "?column?"):
        [column] = check(shop, f'-- :many\nselect id as "{name}" from orders;\n').columns
        assert column.name == name


def test_a_usable_name_is_one_that_a_field_can_have() -> None:
    names = {*dir(object), *dir(builtins), *dir(dataclasses), *kwlist, *softkwlist, "self", "cls"}
    for name in map(usable_name, names):
        row_class = make_dataclass(
            "Row", [(name, int), ("other_field", int)], frozen=True, slots=True
        )

        row = row_class(1, 2)

        assert getattr(row, name) == 1
        assert row == row_class(**{name: 1, "other_field": 2})
        assert repr(row).endswith(f"Row({name}=1, other_field=2)")
        assert dataclasses.replace(row, other_field=3) == row_class(1, 3)


def test_a_parameter_of_two_types_is_refused(shop: psycopg.Connection) -> None:
    with pytest.raises(ParametersDiffer, match=r"'x' .* is text in one place and int4 in another"):
        check(
            shop,
            "-- :many\nselect id from orders where true\n"
            "\\if :{?x}\n\\if :{?also}\nand id = :'x' and id = :'also'\n\\else\n"
            "and note = :'x'\n\\endif\n\\endif\n;\n",
        )


def test_checking_leaves_nothing_behind(shop: psycopg.Connection) -> None:
    check(shop, "-- :exec\ninsert into orders (id, customer) values (:'id', :'customer');\n")

    assert shop.execute("select count(*) from orders").fetchone() == (0,)
    assert shop.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
