"""A query file that is wrong is refused at its line and column, with what would be right."""

import re
from pathlib import Path

import pytest

from dbkit.errors import DbkitError, QueryError, SourceFault, UnlistedChoice
from dbkit.queryfiles import combination_for
from dbkit.queryfiles.clashes import find_clashes
from dbkit.queryfiles.errors import TooManySwitches, UnusableQueryFile
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


def test_a_query_has_at_most_sixteen_switches() -> None:
    def text(count: int) -> str:
        parts = "".join(f"\\if :{{?x{n}}}\n, :'x{n}'\n\\endif\n" for n in range(count))
        return f"-- :one\nselect 1\n{parts};"

    parse_queries(Source("most.sql", text(16)), "runs")
    with pytest.raises(TooManySwitches) as raised:
        parse_queries(Source("more.sql", text(17)), "runs")

    assert str(raised.value) == (
        "more.sql:2:1: a query switches parts by at most 16 names, and this one by 17; "
        "make two queries of it"
    )


@pytest.mark.parametrize("value", ["updated", "id; drop table runs", 'id" desc', "", "ID"])
def test_no_identifier_is_sent_that_the_header_does_not_list(value: str) -> None:
    text = '-- :many\n-- sort: id, updated_at\nselect 1 order by :"sort";'
    (query,) = parse_queries(Source("list.sql", text), "runs")

    with pytest.raises(UnlistedChoice) as raised:
        combination_for(query, frozenset(), {"sort": value})

    assert str(raised.value).startswith(f"runs.list: sort cannot be {value!r}")
    assert str(raised.value).endswith("; allowed: id, updated_at")
