"""Measure how many of the ten nearest embeddings each index finds, beside an exact search.

    python bench/recall.py [--size 20000] [--clusters 100] [--queries 40]

The embeddings are random vectors around so many centres, the same in every run. They are loaded
after the index was made, as the migrations do it. Of 200 documents, the small project has one, the
middle one ten, and the large one the rest.
"""

import argparse
import time
from array import array
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
from scratch import scratch

from dbkit.migrations import Runner, read_files
from dbkit.settings import load_settings
from dbkit.systems.myloware import kb_documents, kb_embeddings

_SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "maintenance_work_mem": "512MB"}
_DIMENSIONS = 1536
_NEAREST = 10
# of every 200 documents
_PROJECTS = ("small", *["middle"] * 10, *["large"] * 189)
_BEFORE_HNSW = 14
_PLAIN = "select doc_id from kb_embeddings order by embedding <=> %s::vector limit 10"
_OF_PROJECT = """
select embedding.doc_id
from kb_embeddings as embedding
inner join kb_documents as document on document.id = embedding.doc_id
where document.project = %s
order by embedding.embedding <=> %s::vector
limit 10
"""

Ask = Callable[[list[float]], list[UUID]]


class Vectors:
    """Vectors around centres, as embeddings of texts on so many subjects are."""

    def __init__(self, clusters: int) -> None:
        self._random = Random(1)  # noqa: S311 - the same figures in every run
        self._centres = [self._signed() for _ in range(clusters)]

    def draw(self) -> list[float]:
        """Make a vector near to one of the centres."""
        centre = self._random.choice(self._centres)
        return [near + 1.5 * far for near, far in zip(centre, self._signed(), strict=True)]

    def _signed(self) -> Sequence[int]:
        return array("b", self._random.randbytes(_DIMENSIONS))


class Bench:
    """One database of myloware and the searches that are compared in it."""

    def __init__(self, connection: psycopg.Connection, vectors: Vectors, queries: int) -> None:
        self.connection = connection
        self._vectors = vectors
        self._queries = [vectors.draw() for _ in range(queries)]

    def migrate(self, to: int | None = None) -> None:
        """Migrate up, and say how long it took."""
        settings = load_settings(Path(__file__).parent)
        files = read_files(settings.systems["myloware"], settings.root)
        with timed(f"migrated to {files.latest if to is None else to}"):
            Runner(files, self.connection).migrate(to=to)

    def load(self, size: int) -> None:
        """Load documents of the three projects, each with one embedding."""
        ids = [UUID(int=number) for number in range(1, size + 1)]
        documents = (
            kb_documents.LoadValues(
                id_, _PROJECTS[id_.int % len(_PROJECTS)], None, f"docs/{id_.int}.md", "text"
            )
            for id_ in ids
        )
        embeddings = (kb_embeddings.LoadValues(id_, self._vectors.draw()) for id_ in ids)
        with timed(f"loaded {size} documents and embeddings by copy"):
            kb_documents.load(self.connection, documents)
            kb_embeddings.load(self.connection, embeddings)
        self.connection.execute("analyze")

    def plain(self, vector: list[float]) -> list[UUID]:
        """Search by the statement that anybody would write."""
        found = self.connection.execute(_PLAIN, [str(vector)], prepare=False)
        return [id_ for (id_,) in found]

    def of_project(self, project: str, vector: list[float]) -> list[UUID]:
        """Search a project's documents by the statement that anybody would write."""
        found = self.connection.execute(_OF_PROJECT, [project, str(vector)], prepare=False)
        return [id_ for (id_,) in found]

    def catalogued(self, project: str, vector: list[float]) -> list[UUID]:
        """Search a project's documents with the query that psql runs too."""
        found = kb_embeddings.search(
            self.connection, embedding=vector, project=project, max_results=_NEAREST
        )
        return [match.doc_id for match in found]

    def exactly(self, ask: Ask) -> list[list[UUID]]:
        """Find what is nearest by comparing everything."""
        with self.given(enable_indexscan="off"):
            return self.tell("exact", ask)

    def tell(self, label: str, ask: Ask, truth: list[list[UUID]] | None = None) -> list[list[UUID]]:
        """Run the queries, and print how much of the truth they found and how fast."""
        start = time.perf_counter()
        found = [ask(query) for query in self._queries]
        took = (time.perf_counter() - start) / len(found)
        truth = truth or found
        hits = sum(len({*ours} & {*all_}) for ours, all_ in zip(found, truth, strict=True))
        recall = hits / sum(map(len, truth))
        rows = sum(map(len, found)) / len(found)
        print(f"  {label:50} recall {recall:5.3f}  rows {rows:4.1f}  {took * 1000:7.1f} ms")
        return found

    @contextmanager
    def given(self, **settings: object) -> Generator[None]:
        """Change settings of the session for a while."""
        change = "select set_config(replace(%s, '__', '.'), %s, false)"
        for name, value in settings.items():
            self.connection.execute(change, [name, str(value)])
        yield
        self.connection.execute("reset all")


@contextmanager
def timed(what: str) -> Generator[None]:
    """Print how long something took."""
    start = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - start:.1f} s", flush=True)


def compare_lists(bench: Bench, truth: list[list[UUID]]) -> None:
    """Measure ivfflat as the migration made it, and again when it is rebuilt over the data."""
    for when in ("built before its data", "built anew over its data"):
        for probes in (1, 5, 10, 20, 50):
            with bench.given(ivfflat__probes=probes):
                bench.tell(f"ivfflat {when}, probes {probes}", bench.plain, truth)
        if when == "built before its data":
            with timed("reindexed"):
                bench.connection.execute("reindex index idx_kb_embeddings_cosine")


def compare_graphs(bench: Bench, truth: list[list[UUID]], when: str) -> None:
    """Measure hnsw."""
    for candidates in (40, 100, 200):
        with bench.given(hnsw__ef_search=candidates):
            bench.tell(f"hnsw built {when} its data, ef_search {candidates}", bench.plain, truth)


def compare_filters(bench: Bench) -> None:
    """Measure how much is lost if few of the documents that the index finds are the project's."""
    for project in ("small", "middle", "large"):
        print(f"{project} project:")
        plain = partial(bench.of_project, project)
        truth = bench.exactly(plain)
        # as if the table was not analysed, or the planner guessed the number of rows wrong
        with bench.given(enable_sort="off"):
            bench.tell("through the index", plain, truth)
            for scan in ("strict_order", "relaxed_order"):
                with bench.given(enable_sort="off", hnsw__iterative_scan=scan):
                    bench.tell(f"through the index, iterative_scan {scan}", plain, truth)
        bench.tell("kb_embeddings.search", partial(bench.catalogued, project), truth)


def main() -> None:
    """Measure before the migration to hnsw and after it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--queries", type=int, default=40)
    options = parser.parse_args()
    with scratch(_SETTINGS) as (server, _):
        server.ensure_database("myloware")
        with psycopg.connect(server.url("myloware"), autocommit=True) as connection:
            bench = Bench(connection, Vectors(options.clusters), options.queries)
            bench.migrate(to=_BEFORE_HNSW)
            bench.load(options.size)
            truth = bench.exactly(bench.plain)
            compare_lists(bench, truth)
            bench.migrate()
            compare_graphs(bench, truth, "after")
            connection.execute("truncate kb_documents, kb_embeddings")
            bench.load(options.size)
            truth = bench.exactly(bench.plain)
            compare_graphs(bench, truth, "before")
            compare_filters(bench)


if __name__ == "__main__":
    main()
