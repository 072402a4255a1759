"""The same scripts through psql and through split: what psql sends, statement by statement."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbkit.errors import SourceFault
from dbkit.server import EmbeddedServer, find_binaries
from dbkit.sqltext import (
    ScriptCommand,
    ScriptStatement,
    Source,
    Token,
    TokenKind,
    decode,
    split,
    tokens,
)
from dbkit.sqltext.errors import InterruptedStatement

T = TypeVar("T")
SCRIPTS = Path(__file__).parents[1] / "files" / "sqltext"
THOROUGH = os.environ.get("DBKIT_THOROUGH") == "1"
VARIABLES = {"number": "42", "word": "it's"}
BETWEEN = ("rollback", "discard all", "truncate nasty", "select 'the next script'")
QUERY = re.compile(r"^/?\*+ QUERY \*+/?\n(.*?)\n/?\*{24,26}/?\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Psql:
    """A psql of some version, and a database for its scripts."""

    program: Path
    url: str

    def sent(self, scripts: list[bytes], folder: Path) -> list[list[str]]:
        """Run scripts in one session and give what each of them made psql send."""
        log = folder / "log"
        log.unlink(missing_ok=True)
        arguments: list[str] = []
        for number, script in enumerate(scripts):
            file = folder / f"{number}.sql"
            file.write_bytes(script)
            for query in BETWEEN:
                arguments += ("-c", query)
            arguments += ("-f", str(file))
        for name, value in VARIABLES.items():
            arguments += ("-v", f"{name}={value}")
        subprocess.run(
            [self.program, "-Xq", "-d", self.url, "-o", os.devnull, "-L", log, *arguments],
            capture_output=True,
            check=False,  # what the server makes of it does not matter
            timeout=60,
            env={**os.environ, "PGOPTIONS": "-c statement_timeout=5s", "PGCLIENTENCODING": "utf8"},
        )
        queries: list[str] = QUERY.findall(log.read_bytes().decode())
        starts = [number for number, query in enumerate(queries) if query == BETWEEN[-1]]
        ends = [start + 1 - len(BETWEEN) for start in starts[1:]]
        return [
            queries[start + 1 : end]
            for start, end in zip(starts, [*ends, len(queries)], strict=True)
        ]


@pytest.fixture(scope="session")
def scripts_database(server: EmbeddedServer) -> str:
    server.ensure_database("scripts")
    url = server.url("scripts")
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists nasty (line text)")
    return url


@pytest.fixture(scope="session", params=["18", "16"])
def psql(request: pytest.FixtureRequest, scripts_database: str) -> Psql:
    return Psql(find_binaries(request.param).psql, scripts_database)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scripts")


def until_refused(items: Iterator[T]) -> tuple[list[T], SourceFault | None]:
    found: list[T] = []
    try:
        found.extend(items)
    except SourceFault as fault:
        return found, fault
    return found, None


def as_sent(statement: ScriptStatement, script: list[Token]) -> str:
    """Tell what psql makes of a statement: blank lines, commands and variables are gone."""
    text = statement.source.text
    end = statement.end
    while end < len(text) and text[end] in " \t\n\r\f":
        end += 1
    if text[end : end + 1] == ";":
        end += 1
    sent = ""
    for token in script:
        piece = text[token.start : token.end]
        if not statement.start <= token.start < end:
            continue
        if token.kind is TokenKind.SPACE:
            sent += re.sub(r"\n+", "\n", piece)
        elif token.kind is TokenKind.ESCAPE:
            sent += piece[1:]
        elif token.kind is TokenKind.COMMAND:
            sent = sent.removesuffix("\n")
        elif token.kind is TokenKind.VARIABLE:
            sent += substituted(piece)
        else:
            sent += piece
    # the end of the last line is no line of its own
    return sent.removesuffix("\n") if end == len(text) else sent


def substituted(variable: str) -> str:
    name = variable.strip(":'\"{?}")
    if variable.startswith(":{"):
        return "TRUE" if name in VARIABLES else "FALSE"
    if name not in VARIABLES:
        return variable
    quote = variable[1] if variable[1] in "'\"" else ""
    return quote + VARIABLES[name].replace("'", "''" if quote == "'" else "'") + quote


def assert_same(script: bytes, sent: list[str]) -> None:
    source = Source("script.sql", decode(script, "script.sql"))
    items, fault = until_refused(split(source))
    pieces, _ = until_refused(tokens(source.text))
    statements = [as_sent(item, pieces) for item in items if not isinstance(item, ScriptCommand)]
    if fault is None:
        assert statements == sent
    elif isinstance(fault, InterruptedStatement):
        # psql joins what stands before the data with what stands below; split refuses
        assert statements == sent[: len(statements)]
    else:
        # what is never closed psql sends all the same, at the end of the file
        assert statements == sent[:-1]


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sql")), ids=lambda path: path.stem)
def test_a_nasty_script_is_split_as_psql_splits_it(psql: Psql, folder: Path, script: Path) -> None:
    content = script.read_bytes()

    (sent,) = psql.sent([content], folder)

    assert_same(content, sent)


def test_copy_data_are_the_rows_that_psql_loads(scripts_database: str, folder: Path) -> None:
    # psql before 18 sends the closing \. too, which a server from 18 on takes for a row of csv
    psql = Psql(find_binaries("18").psql, scripts_database)
    content = (SCRIPTS / "copy.sql").read_bytes()
    rows = "select line from nasty order by ctid"

    psql.sent([content], folder)

    with psycopg.connect(psql.url, autocommit=True) as connection:
        loaded = connection.execute(rows).fetchall()
        connection.execute("truncate nasty")
        for item in split(Source("copy.sql", decode(content, "copy.sql"))):
            if isinstance(item, ScriptStatement) and item.copy_data is not None:
                # one block is not what copy takes, to show that psql passes over all of it
                with suppress(psycopg.Error), connection.cursor().copy(item.text.encode()) as copy:
                    copy.write(item.copy_data)
        assert connection.execute(rows).fetchall() == loaded
    assert ("to the end; of the file",) in loaded


# each of these is something that a simpler reader gets wrong; put side by side in any order,
# they open, close and swallow one another
PIECES = [
    *("select 1", ";", ";;", "(", ")", "()", "[1:2]", ",", "end;", "begin", "end", "case", "x"),
    *("'a'", "'", "''", "'it''s'", "'a;b'", "'\\'", "E'\\''", "e'\\\\'", "E'a''\\';'", "N'\\'"),
    *("U&'\\0041'", "u&'a;'", "U&", "b'01'", "X'1f'", "b'0''1'", "E'a'\n'b\\''", "E'a'\r'b\\';'"),
    *("'a' -- c\r 'b;'", 'U&"a;"', '"', '"a"', '"a""b;"', '"\\"', "é", "1é$$", "\u00a0"),
    *("$$", "$a$", "$a", "$1", "$1a$$", "a$$", "$$;$$", "$a$;$b$;$a$", "$é$;$é$", "$_1$ $$ $_1$"),
    *("--", "-- c", "-- c;\r", "--'\n", "/*", "*/", "/* ; */", "/* /* ; */ */", "/**/", "/*/ */"),
    *("+--", "<=-1", "@-", "-/* ; */", "*/*", "||", "=>", ":=", "::", "::text", ":::number"),
    *(":number", ":'word'", ':"word"', ":{?word}", ":{?none}", ":none", ":'none'", ":2", ":é"),
    *(":'a b'", ":begin", ":e'", ":{", "1.5e--", "1e+", "1..2", ".5e-", "0x1Fe-", "1_000", "1$$"),
    *("create function f() returns int begin atomic select 1;", "create or replace procedure p()"),
    *("create", "or replace", "function", "procedure", "CREATE", "Function", "BEGIN ATOMIC"),
    *("\\;", "\\:", "select 7 \\g\n", "select 8 \\gx\n;", "\\echo 'a\\';' \"b\\\" `echo c;`\n"),
    *("\\echo a \\echo b\n", "\\echo a \\\\", "\\set y 'x;'\n", "\\echo ';\n", "\\r\n", "\\\\;\n"),
    *(
        "select 9 \\g |cat \\echo\n",
        "\\! true ; \\echo\n",
        "\\echo 'it''s' ; \\\\ ;",
        "\\#; \\echo\n",
    ),
    ";\nrollback;\ncopy nasty from stdin;\n1;\n'\n\\.\n",
    ';\nrollback;\nCOPY public."nasty" (line) FROM STDOUT with (format text);\r\na\r\n\\.\r\n',
    ";\nrollback;\n/* c */ copy nasty from /* d */ stdin; select 2; -- c\n\\.x\n \\.\n\\.\n",
    ";\nrollback;\ncopy nasty from stdin; copy nasty from stdin;;\n1\n\\.\n2;\n\\.\n",
    ";\nrollback;\ncopy nasty from stdin \\g\n1;\n\\.\n",
    ";\nrollback;\ncopy (select 1 from nasty) to stdout;\n",
    ";\nrollback;\nset standard_conforming_strings = off; select '\\';\n",
    ";\nrollback;\nset session standard_conforming_strings to 'no';\n",
    ";\nrollback;\nSET standard_conforming_strings TO on;\n",
    ";\nrollback;\nreset standard_conforming_strings;\n",
    ";\nrollback;\nset standard_conforming_strings to default;\n",
]
JOINTS = ["", "", "", " ", " ", "\n", "\n\n", "\r\n", "\r", "\t", ";", ";\n"]
SCRIPT = st.lists(
    st.tuples(st.sampled_from(PIECES) | st.text("'\"$-/*();:e1\n\r ", max_size=4),
              st.sampled_from(JOINTS)),
    min_size=2,
    max_size=16,
).map(lambda pairs: "".join(piece + joint for piece, joint in pairs).encode())  # fmt: skip


@settings(
    max_examples=300 if THOROUGH else 40,
    deadline=None,
    derandomize=not THOROUGH,
)
@given(scripts=st.lists(SCRIPT, min_size=10, max_size=10))
def test_generated_scripts_are_split_as_psql_splits_them(
    psql: Psql, folder: Path, scripts: list[bytes]
) -> None:
    sent = psql.sent(scripts, folder)

    assert len(sent) == len(scripts)
    for script, queries in zip(scripts, sent, strict=True):
        assert_same(script, queries)
