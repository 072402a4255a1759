"""Documents and their embeddings are loaded in bulk, and the nearest are found."""

from random import Random
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.systems.myloware import artifacts, kb_documents, kb_embeddings
from dbkit.systems.myloware.kb_documents import LoadValues as DocumentValues
from dbkit.systems.myloware.kb_embeddings import LoadValues

SIZE = 1000
CLUSTERS = 10
NEAREST = "select doc_id from kb_embeddings order by embedding <=> %s::vector limit 10"


def towards(angle: float) -> list[float]:
    """A vector that is so far from the first axis: its cosine is 1 / sqrt(1 + angle²)."""
    return [1.0, angle, *[0.0] * 1534]


def add_document(
    connection: Connection,
    path: str,
    *embeddings: list[float] | None,
    project: str | None = None,
    persona: str | None = None,
) -> UUID:
    id_ = uuid4()
    kb_documents.load(connection, [DocumentValues(id_, project, persona, path, f"about {path}")])
    kb_embeddings.load(connection, [LoadValues(id_, embedding) for embedding in embeddings])
    return id_


@pytest.fixture
def documents(database: Connection) -> None:
    """Documents of two projects and two personas and of everybody, ever farther away."""
    for place, (project, persona) in enumerate(
        (
            ("aismr", "iggy"),
            ("aismr", "riley"),
            ("aismr", None),
            (None, "iggy"),
            (None, None),
            ("test_video_gen", "iggy"),
        )
    ):
        path = f"{project or 'all'}/{persona or 'all'}"
        add_document(database, path, towards(place / 10), project=project, persona=persona)


def paths(found: list[kb_embeddings.SearchRow]) -> list[str]:
    return [one.path for one in found]


@pytest.mark.usefixtures("documents")
def test_the_nearest_comes_first(database: Connection) -> None:
    found = kb_embeddings.search(database, embedding=towards(0), max_results=3)

    assert paths(found) == ["aismr/iggy", "aismr/riley", "aismr/all"]
    assert found[0].content == "about aismr/iggy"
    assert [one.distance for one in found] == pytest.approx([0, 0.004963, 0.019419], abs=1e-6)
    assert [one.similarity for one in found] == pytest.approx([1, 0.995037, 0.980581], abs=1e-6)


@pytest.mark.usefixtures("documents")
def test_a_project_and_a_persona_find_their_own_and_everybodys(database: Connection) -> None:
    of_project = kb_embeddings.search(database, embedding=towards(0), project="test_video_gen")
    of_persona = kb_embeddings.search(database, embedding=towards(0), persona="riley")
    of_both = kb_embeddings.search(database, embedding=towards(0), project="aismr", persona="iggy")

    assert paths(of_project) == ["all/iggy", "all/all", "test_video_gen/iggy"]
    assert paths(of_persona) == ["aismr/riley", "aismr/all", "all/all"]
    assert paths(of_both) == ["aismr/iggy", "aismr/all", "all/iggy", "all/all"]


@pytest.mark.usefixtures("documents")
def test_what_may_be_found_can_be_listed(database: Connection) -> None:
    listed = kb_documents.list_for_persona(database, project="aismr", persona="iggy")

    assert [one.path for one in listed] == ["aismr/all", "aismr/iggy", "all/all", "all/iggy"]


def test_a_document_with_several_near_parts_comes_several_times(database: Connection) -> None:
    id_ = add_document(database, "long", towards(0), towards(0.2))
    other = add_document(database, "short", towards(0.1))

    found = kb_embeddings.search(database, embedding=towards(0))

    assert [one.doc_id for one in found] == [id_, other, id_]


@pytest.mark.parametrize("is_indexed", [True, False])
def test_what_has_no_embedding_or_no_direction_is_near_to_nothing(
    database: Connection, is_indexed: bool
) -> None:
    add_document(database, "none", None)
    add_document(database, "zero", [0.0] * 1536)
    add_document(database, "here", towards(1))
    database.execute(f"set local enable_{'sort' if is_indexed else 'indexscan'} = off".encode())

    found = kb_embeddings.search(database, embedding=towards(0))

    assert paths(found) == ["here"]
    assert kb_embeddings.search(database, embedding=[0.0] * 1536) == []


def test_an_embedding_has_1536_dimensions(database: Connection) -> None:
    with pytest.raises(errors.DataException, match="expected 1536 dimensions, not 2"):
        add_document(database, "short", [1.0, 2.0])


def test_an_embedding_is_of_a_document_and_where_one_is_not_none_is_loaded(
    database: Connection,
) -> None:
    known = add_document(database, "known")
    database.commit()

    with pytest.raises(errors.ForeignKeyViolation):
        kb_embeddings.load(
            database, [LoadValues(known, towards(0)), LoadValues(uuid4(), towards(0))]
        )

    database.rollback()
    assert kb_embeddings.search(database, embedding=towards(0)) == []


