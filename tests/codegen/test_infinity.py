"""What Python has no form for is told by column and row, or is a word where the header says so."""

import asyncio
import datetime as dt
from typing import Any, get_args, get_type_hints

import psycopg
import pytest
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from dbkit.errors import BadValue, Unreadable
from dbkit.pgtypes import Infinity
from dbkit.typedqueries import NarrowingOfOtherThanJson
from tests.codegen.conftest import Generate

_SCHEMA = """
create type stay as (since date, until timestamptz);
create domain deadline as timestamptz;
create table visits (
    id integer primary key,
    day date not null,
    at timestamptz not null,
    plain timestamp not null,
    days date[] not null,
    stay stay not null,
    stays stay[] not null,
    period tstzrange not null,
    periods tstzmultirange not null,
    deadline deadline not null
);
insert into visits select
    1, day, day, day, array[day, null],
    row(day, day::timestamptz)::stay,
    array[row(day, day::timestamptz)::stay],
    tstzrange(day, 'infinity', '[]'), tstzmultirange(tstzrange(day, 'infinity')), day
from (values ('-infinity'::date)) as days (day);
"""
_COLUMNS = "day at plain days stay stays period periods deadline".split()  # noqa: SIM905 - a list of names
_HEADER = "".join(f"-- {name}: infinity\n" for name in _COLUMNS)
_VALUES = ", ".join(f":'{name}'" for name in ["id", *_COLUMNS])
_INSERT = f"insert into visits (id, {', '.join(_COLUMNS)})\nvalues ({_VALUES});\n"
_FILES = {
    "orders/list_visits.sql": f"{_HEADER}-- :many\nselect {', '.join(_COLUMNS)} from visits;\n",
    "orders/stream_visits.sql": f"{_HEADER}-- :stream\nselect {', '.join(_COLUMNS)} from visits;\n",
    "orders/add.sql": f"{_HEADER}-- :exec\n{_INSERT}",
    "orders/load.sql": f"{_HEADER}-- :copy\n{_INSERT}",
    "orders/add_many.sql": f"{_HEADER}-- :batch\n{_INSERT}",
    "orders/list_json.sql": "-- visit: infinity\n-- :many\n"
    "select jsonb_build_object('day', day, 'at', at, 'days', days, 'stay', stay) as visit\n"
    "from visits;\n",
    "orders/list_days.sql": "-- :many\nselect day from visits order by id desc;\n",
    "orders/find_day.sql": "-- :optional\nselect id from visits where day = :'day';\n",
    "orders/list_json_days.sql": "-- :many\nselect json_build_object('day', day) as visit\n"
    "from visits;\n",
}
_WORD = "-infinity"
_NOON = dt.datetime(2024, 5, 6, 12, tzinfo=dt.UTC)


def test_where_the_header_says_so_infinity_is_its_word_in_every_form(
    generate: Generate, shop: psycopg.Connection
) -> None:
    shop.execute(_SCHEMA.encode())
    orders: Any = generate(_FILES)

    [visit] = orders.list_visits(shop)

    hints = get_type_hints(orders.ListVisitsRow)
    assert hints["day"] == dt.date | Infinity
    assert hints["days"] == list[dt.date | Infinity | None]
    assert hints["period"] == Range[dt.datetime | Infinity]
    assert (visit.day, visit.at, visit.plain, visit.deadline) == (_WORD,) * 4
    assert visit.days == [_WORD, None]
    assert (visit.stay.since, visit.stay.until) == (_WORD, _WORD)
    assert visit.stays == [visit.stay]
    assert visit.period == Range(_WORD, "infinity", "[]")
    assert visit.periods == Multirange([Range(_WORD, "infinity", "[)")])
    [part] = orders.list_json(shop)
    assert (part.day, part.at, part.days) == (_WORD, _WORD, [_WORD, None])
    assert part.stay.until == _WORD
    assert get_type_hints(orders.ListJsonVisit)["at"] == dt.datetime | Infinity
    assert [streamed.days for streamed in orders.stream_visits(shop)] == [visit.days]


@pytest.mark.parametrize("way", ["add", "add_many", "load"])
def test_the_word_goes_back_as_it_came(
    generate: Generate, shop: psycopg.Connection, way: str
) -> None:
    shop.execute(_SCHEMA.encode())
    orders: Any = generate(_FILES)
    [visit] = orders.list_visits(shop)
    values = {name: getattr(visit, name) for name in _COLUMNS} | {"plain": "infinity"}
    sets = [values | {"id": 2}, values | {"id": 3, "at": _NOON, "day": _NOON.date()}]

    for set_ in sets if way == "add" else []:
        orders.add(shop, **set_)
    if way == "add_many":
        orders.add_many(shop, [orders.AddManyValues(**set_) for set_ in sets])
    if way == "load":
        orders.load(shop, [orders.LoadValues(**set_) for set_ in sets])

    rows = shop.execute(
        "select day::text, at::text, plain::text, (stay).until::text, upper(period)::text "
        "from visits where id > 1 order by id"
    ).fetchall()
    assert rows[0] == (_WORD, _WORD, "infinity", _WORD, "infinity")
    assert rows[1][0] == "2024-05-06"
    assert rows[1][2:] == ("infinity", _WORD, "infinity")
    with pytest.raises(BadValue, match=r"'day' .*expected date"):
        orders.add(shop, **values | {"id": 4, "day": "tomorrow"})
    with pytest.raises(BadValue, match=r"'day' .*expected date"):
        orders.find_day(shop, day="infinity")


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("infinity", "holds infinity, which Python has no form for; to take it, write `-- day: "),
        ("-infinity", "holds infinity, which Python has no form for; to take it, write `-- day: "),
        ("0044-03-15 BC", "holds a value that Python has no form for (date too small"),
        ("10000-01-01", "holds a value that Python has no form for (date too large"),
    ],
)
def test_without_the_line_it_is_told_by_query_column_and_row(
    generate: Generate, shop: psycopg.Connection, day: str, told: str
) -> None:
    shop.execute(_SCHEMA.encode())
    shop.execute("update visits set day = %s", [day])
    shop.execute("insert into visits select 2, '2024-01-01', at, plain, days, stay, stays, period, "
                 "periods, deadline from visits")  # fmt: skip
    orders: Any = generate(_FILES)

    with pytest.raises(Unreadable) as refused:
        orders.list_days(shop)
    with pytest.raises(Unreadable) as refused_in_json:
        orders.list_json_days(shop)

    assert str(refused.value).startswith(f"orders.list_days: column 'day' of row 2 {told}")
    assert (refused_in_json.value.column, refused_in_json.value.row) == ("visit", 1)


@pytest.mark.usefixtures("shop")
def test_a_line_about_what_has_no_infinity_is_refused(generate: Generate) -> None:
    with pytest.raises(NarrowingOfOtherThanJson, match="a date, a timestamp and an interval"):
        generate({"orders/list.sql": "-- id: infinity\n-- :many\nselect id from orders;\n"})


def test_awaited_it_is_the_same_word(
    generate: Generate, shop: psycopg.Connection, shop_url: str
) -> None:
    assert get_args(Infinity) == ("infinity", "-infinity")
    text = "-- until: infinity\n-- :one\nselect :'until'::timestamptz as until;\n"
    orders: Any = generate({"orders/echo.sql": text})

    async def call() -> object:
        async with await psycopg.AsyncConnection.connect(shop_url) as connection:
            return await orders.echo(connection, until="infinity")

    assert asyncio.run(call()) == orders.echo(shop, until="infinity") == "infinity"
