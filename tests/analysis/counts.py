"""Count what is proven of the corpus's columns: `python -m tests.analysis.counts`."""

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.errors import CardinalityViolation

from dbkit.analysis import describe
from dbkit.analysis.description import Description
from dbkit.server import EmbeddedServer, find_binaries
from tests.analysis.corpus import Case, read_corpus
from tests.analysis.library import SCHEMA, fillings, nulls


class Search(NamedTuple):
    """How each query was described, and which columns showed a NULL when it was run."""

    described: dict[Case, Description]
    # the columns that showed a NULL; a query that never ran is not here
    seen: dict[Case, set[int]]


class Counts(NamedTuple):
    """The queries that were described, and their columns."""

    queries: int
    columns: int
    # said to be never null, and shown to be
    unsound: int
    # said to be nullable, though no data can make it null
    loose: int

    def __str__(self) -> str:
        return ", ".join(f"{value} {name}" for name, value in self._asdict().items())


def search(library: psycopg.Connection) -> Search:
    """Run all queries that this PostgreSQL knows on every filling of the library."""
    cases = [case for case in read_corpus() if library.info.server_version >= case.since * 10_000]
    described = {case: describe(library, case.text) for case in cases}
    seen: dict[Case, set[int]] = {}
    for _ in fillings(library):
        for case in cases:
            try:
                shown = nulls(library, case.text, described[case])
            except (psycopg.IntegrityError, psycopg.DataError, CardinalityViolation):
                # this filling has the key already, or a value the query has no answer for
                continue
            seen.setdefault(case, set()).update(shown)
    return Search(described, seen)


def counts_of(results: Search) -> Counts:
    """Count, a column at a time."""
    columns = [
        (column.nullable, mark, position in results.seen.get(case, ()))
        for case, described in results.described.items()
        for position, (column, mark) in enumerate(zip(described.columns, case.columns, strict=True))
    ]
    return Counts(
        queries=len(results.described),
        columns=len(columns),
        unsound=sum(shown and not nullable for nullable, _, shown in columns),
        loose=sum(nullable and mark != "?" for nullable, mark, _ in columns),
    )


def main() -> None:
    """Print the counts on PostgreSQL 18, or on another that is named as in DBKIT_TEST_POSTGRES."""
    binaries = find_binaries(sys.argv[1] if len(sys.argv) > 1 else None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)  # the server's account has to pass through, where we are root
        server = EmbeddedServer(folder / "server", binaries=binaries, settings={"fsync": "off"})
        server.start()
        try:
            server.ensure_database("library")
            with psycopg.connect(server.url("library"), autocommit=True) as library:
                library.execute(SCHEMA.encode())
                version = library.info.server_version // 10_000
                sys.stdout.write(f"PostgreSQL {version}: {counts_of(search(library))}\n")
        finally:
            server.reset(force=True)


if __name__ == "__main__":
    main()