@pytest.mark.usefixtures("documents")
def test_a_file_is_loaded_anew_in_the_place_of_what_it_was(database: Connection) -> None:
    old = add_document(database, "docs/a.md", towards(0), project="aismr")
    elsewhere = add_document(database, "docs/a.md", towards(0), project="test_video_gen")

    removed = kb_documents.remove_path(database, path="docs/a.md", project="aismr")
    new = add_document(database, "docs/a.md", towards(0.05), project="aismr")

    found = kb_embeddings.search(database, embedding=towards(0), project="aismr", max_results=2)
    assert removed == 1
    assert kb_documents.find(database, id=old) is None
    assert kb_documents.find(database, id=elsewhere) is not None
    assert [one.doc_id for one in found][1] == new
    assert kb_documents.remove_path(database, path="docs/a.md") == 2


@pytest.mark.usefixtures("documents")
def test_what_a_search_finds_is_the_trace_of_the_artifact_that_cites_it(
    database: Connection, run: str
) -> None:
    found = kb_embeddings.search(
        database, embedding=towards(0.3), project="aismr", persona="iggy", max_results=3
    )

    added = artifacts.add_with_citations(
        database,
        run_id=run,
        persona="iggy",
        query="what crackles?",
        doc_ids=[one.doc_id for one in found],
        similarities=[one.similarity for one in found],
        citations=[{"path": found[0].path, "reason": "nearest"}],
    )
    database.commit()

    cited = artifacts.find_with_citations(database, id=added.id)
    assert cited is not None
    assert [one.path for one in cited.citations] == [found[0].path]


class Vectors:
    """Vectors around centres, the same in every run, as embeddings of texts on subjects are."""

    def __init__(self) -> None:
        self._random = Random(1)  # noqa: S311 - the same vectors in every run
        self._centres = [self._signed() for _ in range(CLUSTERS)]

    def one(self) -> list[float]:
        centre = self._random.choice(self._centres)
        return [near + 1.5 * far for near, far in zip(centre, self._signed(), strict=True)]

    def _signed(self) -> list[int]:
        return [byte - 128 for byte in self._random.randbytes(1536)]


@pytest.fixture
def questions(database: Connection) -> list[list[float]]:
    """Questions to a knowledge base, of which the project small has one document in fifty."""
    vectors = Vectors()
    ids = [UUID(int=number) for number in range(SIZE)]
    kb_documents.load(
        database,
        (
            DocumentValues(id_, "large" if id_.int % 50 else "small", None, f"{id_.int}.md", "")
            for id_ in ids
        ),
    )
    kb_embeddings.load(database, (LoadValues(id_, vectors.one()) for id_ in ids))
    database.commit()
    return [vectors.one() for _ in range(20)]


def nearest(
    database: Connection, questions: list[list[float]], statement: str = NEAREST
) -> list[list[UUID]]:
    return [
        [id_ for (id_,) in database.execute(statement.encode(), [str(question)], prepare=False)]
        for question in questions
    ]


def recall(found: list[list[UUID]], truth: list[list[UUID]]) -> float:
    hits = sum(len({*ours} & {*all_}) for ours, all_ in zip(found, truth, strict=True))
    return hits / sum(map(len, truth))


@pytest.mark.usefixtures("as_owner")
def test_an_index_built_before_its_data_finds_what_is_nearest(
    database: Connection, questions: list[list[float]]
) -> None:
    database.execute("set enable_indexscan = off")
    truth = nearest(database, questions)
    database.execute("set enable_indexscan = on; set enable_sort = off")
    by_graph = nearest(database, questions)
    # as the documents have it, and the first migrations made it: over an empty table
    database.execute(
        "create table before (like kb_embeddings);"
        "create index on before using ivfflat (embedding vector_cosine_ops);"
        "insert into before select * from kb_embeddings"
    )
    of_lists = NEAREST.replace("kb_embeddings", "before")
    by_lists = nearest(database, questions, of_lists)
    database.execute("reindex table before")
    by_new_lists = nearest(database, questions, of_lists)

    assert recall(by_graph, truth) > 0.95
    assert recall(by_lists, truth) < 0.4
    assert recall(by_lists, truth) < recall(by_new_lists, truth)


def test_a_project_with_few_documents_loses_none_of_them_to_the_index(
    database: Connection, questions: list[list[float]]
) -> None:
    of_small = (
        "select embedding.doc_id from kb_embeddings as embedding"
        " inner join kb_documents as document on document.id = embedding.doc_id"
        " where document.project = 'small' order by embedding.embedding <=> %s::vector limit 10"
    )
    database.execute("set enable_indexscan = off")
    truth = nearest(database, questions, of_small)
    # the worst plan there is for it: the index is walked, and what it finds is mostly not small's
    database.execute("set enable_indexscan = on; set enable_sort = off")
    unaided = nearest(database, questions, of_small)
    database.commit()

    found = [
        [one.doc_id for one in kb_embeddings.search(database, embedding=question, project="small")]
        for question in questions
    ]

    assert sum(map(len, unaided)) < 0.2 * sum(map(len, truth))
    assert sum(map(len, found)) == sum(map(len, truth)) == 200
    assert recall(found, truth) > 0.9


def test_a_search_changes_no_setting_beyond_its_transaction(database: Connection) -> None:
    add_document(database, "here", towards(0))
    kb_embeddings.search(database, embedding=towards(0))
    database.commit()

    # a session knows the setting once it has used the type
    database.execute("select '[1]'::vector")
    [(setting,)] = database.execute("show hnsw.iterative_scan")

    assert setting == "off"
