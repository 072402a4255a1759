"""What sqlc's five examples for PostgreSQL do is written, typed, checked and called."""

import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

import dbkit
from dbkit.application import Application

EXAMPLES = Path(__file__).parent / "sqlc"
SOON = datetime(2030, 1, 1, tzinfo=UTC)


class Queries:
    """The generated modules of one example, by their subjects."""

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, subject: str) -> ModuleType:
        return import_module(f"{self._package}.{subject}")


def _authors(connection: psycopg.Connection, queries: Queries) -> None:
    authors = queries.authors
    ada = authors.add(connection, name="Ada", bio=None)
    bob = authors.add(connection, name="Bob", bio="a builder")

    assert authors.find(connection, id=ada.id) == authors.FindRow(ada.id, "Ada", None)
    assert [author.name for author in authors.list_all(connection)] == ["Ada", "Bob"]
    assert authors.remove(connection, id=bob.id) == 1
    assert authors.find(connection, id=bob.id) is None


def _batch(connection: psycopg.Connection, queries: Queries) -> None:
    authors, books = queries.authors, queries.books
    author = authors.add(connection, name="Ada", biography={"born": 1815})

    first, second = books.add(
        connection,
        [
            books.AddValues(
                author_id=author,
                isbn=isbn,
                genre="fiction",
                title="Notes",
                year=1843,
                available=SOON,
                tags=[],
            )
            for isbn in ("1", "2")
        ],
    )
    found = books.list_by_year(connection, [books.ListByYearValues(year) for year in (1843, 1)])
    changed = books.change(
        connection, [books.ChangeValues(title="Engines", tags=["new"], id=first)]
    )

    # the rows of all sets come as one list, with the year that they were asked by
    assert [(book.id, book.year) for book in found] == [(first, 1843), (second, 1843)]
    assert changed == 1
    [biography] = authors.find_biography(connection, [authors.FindBiographyValues(author)])
    assert biography.biography == {"born": 1815}
    # a number that is not there removes nothing, and the others are removed
    assert books.remove(connection, [books.RemoveValues(first), books.RemoveValues(99)]) == 1
    assert books.remove_one(connection, id=second) == 1


def _booktest(connection: psycopg.Connection, queries: Queries) -> None:
    authors, books = queries.authors, queries.books
    author = authors.add(connection, name="Ada")
    book = books.add(
        connection,
        author_id=author.id,
        isbn="1",
        genre="nonfiction",
        title="Notes",
        year=1843,
        available=SOON,
        tags=["engines", "cooking"],
    )

    [tagged] = books.list_by_tags(connection, tags=["cooking", "none"])
    assert (tagged.author, tagged.tags) == ("Ada", ["engines", "cooking"])
    assert book.available == SOON
    assert authors.greet(connection, name="Ada") == "hello Ada"
    assert books.change(connection, id=book.id, title="More", genre="fiction", tags=[]) == 1
    [titled] = books.list_by_title(connection, title="More", year=1843)
    assert titled.genre == "fiction"
    assert books.change_isbn(connection, id=book.id, title="More", isbn="2") == 1
    assert books.remove(connection, id=book.id) == 1
    assert authors.find(connection, id=author.id) == authors.FindRow(author.id, "Ada")


def _jets(connection: psycopg.Connection, queries: Queries) -> None:
    pilots = queries.pilots

    loaded = pilots.add(connection, [pilots.AddValues(number, f"P{number}") for number in range(7)])

    assert loaded == pilots.count_all(connection) == 7
    assert [pilot.id for pilot in pilots.list_first(connection)] == [0, 1, 2, 3, 4]
    assert pilots.remove(connection, id=3) == 1


def _ondeck(connection: psycopg.Connection, queries: Queries) -> None:
    city, venue = queries.city, queries.venue
    city.add(connection, name="San Francisco", slug="sf")
    id_ = venue.add(
        connection,
        slug="fillmore",
        name="The Fillmore",
        city="sf",
        playlist="spotify:1",
        status="open",
        statuses=["open", "closed"],
        tags=["rock", "punk"],
    )

    found = venue.find(connection, slug="fillmore", city="sf")
    assert (found.statuses, found.songkick_id) == (["open", "closed"], None)
    assert venue.list_in(connection, city="sf")[0].tags == ["rock", "punk"]
    assert venue.count_by_city(connection) == [venue.CountByCityRow("sf", 1)]
    assert venue.rename(connection, slug="fillmore", name="Fillmore") == id_
    assert city.rename(connection, slug="sf", name="SF") == 1
    assert city.find(connection, slug="sf") == city.list_all(connection)[0]
    assert venue.remove(connection, slug="fillmore") == 1


CALLS = {
    "authors": _authors,
    "batch": _batch,
    "booktest": _booktest,
    "jets": _jets,
    "ondeck": _ondeck,
}


@pytest.fixture
def example(
    request: pytest.FixtureRequest, tmp_path: Path, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Application]:
    """One of the examples, in an empty database, with what is generated in a folder of the test."""
    folder = tmp_path / request.param
    shutil.copytree(EXAMPLES / request.param, folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    yield dbkit.project(folder)[request.param].at(empty_url)
    package = f"{request.param}_queries"
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


@pytest.mark.parametrize("example", CALLS, indirect=True)
def test_an_example_is_migrated_generated_checked_and_called(example: Application) -> None:
    call: Callable[[psycopg.Connection, Queries], None] = CALLS[example.name]

    example.migrate()
    example.generate()
    report = example.check()
    with example.open() as database, database.connection() as connection:
        call(connection, Queries(f"{example.name}_queries"))
    undone = example.rollback(0)

    assert report.findings == []
    assert undone.after == 0


def test_each_example_is_called() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir()} == set(CALLS)
