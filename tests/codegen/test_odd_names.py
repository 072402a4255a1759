"""No name of a query, a column or a type hides what the generated module itself needs."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import psycopg
import pytest

from dbkit.codegen import generate_system, write_package
from dbkit.settings import System

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
    root: Path, system: System, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> psycopg.Connection:
    """A connection to a database of odd names, its package written."""
    for name, text in _QUERIES.items():
        path = root / "odd" / "Connection" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for name in ("payloads", "others"):
        (root / f"{name}.py").write_text(_PAYLOAD.lstrip())
    connection = psycopg.connect(empty_url)
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
