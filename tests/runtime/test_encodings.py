"""A text is the same text whatever the encoding of the connection and of the database."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import Connection, sql

from dbkit.errors import BadValue, Unreadable, Unsendable
from dbkit.runtime import batch, copy, many, one
from dbkit.server import EmbeddedServer
from tests.conftest import Reach
from tests.runtime.statements import echo, statement

# texts that each has a form for; in GBK and SJIS, halves of some look like a backslash or a brace
_TEXTS = {
    "UTF8": ("é", "誠\\", '"漢{}'),
    "SQL_ASCII": ("é", "誠\\", '"漢{}'),
    "LATIN1": ("é", "ÿ\\", '"ü{}'),
    "GBK": ("漢", "誠\\", '"剓乗{},字'),
    "EUC_JP": ("漢", "字\\", '"表{}'),
    "SJIS": ("漢", "表字", '"ソ{}'),
}  # fmt: skip
_FORMS = [
    "text", "varchar", "line_", "text[]", "jsonb", "json", "jsonb[]", "word", "pair", "pair[]",
]  # fmt: skip
_TYPES = "create domain line_ as text; create type pair as (a text, b jsonb, c text[])"


@dataclass(frozen=True)
class Note:
    """What json becomes."""

    text: str


@pytest.fixture(scope="module", params=["UTF8", "SQL_ASCII", "LATIN1", "EUC_JP"])
def encoded(
    server: EmbeddedServer, reach: Reach, request: pytest.FixtureRequest
) -> Iterator[tuple[str, str]]:
    """The encoding and the URL of a database of that encoding."""
    encoding: str = request.param
    name = f"encoded_{encoding.lower()}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} encoding {} template template0 locale 'C'").format(
                sql.Identifier(name), encoding
            )
        )
        with psycopg.connect(server.url(name)) as inside:
            inside.execute(_TYPES)
        yield encoding, reach(server.url(name))
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _clients(database: str) -> list[str]:
    # any client of a UTF-8 database; the server of another one knows few others
    return [*_TEXTS] if database == "UTF8" else [database, "UTF8", "SQL_ASCII"]


def _texts(database: str, client: str) -> tuple[str, ...]:
    if client == "SQL_ASCII" and database in {"LATIN1", "EUC_JP"}:
        # what it sends goes into the database as it is, and has to be of its encoding
        return ("a", "b\\", '"{}')
    return _TEXTS[client if database in {"UTF8", "SQL_ASCII"} else database]


def _values(form: str, texts: tuple[str, ...]) -> list[object]:
    pair = (texts[1], {texts[0]: texts[2]}, [*texts])
    match form:
        case "text[]":
            return [[*texts, None]]
        case "jsonb" | "json":
            return [{text: [text] for text in texts}]
        case "jsonb[]":
            return [[{text: text} for text in texts]]
        case "pair":
            return [pair]
        case "pair[]":
            return [[pair, None]]
        case _:
            return [*texts]


def test_a_text_comes_back_in_every_form(encoded: tuple[str, str]) -> None:
    database, url = encoded
    for client in _clients(database):
        texts = _texts(database, client)
        with psycopg.connect(url, client_encoding=client) as connection:
            labels = sql.SQL(", ").join(texts)
            connection.execute(sql.SQL("create type word as enum ({})").format(labels))
            for form in _FORMS:
                for value in _values(form, texts):
                    assert one(connection, echo(form), [value]) == value, (client, form)
                    beside = statement(
                        "select $1 as value, '1'::money as money",
                        takes={"value": form},
                        gives={"value": form, "money": "money"},
                    )
                    # all of this result comes as text
                    assert one(connection, beside, [value]) == (value, "$1.00"), (client, form)
            row = statement(
                "select row($1::text, $2::jsonb, $3::text[], '1'::money) as value",
                takes={"a": "text", "b": "jsonb", "c": "text[]"},
                gives={"value": "record(text;jsonb;text[];money)"},
            )
            parts = (texts[1], {texts[2]: texts[0]}, [*texts])
            assert one(connection, row, parts) == (*parts, "$1.00"), client
            note = echo("jsonb", value=Note)
            assert one(connection, note, [{"text": texts[2]}]) == Note(texts[2]), client
            connection.rollback()


@pytest.mark.parametrize("send", [batch, copy])
def test_many_texts_come_back(encoded: tuple[str, str], send: object) -> None:
    database, url = encoded
    add = statement(
        "insert into notes (a, b, c) values ($1, $2, $3)",
        takes={"a": "text", "b": "jsonb", "c": "money[]"},
    )
    read = statement("select a, b from notes order by a", gives={"a": "text", "b": "jsonb"})
    texts = sorted(_TEXTS[database])
    with psycopg.connect(url, client_encoding=database) as connection:
        connection.execute('create temporary table notes (a text collate "C", b jsonb, c money[])')
        assert callable(send)
        assert send(connection, add, [(text, {text: text}, ["1"]) for text in texts]) == len(texts)
        assert sorted(many(connection, read, ()), key=str) == sorted(
            [(text, {text: text}) for text in texts], key=str
        )
        connection.rollback()


def test_a_character_without_a_form_is_told_in_one_sentence(typed_url: str) -> None:
    with psycopg.connect(typed_url, client_encoding="LATIN1") as connection:
        for form, value in (
            ("text", "漢"),
            ("jsonb", {"漢": 1}),
            ("text[]", ["漢"]),
            ("json", "漢"),
        ):
            with pytest.raises(
                BadValue, match=r"character '\\u6f22' at \d+ has no form in iso8859-1"
            ):
                one(connection, echo(form), [value])
        with pytest.raises(Unsendable, match=r"has the character '\\u6f22', which has no form in"):
            one(connection, statement("select '漢' as word", gives={"word": "text"}), [])
        assert one(connection, echo("text"), ["é"]) == "é"


def test_bytes_that_are_no_text_are_told_by_column_and_row(encoded: tuple[str, str]) -> None:
    database, url = encoded
    if database != "SQL_ASCII":
        return
    read = statement(
        "select word, 1 as n from (values ('a'), (e'\\xff')) as words (word)",
        gives={"word": "text", "n": "int4"},
    )
    with psycopg.connect(url) as connection, pytest.raises(Unreadable) as refused:
        many(connection, read, [])

    assert str(refused.value).startswith(
        "things.tried: column 'word' of row 2 holds bytes that are not utf-8"
    )


def test_a_nul_is_refused_before_it_is_sent(connection: Connection) -> None:
    values: list[tuple[str, object]] = [
        ("text", "a\0"),
        ("jsonb", {"a": "\0"}),
        ("jsonb", {"a\0": 1}),
        ("json", ["\\\0"]),
        ("json", "\\\\\0"),
        ("text[]", ["\0"]),
        ("jsonb[]", [{"\0": 1}]),
        ("place", ("\0", 1, None)),
    ]
    for form, value in values:
        with pytest.raises(BadValue, match="a NUL character"):
            one(connection, echo(form), [value])
    # an escape that stands in the text itself is none
    assert one(connection, echo("jsonb"), ["\\u0000"]) == "\\u0000"
