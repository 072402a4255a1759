"""Every type that a column can have, and the forms that its values come in."""

import dataclasses
import re
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import psycopg
from psycopg import sql
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

VALUES = {
    "bool": "true", "int2": "-5", "int4": "7", "int8": "9000000000", "oid": "12",
    "float4": "1.5", "float8": "0.1", "numeric": "12.340", "text": 'it\'s, {a} \\ "q" (x)',
    "varchar": "vä", "bpchar": "b", "name": "nm", '"char"': "c", "bytea": "\\x00ff",
    "uuid": "00000000-0000-0000-0000-000000000007", "date": "2024-02-29",
    "time": "01:02:03.000004", "timetz": "01:02:03+05:30", "timestamp": "2024-01-02 03:04:05",
    "timestamptz": "2024-01-02 03:04:05+00", "interval": "1 day 02:03:04",
    "inet": "10.0.0.1/8", "cidr": "10.0.0.0/8", "macaddr": "08:00:2b:01:02:03",
    "macaddr8": "08:00:2b:01:02:03:04:05", "money": "$1.50", "bit(3)": "101", "varbit": "1011",
    "point": "(1,2)", "line": "{1,2,3}", "lseg": "[(1,2),(3,4)]", "box": "(3,4),(1,2)",
    "path": "[(1,2),(3,4)]", "polygon": "((1,2),(3,4))", "circle": "<(1,2),3>",
    "json": '{"a": [1, "x"]}', "jsonb": '{"a": [1, "x"]}', "jsonpath": '$."a"', "xml": "<a>1</a>",
    "tsvector": "'a':1 'b':2", "tsquery": "'a' & 'b'", "pg_lsn": "16/B374D848",
    "txid_snapshot": "10:20:10,14", "pg_snapshot": "10:20:10,14", "xid": "5", "xid8": "6",
    "cid": "7", "tid": "(1,2)", "regclass": "pg_class", "regtype": "integer", "regproc": "now",
    "regprocedure": "now()", "regoper": "pg_catalog.||/", "regoperator": "+(integer,integer)",
    "regconfig": "english", "regdictionary": "simple", "regnamespace": "pg_catalog",
    "regrole": "postgres", "regcollation": '"C"', "refcursor": "cur", "aclitem": "=r/postgres",
    "int2vector": "1 2", "oidvector": "3 4", "int4range": "[1,5)", "int8range": "[1,5)",
    "numrange": "[1.5,2.5]", "tsrange": '["2024-01-01 00:00:00","2024-01-02 00:00:00")',
    "tstzrange": '["2024-01-01 00:00:00+00",)', "daterange": "[2024-01-01,2024-01-03)",
    "int4multirange": "{[1,5),[7,9)}", "int8multirange": "{[1,5)}",
    "nummultirange": "{[1.5,2.5]}",
    "tsmultirange": '{["2024-01-01 00:00:00","2024-01-02 00:00:00")}', "tstzmultirange": "{}",
    "datemultirange": "{[2024-01-01,2024-01-03)}", "temper": "so so",
}  # fmt: skip
_OF_EXTENSIONS = {
    "hstore": {"hstore": '"a"=>"1", "b"=>NULL'},
    "citext": {"citext": "CI"},
    "ltree": {"ltree": "a.b", "lquery": "a.*", "ltxtquery": "a & b"},
    "cube": {"cube": "(1, 2),(3, 4)"},
    "isn": {"isbn": "978-0-393-04002-9"},
    "seg": {"seg": "1 .. 2"},
    "vector": {"vector": "[1,2.5]", "halfvec": "[1,2.5]", "sparsevec": "{1:1.5}/3"},
}
# of these the driver, or dbkit, reads the text alone
_BINARY = frozenset(
    """bool int2 int4 int8 oid float4 float8 numeric text varchar bpchar name "char" bytea uuid date
    time timetz timestamp timestamptz interval inet cidr json jsonb xml int4range int8range numrange
    tsrange tstzrange daterange int4multirange int8multirange nummultirange tsmultirange
    tstzmultirange datemultirange temper citext vector""".split()  # noqa: SIM905 - on few lines
)
# the columns of a type's table, with the type of each
FORMS = {
    "v": "{t}", "a": "{t}[]", "c": "c_{n}", "cs": "c_{n}[]", "d": "d_{n}", "da": "da_{n}",
    "dc": "dc_{n}", "ds": "d_{n}[]", "cd": "cd_{n}", "cc": "cc_{n}",
}  # fmt: skip
RANGES = {"r": "r_{n}", "m": "mr_{n}", "rs": "r_{n}[]", "dr": "dr_{n}", "cr": "cr_{n}"}
# what a query makes of a row of such a table
MADE = {
    "whole": "t", "part": "row(t.id, t.v, 'x'::text, t.a)",
    "inner": "row(t.id, t.c, t.cs, row(t.v))", "rows": "array[row(t.id, t.v), row(t.id, t.v)]",
    "jv": "to_jsonb(t.v)", "ja": "to_json(t.a)", "jt": "to_jsonb(t)", "jr": "row_to_json(t)",
    "jc": "to_jsonb(t.cd)", "jo": "jsonb_build_object('v', t.v, 'a', t.a, 'dc', t.dc, 'ds', t.ds)",
    "aggt": "array_agg(t)", "aggc": "array_agg(t.c)", "aggj": "json_agg(t)",
    "aggv": "jsonb_agg(t.v)",
}  # fmt: skip


