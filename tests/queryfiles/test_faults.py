"""A query file that is wrong is refused at its line and column, with what would be right."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from dbkit.errors import DbkitError, QueryError, SourceFault, UnlistedChoice
from dbkit.queryfiles import combination_for
from dbkit.queryfiles.clashes import find_clashes
from dbkit.queryfiles.errors import TooManyCombinations, UnusableQueryFile
from dbkit.queryfiles.parsing import examine_source
from dbkit.sqltext import Source, decode
from dbkit.sqltext.errors import NulCharacter, UndecodableFile
from tests.queryfiles.reading import parse_queries, read_queries

FAULTS = sorted((Path(__file__).parents[1] / "files/queries").glob("*.sql"))


def shown(fault: DbkitError) -> str:
    """Show a fault as a compiler does, on lines of its own."""
    snippet = f"{fault.snippet}\n" if isinstance(fault, SourceFault) else ""
    return f"{fault}\n{snippet}"


@pytest.mark.parametrize("file", FAULTS, ids=lambda path: path.stem)
def test_all_faults_are_told_as_the_file_beside_it_says(file: Path) -> None:
    source = Source(file.name, decode(file.read_bytes(), file.name))

    read = examine_source(source, "runs")

    faults = [*read.faults, *find_clashes(read.queries)]
    assert "".join(map(shown, faults)) == file.with_suffix(".txt").read_text(encoding="utf-8")
    with pytest.raises(DbkitError, match=f"^{re.escape(str(faults[0]))}$"):
        read_queries(file, file.name, "runs")


@pytest.mark.parametrize(
    ("content", "fault", "place"),
    [
        (b"-- :one\r\nselect '\xe4';", UndecodableFile, (2, 9)),
        (b"\xef\xbb\xbf-- :one\nselect '\0';", NulCharacter, (2, 9)),
    ],
)
def test_bytes_that_are_no_text_are_pointed_at(
    tmp_path: Path, content: bytes, fault: type[SourceFault], place: tuple[int, int]
) -> None:
    file = tmp_path / "find.sql"
    file.write_bytes(content)

    with pytest.raises(fault) as raised:
        read_queries(file, "find.sql", "runs")

    assert (raised.value.line, raised.value.column) == place


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("list-recent", "the query 'list-recent' is no name in Python; call it 'list_recent'"),
        ("2024", "the query '2024' is no name in Python; call it '_2024'"),
        ("-", "the query '-' is no name in Python; call it 'name'"),
        ("import", "the query 'import' is named like a keyword of Python's; call it 'import_'"),
        ("None", "the query 'None' is named like a keyword of Python's; call it 'none_'"),
    ],
)
def test_a_file_that_cannot_be_a_function_is_refused(name: str, told: str) -> None:
    with pytest.raises(UnusableQueryFile) as raised:
        parse_queries(Source(f"sql/shop/runs/{name}.sql", "-- :one\nselect 1;"), "runs")

    assert str(raised.value) == f"sql/shop/runs/{name}.sql: {told}"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"^list\.sql: cannot be read: No such file"):
        read_queries(tmp_path / "list.sql", "list.sql", "runs")


def switched(names: Iterable[str], inside: str = "") -> str:
    return "".join(f"\\if :{{?{name}}}\n, 1\n{inside}\\endif\n" for name in names)


TEN, LISTED = "abcdefghij", ", ".join(f"c{number}" for number in range(32))


@pytest.mark.parametrize(
    ("header", "body", "count"),
    [
        ("", switched((*TEN, "k")), "2,048"),
        ("", switched(f"x{number}" for number in range(40)), "1,099,511,627,776"),
        ("", switched(TEN, switched("k")), "2,047"),
        ("", switched("k", switched("a")) * 2 + switched(TEN), "2,048"),
        ("-- sort: x, y\n", switched(TEN) + ', :"sort"', "2,048"),
        (f"-- sort: {LISTED}, c32\n-- next: {LISTED}\n", ', :"sort", :"next"', "1,056"),
        ("", switched("k", switched(f"x{n}" for n in range(13))), "at least 4,096"),
    ],
)
def test_a_query_has_at_most_as_many_combinations_as_can_be_checked(
    header: str, body: str, count: str
) -> None:
    text = f"-- :many\n{header}select 1\n{body};"

    with pytest.raises(TooManyCombinations) as raised:
        parse_queries(Source("more.sql", text), "runs")

    line = 2 + header.count("\n")
    assert str(raised.value) == (
        f"more.sql:{line}:1: the optional parts and identifiers of this query have {count} "
        "combinations, and at most 1,024 are typed and proved; make several queries of it, or let "
        "one name switch several parts"
    )


@pytest.mark.parametrize(
    ("header", "body", "count"),
    [
        ("", switched(TEN), 1024),
        ("", switched(TEN) + switched("ab", switched("cd")), 1024),
        (f"-- sort: {LISTED}\n-- next: {LISTED}\n", ', :"sort", :"next"', 1024),
        # each only where the one before it is on
        ("", "".join(f"\\if :{{?x{n}}}\n, 1\n" for n in range(30)) + "\\endif\n" * 30, 31),
    ],
)
def test_a_query_with_the_most_combinations_is_read(header: str, body: str, count: int) -> None:
    (query,) = parse_queries(Source("most.sql", f"-- :many\n{header}select 1\n{body};"), "runs")

    assert len(query.combinations) == count


@pytest.mark.parametrize("value", ["updated", "id; drop table runs", 'id" desc', "", "ID"])
def test_no_identifier_is_sent_that_the_header_does_not_list(value: str) -> None:
    text = '-- :many\n-- sort: id, updated_at\nselect 1 order by :"sort";'
    (query,) = parse_queries(Source("list.sql", text), "runs")

    with pytest.raises(UnlistedChoice) as raised:
        combination_for(query, frozenset(), {"sort": value})

    assert str(raised.value).startswith(f"runs.list: sort cannot be {value!r}")
    assert str(raised.value).endswith("; allowed: id, updated_at")
