"""The functions that are listed as total do not return NULL for samples, on this server."""

import os
import random
from itertools import product

import psycopg
from psycopg import sql

from dbkit.analysis.total_functions import TOTAL_FUNCTIONS
from dbkit.server import EmbeddedServer

_COMBINATIONS = 150 if os.environ.get("DBKIT_THOROUGH") else 15
_NUMBERS = ("0", "1", "-1", "2")
_ENDLESS = ("NaN", "infinity", "-infinity")
_TIMES = ("2020-01-01 10:00", "infinity", "-infinity")
_JSON = ("{}", "[]", "null", "1", '"x"', '{"a": 1}', "[[1]]", "true")
_RANGES = ("empty", "[1,5)", "[7,9)", "(,3)", "(,)")
# what is at the edge of each type; types that are not here have values nobody can write
_SAMPLES = {
    "bool": ("true", "false"),
    "int2": (*_NUMBERS, "32767"),
    "int4": (*_NUMBERS, "2147483647"),
    "int8": (*_NUMBERS, "9223372036854775807"),
    "float4": (*_NUMBERS, *_ENDLESS),
    "float8": (*_NUMBERS, *_ENDLESS),
    "numeric": (*_NUMBERS, "1.5", *_ENDLESS),
    "money": ("0", "-5"),
    "text": (
        "", "a", "1", "{}", "(", "%", "a b", "UTC", "UTF8", "YYYY", "day", "month", "second",
        "epoch", "dow", "infinity",
    ),
    "bpchar": ("", "a "),
    "varchar": ("", "a"),
    "name": ("", "a", "postgres"),
    "char": ("", "a"),
    "bytea": ("", "\\x00ff"),
    "date": ("2020-01-01", "infinity", "-infinity"),
    "timestamp": _TIMES,
    "timestamptz": _TIMES,
    "time": ("10:00", "24:00"),
    "timetz": ("10:00+01",),
    "interval": ("0", "1 day", "-1 mon", "infinity", "-infinity"),
    "json": _JSON,
    "jsonb": _JSON,
    "jsonpath": ("$", "$.a", "strict $.a", "$[*]"),
    "uuid": ("00000000-0000-0000-0000-000000000000", "0190163d-8694-739b-aea5-966c26f8ad91"),
    "inet": ("1.2.3.4/24", "::1"),
    "cidr": ("1.2.3.0/24", "::/0"),
    "macaddr": ("08:00:2b:01:02:03",),
    "macaddr8": ("08:00:2b:01:02:03:04:05",),
    "point": ("(0,0)", "(1,1)", "(NaN,0)", "(Infinity,1)"),
    "lseg": ("[(0,0),(1,1)]", "[(2,2),(3,3)]", "[(0,0),(0,0)]"),
    "path": ("((0,0),(1,1))", "[(0,0),(1,1)]", "[(5,5)]"),
    "box": ("((0,0),(1,1))", "((5,5),(6,6))"),
    "polygon": ("((0,0),(1,1),(1,0))", "((5,5))"),
    "line": ("{1,1,0}", "{1,1,5}", "{0,1,0}"),
    "circle": ("<(0,0),1>", "<(9,9),0>"),
    "bit": ("0", "1"),
    "varbit": ("", "101"),
    "oid": ("0", "1", "23", "99999999"),
    "regclass": ("pg_class", "99999999"),
    "regtype": ("int4", "99999999"),
    "tsvector": ("", "a b", "a:1A b:2"),
    "tsquery": ("", "a", "a & !b"),
    "xid8": ("0", "3"),
    "pg_lsn": ("0/0", "1/1"),
    "int4range": _RANGES,
    "int8range": _RANGES,
    "numrange": _RANGES,
    "daterange": ("empty", "[2020-01-01,)"),
    "int4multirange": ("{}", "{[1,5)}", "{[1,3),[7,9)}"),
    "_int4": ("{}", "{NULL}", "{1,2}", "{{1,2},{3,4}}"),
    "_text": ("{}", "{NULL}", "{a,b}"),
    "_float8": ("{}", "{0,0,0}", "{1,2,3}"),
}  # fmt: skip
_POLYMORPHIC = {
    "any": "int4", "anyarray": "_int4", "anycompatible": "int4", "anycompatiblearray": "_int4",
    "anyelement": "int4", "anymultirange": "int4multirange", "anynonarray": "int4",
    "anyrange": "int4range",
}  # fmt: skip
_FUNCTIONS = """
select
    function.proname,
    array(
        select argument.typname::text
        from unnest(function.proargtypes) with ordinality as parameter (oid, position)
        join pg_type as argument on argument.oid = parameter.oid
        order by parameter.position
    ),
    function.proisstrict and not function.proretset and function.prokind = 'f'
from pg_proc as function
where function.oid = any(%s) and function.provolatile <> 'v'
"""


def test_no_function_that_is_listed_returns_null(server: EmbeddedServer) -> None:
    chance = random.Random(0)  # noqa: S311 - a choice of samples
    odd: list[str] = []
    returned: list[sql.Composed] = []
    tried = 0
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("set statement_timeout = '5s'")
        functions = connection.execute(_FUNCTIONS, (sorted(TOTAL_FUNCTIONS),)).fetchall()
        for name, types, is_strict in functions:
            odd += [] if is_strict else [name]
            kinds = [_POLYMORPHIC.get(str(type_), str(type_)) for type_ in types]
            if not all(kind in _SAMPLES for kind in kinds):
                continue
            tried += 1
            choices = list(product(*(_SAMPLES[kind] for kind in kinds)))
            for values in chance.sample(choices, min(len(choices), _COMBINATIONS)):
                query = call(name, kinds, values)
                try:
                    row = connection.execute(query).fetchone()
                except psycopg.Error:
                    continue
                returned += [query] if row == (True,) else []

    assert odd == []
    assert returned == []
    assert tried > 1500


def call(name: str, kinds: list[str], values: tuple[str, ...]) -> sql.Composed:
    arguments = [
        sql.SQL("{}::{}").format(sql.Literal(value), sql.Identifier("pg_catalog", kind))
        for kind, value in zip(kinds, values, strict=True)
    ]
    # a record of nulls only is null to `is null`, and yet it is a value
    return sql.SQL("select {}({}) is not distinct from null").format(
        sql.Identifier("pg_catalog", name), sql.SQL(", ").join(arguments)
    )