class Made(NamedTuple):
    """A type with its table, and whether there are ranges of it."""

    type: str
    name: str
    has_ranges: bool

    @property
    def is_binary(self) -> bool:
        """Whether a value comes in its binary form."""
        return self.type in _BINARY

    @property
    def forms(self) -> dict[str, str]:
        """The type of each form, by its column."""
        forms = FORMS | (RANGES if self.has_ranges else {})
        return {form: text.format(t=self.type, n=self.name) for form, text in forms.items()}


def make_types(connection: psycopg.Connection[Any]) -> list[Made]:
    """Make a table with a row in every form of each type that this server has."""
    connection.execute("create type temper as enum ('glad', 'so so', 'sad')")
    found = connection.execute("select name from pg_available_extensions").fetchall()
    values = dict(VALUES)
    for extension, of_extension in _OF_EXTENSIONS.items():
        if (extension,) in found:
            connection.execute(f"create extension if not exists {extension}".encode())
            values |= of_extension
    return [made for type_, value in values.items() if (made := _make(connection, type_, value))]


def _make(connection: psycopg.Connection[Any], type_: str, value: str) -> Made | None:
    name = re.sub(r"\W+", "_", type_).strip("_")
    # a server without libxml has no xml
    try:
        with connection.transaction():
            connection.execute("select cast(%s as " + type_ + ")", [value])  # pyright: ignore[reportArgumentType] - the types above
    except psycopg.errors.FeatureNotSupported:
        return None
    has_ranges = True
    try:
        with connection.transaction():
            text = f"(subtype = {type_}, multirange_type_name = mr_{name})"
            connection.execute(f"create type r_{name} as range {text}".encode())
    except psycopg.errors.UndefinedObject:
        has_ranges = False
    connection.execute(
        f"""
create type c_{name} as (n int4, v {type_}, a {type_}[]);
create type cc_{name} as (c c_{name}, cs c_{name}[]);
create domain d_{name} as {type_};
create domain da_{name} as {type_}[];
create domain dc_{name} as c_{name};
create type cd_{name} as (d d_{name}, da da_{name}, dc dc_{name}, dd d_{name}[]);
create table t_{name} (
    id int4 not null, v {type_}, a {type_}[], c c_{name}, cs c_{name}[], d d_{name},
    da da_{name}, dc dc_{name}, ds d_{name}[], cd cd_{name}, cc cc_{name}
);
insert into t_{name}
select
    1, v, array[v, null, v], c, array[c, null], v, array[v], c, array[v::d_{name}],
    row(v, array[v], c, array[v::d_{name}])::cd_{name}, row(c, array[c])::cc_{name}
from (select v, row(1, v, array[v, null])::c_{name} as c from (
    select cast({sql.Literal(value).as_string()} as {type_}) as v) as one) as made;
""".encode()
    )
    if has_ranges:
        connection.execute(
            f"""
create domain dr_{name} as r_{name};
create type cr_{name} as (r r_{name}, m mr_{name}, rs r_{name}[]);
alter table t_{name} add r r_{name}, add m mr_{name}, add rs r_{name}[], add dr dr_{name},
    add cr cr_{name};
update t_{name} set
    r = r_{name}(v, v, '[]'), m = mr_{name}(r_{name}(v, v, '[]'), r_{name}(v, v, '()')),
    rs = array[r_{name}(v, null, '[)'), null], dr = r_{name}(null, v, '(]'),
    cr = row(r_{name}(v, v, '[]'), mr_{name}(r_{name}(v, v, '[]')), array[r_{name}(v, v, '[]')]);
""".encode()
        )
    return Made(type_, name, has_ranges)


def misfit(value: object, annotation: Any, path: str) -> str:  # noqa: ANN401, C901, PLR0911 - a rule for each form of type
    """Say where a value is not of an annotation, as exactly as it can be said; else nothing."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in {object, Any}:
        return ""
    if origin in {Union, UnionType}:
        misfits = [misfit(value, each, path) for each in arguments]
        return "" if "" in misfits else "; ".join(misfits)
    if annotation in {None, type(None)}:
        return "" if value is None else f"{path}: {value!r} is not None"
    if origin is Literal:
        is_one = type(value) is str and value in arguments
        return "" if is_one else f"{path}: {value!r} is no label"
    expected = origin or annotation
    if type(value) is not expected:
        return f"{path}: {value!r:.80} is no {expected.__name__}"
    given: Any = value
    parts: list[tuple[object, Any, str]] = []
    if expected is list:
        parts = [(each, arguments[0], f"{path}[{n}]") for n, each in enumerate(given)]
    elif expected is tuple:
        if len(arguments) != len(given):
            return f"{path}: {len(given)} parts"
        parts = [(each, arguments[n], f"{path}[{n}]") for n, each in enumerate(given)]
    elif expected is Range:
        parts = [(each, arguments[0] | None, path) for each in (given.lower, given.upper)]
    elif expected is Multirange:
        of_range: Any = Range
        parts = [(each, of_range[arguments[0]], path) for each in given]
    elif dataclasses.is_dataclass(given):
        hints = get_type_hints(annotation)
        parts = [(getattr(given, name), hint, f"{path}.{name}") for name, hint in hints.items()]
    return next(filter(None, (misfit(*part) for part in parts)), "")
