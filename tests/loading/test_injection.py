"""Whatever text goes in as a value comes back as it was, or is refused; it never becomes SQL."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from dbkit import load
from dbkit.errors import BadValue, UnlistedChoice
from dbkit.loading import Queries
from dbkit.runtime import AsText
from tests.conftest import Reach

_SCHEMA = """
create type mood as enum ('calm', 'cross');
create type pair as (one text, other text);
create table kept (text text, tags text[], payload jsonb, pair pair, mood mood, spot point);
create table witness as select 1 as number;
"""
_WHOLE = (
    "insert into kept (text, tags, payload, pair)\nvalues (:'text', :'tags', :'payload', :'pair')"
)
_FILES = {
    "given": "-- :one\nselect :'text'::text as text;\n",
    "switched": "-- :one\nselect\n\\if :{?text}\n:'text'::text\n\\else\nnull\n\\endif\nas text;\n",
    "defaulted": "-- :one\n\\if :{?text} \\else \\set text x \\endif\nselect :'text' as text;\n",
    "streamed": "-- :stream\nselect :'text'::text as text;\n",
    "kept": f"-- :exec\n{_WHOLE};\n",
    "batched": f"-- :batch\n{_WHOLE}\nreturning text;\n",
    "copied": f"-- :copy\n{_WHOLE};\n",
    # a type whose binary form is not known makes the whole of it text
    "copied_as_text": "-- :copy\n"
    + _WHOLE.replace("pair)", "pair, spot)").replace(":'pair')", ":'pair', :'spot');\n"),
    "felt": "-- :exec\ninsert into kept (mood) values (:'mood');\n",
    "flagged": "-- :one\nselect true\n\\if :{?flag}\nand true\n\\endif\nas yes;\n",
    "sorted": '-- by: text, mood\n-- :many\nselect text from kept order by :"by";\n',
}
_DROP = "'; drop table witness; --"
_HOSTILE = [
    *("'", "''", '"', "\\", "\\'", "\\\\'", _DROP, f"\\{_DROP}", f"x{_DROP[1:]}", f'"{_DROP}'),
    *("$1", "$$", "$$; drop table witness; $$", ":'text'", ':"by"', ":text", "%s", "%", "%(text)s"),
    *("\\N", "\\.", "a\tb\nc\r\n", "\x01\x1b[2J\x7f", "\\x00", "NULL", "null", "", " ", "\ufeff"),
    *(
        "{}",
        '{"a",b}',
        "{NULL}",
        "(,)",
        '("a",)',
        "[1]",
        '{"a": 1}',
        "é漢🐘\u202e",
        "\\echo x",
        "\\if",
    ),
    *("-- ", "/*", "*/ drop table witness; /*", "); drop table witness; --", "`ls`"),
]
_IMPOSSIBLE = ["\0", f"x\0{_DROP}", "\ud800", f"\udcff{_DROP}"]


class Ways(NamedTuple):
    """A database with tables to spoil, and the queries to try it with."""

    connection: psycopg.Connection
    queries: Queries

    def whole(self, text: str) -> dict[str, Any]:
        return {"text": text, "tags": [text], "payload": {text: [text]}, "pair": (text, text)}

    def back(self) -> str:
        """Give the text that a row holds, the same in each of its columns."""
        rows = self.connection.execute("select text, tags, payload, pair from kept").fetchall()
        [(text, tags, payload, pair)] = rows
        assert (tags, payload) == ([text], {text: [text]})
        assert self.connection.execute(
            "select pair = row(text, text)::pair from kept"
        ).fetchone() == (True,), pair
        return str(text)


def _given(ways: Ways, text: str) -> object:
    return ways.queries["ways.given"](ways.connection, text=text)


def _in_postgresqls_form(ways: Ways, text: str) -> object:
    return ways.queries["ways.given"](ways.connection, text=AsText(text))


def _switched(ways: Ways, text: str) -> object:
    return ways.queries["ways.switched"](ways.connection, text=text)


def _defaulted(ways: Ways, text: str) -> object:
    return ways.queries["ways.defaulted"](ways.connection, text=text)


def _streamed(ways: Ways, text: str) -> object:
    [row] = ways.queries["ways.streamed"](ways.connection, text=text)
    return row


def _kept(ways: Ways, text: str) -> object:
    ways.queries["ways.kept"](ways.connection, **ways.whole(text))
    return ways.back()


def _batched(ways: Ways, text: str) -> object:
    [returned] = ways.queries["ways.batched"](ways.connection, [ways.whole(text)])
    assert returned == text
    return ways.back()


def _copied(ways: Ways, text: str) -> object:
    ways.queries["ways.copied"](ways.connection, [ways.whole(text)])
    return ways.back()


def _copied_as_text(ways: Ways, text: str) -> object:
    ways.queries["ways.copied_as_text"](ways.connection, [ways.whole(text) | {"spot": "(1,2)"}])
    return ways.back()


_WAYS = (
    *(_given, _in_postgresqls_form, _switched, _defaulted, _streamed),
    *(_kept, _batched, _copied, _copied_as_text),
)


@pytest.fixture
def ways(tmp_path: Path, empty_url: str, reach: Reach) -> Iterator[Ways]:
    """Each kind of query and of parameter, and a witness that has to live on."""
    folder = tmp_path / "sql" / "ways"
    folder.mkdir(parents=True)
    for name, text in _FILES.items():
        (folder / f"{name}.sql").write_text(text)
    with psycopg.connect(reach(empty_url)) as connection:
        connection.execute(_SCHEMA.encode())
        connection.commit()
        yield Ways(connection, load(folder.parent, root=tmp_path))
        connection.rollback()
        assert connection.execute("select number from witness").fetchall() == [(1,)]


@pytest.mark.parametrize("way", _WAYS)
def test_a_text_comes_back_as_it_was(ways: Ways, way: Callable[[Ways, str], object]) -> None:
    for text in _HOSTILE:
        assert way(ways, text) == text
        ways.connection.rollback()


@pytest.mark.parametrize("way", [_given, _streamed, _copied])
def test_ten_megabytes_come_back_as_they_were(
    ways: Ways, way: Callable[[Ways, str], object]
) -> None:
    text = f"{_DROP}é\\{'x' * 10_000_000}{_DROP}"

    assert way(ways, text) == text


@pytest.mark.parametrize("way", _WAYS)
def test_a_text_that_postgresql_cannot_hold_is_refused_by_its_name(
    ways: Ways, way: Callable[[Ways, str], object]
) -> None:
    for text in _IMPOSSIBLE:
        with pytest.raises(BadValue, match="parameter 'text'"):
            way(ways, text)
        ways.connection.rollback()


@pytest.mark.parametrize("text", [*_HOSTILE, *_IMPOSSIBLE])
def test_an_identifier_is_listed_or_refused(ways: Ways, text: str) -> None:
    with pytest.raises(UnlistedChoice):
        ways.queries["ways.sorted"](ways.connection, by=text)


def test_a_flag_is_sent_nowhere(ways: Ways) -> None:
    for text in (*_HOSTILE, *_IMPOSSIBLE):
        assert ways.queries["ways.flagged"](ways.connection, flag=text) is True


def test_a_label_that_an_enum_does_not_have_is_the_servers_error(ways: Ways) -> None:
    for text in _HOSTILE:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation) as refused:
            ways.queries["ways.felt"](ways.connection, mood=text)
        ways.connection.rollback()
        assert refused.value.__notes__ == ["while running ways.felt (sql/ways/felt.sql:2)"]
