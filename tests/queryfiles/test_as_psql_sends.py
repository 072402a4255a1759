"""The same query files through psql and through the compiler: the text sent is the same."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dbkit.queryfiles import Combination, Query
from dbkit.queryfiles.errors import NoStatement
from dbkit.server import EmbeddedServer, find_binaries
from dbkit.sqltext import Source
from tests.queryfiles.reading import parse_queries, read_queries

SOUND = sorted((Path(__file__).parents[1] / "files/queries/sound").glob("*.sql"))
THOROUGH = os.environ.get("DBKIT_THOROUGH") == "1"
NEXT = "select 'the next combination'"
QUERY = re.compile(r"^/?\*+ QUERY \*+/?\n(.*?)\n/?\*{24,26}/?\n", re.DOTALL | re.MULTILINE)
VALUE = re.compile(r"'value_of_(\w+)'|value_of_(\w+)")


@dataclass(frozen=True)
class Psql:
    """A psql of some version, and a database that need not understand what it is sent."""

    program: Path
    url: str

    def sent(self, file: Path, given: Sequence[Mapping[str, str]]) -> list[list[str]]:
        """Give what psql sends for a file with these variables set, each time anew."""
        log = file.with_suffix(".log")
        log.unlink(missing_ok=True)
        everything = {name for values in given for name in values}
        arguments: list[str | Path] = []
        for number, values in enumerate(given):
            before = file.with_suffix(f".{number}")
            before.write_text(
                "".join(f"\\unset {name}\n" for name in everything)
                + "".join(f"\\set {name} {quoted(value)}\n" for name, value in values.items())
            )
            arguments += ("-f", before, "-c", NEXT, "-f", file)
        subprocess.run(
            [self.program, "-Xq", "-d", self.url, "-o", os.devnull, "-L", log, *arguments],
            capture_output=True,
            check=False,  # what the server makes of it does not matter
            timeout=60,
            env={**os.environ, "PGCLIENTENCODING": "utf8"},
        )
        found: list[list[str]] = []
        for query in QUERY.findall(log.read_bytes().decode()):
            if query == NEXT:
                found.append([])
            else:
                found[-1].append(query)
        return found


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


@pytest.fixture(scope="session", params=["18", "16"])
def psql(request: pytest.FixtureRequest, server: EmbeddedServer) -> Psql:
    server.ensure_database("combinations")
    return Psql(find_binaries(request.param).psql, server.url("combinations"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("queries")


def values_for(query: Query, combination: Combination) -> dict[str, str]:
    """Give every variable the value by which the log shows it again."""
    given = {
        parameter.name: f"value_of_{parameter.name}"
        for parameter in query.parameters
        if parameter.name in {*combination.parameters, *combination.given}
    }
    return {**given, **dict(combination.chosen)}


def numbered(sent: str, combination: Combination) -> str:
    """Tell what psql sent, with $n for the values."""

    def number(found: re.Match[str]) -> str:
        return f"${combination.parameters.index(found[1] or found[2]) + 1}"

    return VALUE.sub(number, sent).rstrip().removesuffix(";").rstrip()


def assert_same(psql: Psql, folder: Path, content: bytes, query: Query) -> None:
    file = folder / "query.sql"
    file.write_bytes(content)

    sent = psql.sent(file, [values_for(query, combination) for combination in query.combinations])

    assert [
        [numbered(text, combination) for text in texts]
        for texts, combination in zip(sent, query.combinations, strict=True)
    ] == [[combination.text] for combination in query.combinations]


@pytest.mark.parametrize("file", SOUND, ids=lambda path: path.stem)
def test_every_combination_is_what_psql_sends(psql: Psql, folder: Path, file: Path) -> None:
    (query,) = read_queries(file, file.name, "subject")

    assert_same(psql, folder, file.read_bytes(), query)


@pytest.mark.parametrize(
    "value",
    [
        "20",
        "",
        "'it''s'",
        r"'it\'s'",
        r"'a\nb\tc\\d\101\x42\q'",
        "a'b c'd",
        '"a  b"',
        "a   b",
        "1:",
        "1: 2",
        "a;b",
        "--",
        "'é'",
        "e''",
    ],
)
def test_a_default_is_unquoted_as_psql_does(psql: Psql, folder: Path, value: str) -> None:
    text = f"-- :one\n\\if :{{?x}} \\else \\set x {value} \\endif\nselect :'x';\n"
    (query,) = parse_queries(Source("query.sql", text), "subject")
    file = folder / "default.sql"
    file.write_text(text, encoding="utf-8")

    ((sent,),) = psql.sent(file, [{}])

    default = query.parameters[0].default
    assert default is not None
    prefix = " E" if "\\" in default else ""
    literal = "'" + default.replace("\\", "\\\\").replace("'", "''") + "'"
    assert sent == f"select {prefix}{literal};"


NAMES = ["a", "b", "c", "d"]
ATOMS = [
    *("1", "'it''s :a'", "$$ :'a'\n\n\\endif $$", "/* :'a'\n\n */", "-- :a \\if\n", "::mood"),
    *("[1:2]", "(1)", "x.y", "||", "\\:", "E'\\' :a'", '":a"', "\r", "\t", "%", "é"),
    *(":'p'", ":q", ":'p' ", "(:'q')", 'p.:"choice"', " :p ::mood"),
]
GAPS = [" ", "\n", "\n\n", "\n    ", "  \n\n\n  ", "\r\n", "\n\t\n", " -- gap\n"]


@st.composite
def branches(draw: st.DrawFn, given: tuple[str, ...] = (), omitted: tuple[str, ...] = ()) -> str:
    """Make text with parts in it, none of which is switched by a name around it."""
    pieces: list[str] = []
    free = [name for name in NAMES if name not in {*given, *omitted}][:3]
    for kind in draw(st.lists(st.sampled_from("aaas" if free else "aaa"), max_size=4)):
        pieces.append(draw(st.sampled_from(GAPS)))
        if kind == "a":
            pieces.append(draw(st.sampled_from([*ATOMS, *(f":'{name}'" for name in given)])))
            continue
        name = draw(st.sampled_from(free))
        end = draw(st.sampled_from(["\n", "\n\n", " \\\\ ", "  \n", "\r\n"]))
        then = draw(branches((*given, name), omitted)) + draw(st.sampled_from(GAPS))
        pieces.append(f"\\if :{{?{name}}}{end}{then}")
        if draw(st.booleans()):
            otherwise = draw(branches(given, (*omitted, name))) + draw(st.sampled_from(GAPS))
            pieces.append(f"\\else{end}{otherwise}")
        pieces.append("\\endif" + draw(st.sampled_from(["\n", "\n\n", " \\\\ "])))
    return "".join(pieces)


@settings(max_examples=300 if THOROUGH else 30, deadline=None, derandomize=not THOROUGH)
@given(beginning=st.sampled_from(["select", "/* c */ select", ""]), body=branches())
def test_every_combination_of_a_generated_file_is_what_psql_sends(
    psql: Psql, folder: Path, beginning: str, body: str
) -> None:
    text = f"-- :many\n-- choice: one, two\n{beginning}{body}\n;\n"
    try:
        (query,) = parse_queries(Source("query.sql", text), "subject")
    except NoStatement:
        assume(condition=False)
        return

    assert_same(psql, folder, text.encode(), query)


@given(body=branches())
def test_every_piece_of_a_combination_comes_from_its_place_in_the_file(body: str) -> None:
    text = f"-- :many\n-- choice: one, two\nselect{body}\n;\n"
    (query,) = parse_queries(Source("query.sql", text), "subject")

    for combination in query.combinations:
        ends = [start for start, _ in combination.pieces[1:]] + [len(combination.text)]
        for (start, place), end in zip(combination.pieces, ends, strict=True):
            piece = combination.text[start:end]
            assert piece
            assert re.match(r"\s|\$\d+$|\"(?:one|two)\"$|:$", piece) or text.startswith(
                piece, place
            )
