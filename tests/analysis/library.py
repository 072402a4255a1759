"""A library's tables, filled with all that their constraints allow, to find counter-examples."""

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg

from dbkit.analysis.description import Description

SCHEMA = (Path(__file__).parent / "library.sql").read_text()
_TABLES = ("author", "book", "review", "note", "event", "plant", "tree")
_NAMES = ("a", "b", "", "x", "infinity")
_DAYS = (None, None, "2000-01-01", "infinity", "-infinity", "1999-12-31")
_JSON = ("{}", "null", '{"k": null}', '{"k": "v", "l": 1}', "[1]", '{"k": true, "n": null}')
_VALUES = {
    "bool": "true",
    "date": "2001-01-01",
    "float8": "0.5",
    "int4": "1",
    "int8": "2",
    "jsonb": "{}",
    "text": "a",
    "varchar": "a",
}
# all tables full of values, all full of NULLs, then whatever chance brings
_NULLS = (0.0, 1.0, 0.5, 0.3, 0.7, 0.2, 0.5, 0.4)
_FILLINGS = 40


def fillings(connection: psycopg.Connection) -> Iterator[int]:
    """Fill the tables in one way after the other, in a transaction that is rolled back."""
    for seed in range(_FILLINGS):
        with connection.transaction(force_rollback=True):
            if seed:
                _fill(connection, seed)
            yield seed


def nulls(connection: psycopg.Connection, text: str, described: Description) -> set[int]:
    """Run a query on what the tables hold, and return the columns that show a NULL."""
    null_columns: set[int] = set()
    for everything in (False, True):
        values = [
            None if everything and parameter.nullable else _VALUES[parameter.type.name]
            for parameter in described.parameters
        ]
        if everything and not any(value is None for value in values):
            continue
        with connection.transaction(force_rollback=True):
            cursor = psycopg.RawCursor(connection).execute(text.encode(), values)
            result = cursor.pgresult
            assert result is not None
            for row in range(result.ntuples):
                null_columns |= {
                    column
                    for column in range(result.nfields)
                    if result.get_value(row, column) is None
                }
    return null_columns


def _fill(connection: psycopg.Connection, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - data, not secrets
    share = _NULLS[seed % len(_NULLS)]
    left_out = chance.choice(_TABLES) if seed > 3 else ""

    def maybe(*values: object) -> object:
        return None if chance.random() < share else chance.choice(values)

    rows: dict[str, list[tuple[object, ...]]] = {
        "author": [
            (
                number, chance.choice(_NAMES), maybe(f"{'ab'[number % 2]}", f"m{number}"),
                maybe(*_DAYS), maybe(0, 1, 2, 9), chance.choice(("0", "1.5", "NaN", "Infinity")),
                maybe("{}", "{NULL}", "{a}", "{a,NULL}"), maybe(*_JSON),
                maybe("(,)", "(a,1)", "(,1)", "(a,)"),
            )
            for number in chance.sample(range(1, 6), 3)
        ],
        "book": [
            (
                number, maybe(1, 2, 9), chance.choice(_NAMES), maybe(f"i{number}", f"X{number}"),
                maybe("0", "0.5", "2"), maybe("2000-01-01 10:00", "infinity", "-infinity"),
                chance.choice((0, 1, 2, 5)), maybe("calm", "wild"), chance.choice(_JSON),
                maybe("1 day", "-1 month"),
            )
            for number in chance.sample(range(1, 6), 3)
        ],
        "review": [
            (number, chance.choice(_NAMES), maybe(0, 1, 5), maybe("", "good"))
            for number in chance.sample(range(1, 6), 3)
        ],
        "event": [(n, chance.choice(("open", "shut")), maybe("yes")) for n in (1, 2)],
        "plant": [(n, 1, "red") for n in (1, 2)],
        "tree": [(n, 2, "green", maybe(1, 7)) for n in (3, 4)],
    }  # fmt: skip
    for table, table_rows in rows.items():
        for row in table_rows if table != left_out else ():
            places = ", ".join(["%s"] * len(row))
            text = f"insert into {table} values ({places}) on conflict do nothing"
            connection.execute(text.encode(), row)
    for _ in range(2):
        # a domain lets a NULL in that a subselect without rows brings
        label = "(select label from note where false)" if chance.random() < share else "'l'"
        connection.execute(
            f"insert into note (body, size, label) values (%s, %s, {label})".encode(),
            (maybe("a", ""), maybe(1, 3)),
        )
    connection.execute("refresh materialized view shelf")
