"""No name of a query, a parameter, a column or a type hides what a generated module needs."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import psycopg
import pytest

from dbkit.codegen import generate_system, write_package
from dbkit.settings import System
from tests.codegen.conftest import Generate
from tests.conftest import ROOT, Reach

_SCHEMA = """
create type connection as (sequence integer, date date);
create table "Decimal" (
    date date, int integer, list text[], str text, bytes bytea, "object" numeric, id uuid,
    datetime timestamptz, "any" inet, connection connection, first jsonb, second jsonb
);
insert into "Decimal" (date, int, "any") values ('2024-01-01', 3, '10.0.0.1');
"""
_SWITCHES = "abcdefg"
_QUERIES = {
    "date": '-- :many\nselect date, "any" as hosts from "Decimal";\n',
    "list": (
        "-- first: payloads.Payload\n-- second: others.Payload\n-- :many\n"
        'select date, int, list, str, bytes, "object", id, datetime, "any", connection, first, '
        'second, "Decimal" as whole from "Decimal";\n'
    ),
    "many": "-- :many\nselect int from \"Decimal\" where int = any(:'many'::int[]);\n",
    "one": "-- :one\nselect \"any\" from \"Decimal\" where date > :'date' and int = :'OMITTED';\n",
    "overload": "-- :exec\nupdate \"Decimal\" set str = :'execute', int = :'overload';\n",
    "addressed": '-- :many\nselect date from "Decimal" where "any" <<= :\'network\'\n'
    "\\if :{?address}\nand \"any\" = :'address'\n\\endif\n"
    "\\if :{?noted}\nand str is not distinct from :'noted'\n\\endif\n;\n",
    "crlf": "-- :one\r\nselect 'a\r\nb' as text;\r\n",
    "quotes": "-- A \"quote\"\n-- :one\nselect E'\\\\ \"\"\"' || '''''''' as text -- \"",
    "switched": '-- :many\nselect int from "Decimal" where true\n'
    + "".join(f"\\if :{{?{name}}}\nand int > :'{name}'\n\\endif\n" for name in _SWITCHES)
    + ";\n",
}
_PAYLOAD = """
\"\"\"A payload.\"\"\"

from dataclasses import dataclass


@dataclass(frozen=True)
class Payload:
    \"\"\"A payload.\"\"\"

    size: int
"""


@pytest.fixture
def odd(
    root: Path, system: System, empty_url: str, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> psycopg.Connection:
    """A connection to a database of odd names, its package written."""
    for name, text in _QUERIES.items():
        path = root / "odd" / "Connection" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for name in ("payloads", "others"):
        (root / f"{name}.py").write_text(_PAYLOAD.lstrip())
    connection = psycopg.connect(reach(empty_url))
    connection.execute(_SCHEMA.encode())
    odd = system._replace(sql=root / "odd", package="oddqueries")
    write_package(generate_system(odd, root, connection))
    monkeypatch.setattr("sys.path", [str(root), *sys.path])
    return connection


def test_every_name_keeps_its_meaning(odd: psycopg.Connection, root: Path) -> None:
    queries = import_module("oddqueries.Connection")

    with odd:
        [listed] = queries.list(odd)
        [dated] = queries.date(odd)
        assert (listed.date, listed.int, listed.whole.int) == (dated.date, 3, 3)
        assert queries.many(odd, many=[3]) == [3]
        assert queries.one(odd, date=dated.date.replace(year=2000), OMITTED=3) == dated.hosts
        assert queries.overload(odd, execute="text", overload=4) == 1
        assert queries.addressed(odd, network=dated.hosts, address=dated.hosts) == [dated.date]
        assert queries.crlf(odd) == "a\r\nb"
        assert queries.quotes(odd) == "\\ \"\"\"'''"
        assert queries.switched(odd, a=3, f=3, g=3) == [4]
        assert queries.switched(odd, b=3, e=5) == []

    for call in (
        ("mypy", "--strict", "oddqueries"),
        ("ruff", "format", "--isolated", "--check", "oddqueries"),
        ("ruff", "check", "--isolated", "--select", "I,E,F,RUF036", "--preview", "oddqueries"),
    ):
        ran = subprocess.run(
            [sys.executable, "-m", *call], cwd=root, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout


_PARAMETERS = ("connection_", "each", "sets", "sets_", "query", "many", "one", "portion", "typing")
_KINDS = {
    "one": "select count(*) as number from orders where id in ({})",
    "optional": "select id from orders where id in ({}) limit 1",
    "many": "select id from orders where id in ({})",
    "stream": "select id, note from orders where id in ({})",
    "exec": "delete from orders where id in ({})",
    "batch": "delete from orders where id in ({})",
}


def _named_like_parameters() -> dict[str, str]:
    """Give a query of each kind with odd parameters, its own name and its constant's among them."""
    files: dict[str, str] = {}
    for kind, statement in _KINDS.items():
        for name in ("sets", "query", f"tried_{kind}"):
            odd = dict.fromkeys((*_PARAMETERS, name))
            if kind != "batch":
                # a field that begins with `_` is private to pyright
                odd[f"_{name.upper()}"] = None
            places = ", ".join(f":'{parameter}'" for parameter in odd)
            subject = "orders" if name.startswith("tried") else f"{kind}_orders"
            text = f"-- :{kind}\n{statement.format(places)};\n"
            files[f"{subject}/{name}.sql"] = text
    switched = "".join(
        f"\\if :{{?{name}}}\nand id <> :'{name}'\n\\endif\n"
        for name in ("each", "each_", "sets", "sets_", "switched", "batch", "_SWITCHED")
    )
    files["orders/switched.sql"] = f"-- :batch\ndelete from orders where id = :'id'\n{switched};\n"
    files["orders/copied.sql"] = (
        "-- :copy\ninsert into orders (customer, note) values (:'copied', :'each');\n"
    )
    return files


def test_parameters_may_be_named_like_anything_of_the_module(
    generate: Generate, root: Path, shop: psycopg.Connection
) -> None:
    orders = generate(_named_like_parameters())
    values = dict.fromkeys(_PARAMETERS, 1)

    assert orders.tried_one(shop, **values, tried_one=1, _TRIED_ONE=2) == 2
    assert orders.tried_optional(shop, **values, tried_optional=1, _TRIED_OPTIONAL=1) == 1
    assert orders.tried_many(shop, **values, tried_many=1, _TRIED_MANY=1) == [1]
    streamed = orders.tried_stream(shop, **values, tried_stream=1, _TRIED_STREAM=1)
    assert [row.id for row in streamed] == [1]
    sets = [orders.SwitchedValues(1), orders.SwitchedValues(2)]
    assert orders.switched(shop, sets, each=1, sets=3, switched=3, batch=3) == 1
    values_of_a_set = orders.TriedBatchValues(**values, tried_batch=1)
    assert orders.tried_batch(shop, [values_of_a_set]) == 1
    assert orders.copied(shop, [orders.CopiedValues(copied=1, each="a")]) == 1
    assert orders.tried_exec(shop, **values, tried_exec=1, _TRIED_EXEC=1) == 0

    strict = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}
    (root / "pyrightconfig.json").write_text(json.dumps(strict))
    for call in (
        ("mypy", "--strict", "shopqueries"),
        ("pyright", "--project", "pyrightconfig.json", "--pythonpath", sys.executable),
        ("ruff", "format", "--isolated", "--check", "shopqueries"),
        ("ruff", "check", "--isolated", "--select", "I,E,F,RUF036", "--preview", "shopqueries"),
    ):
        ran = subprocess.run(
            [sys.executable, "-m", *call], cwd=root, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout
