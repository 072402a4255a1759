"""What a persona has read, and which of it is cited why: both or neither, and true."""

from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors
from psycopg.types.json import Json

from dbkit.pgtypes import JsonLike
from dbkit.systems.myloware import artifacts, kb_documents
from dbkit.systems.myloware.kb_documents import LoadValues
from tests.systems.myloware.conftest import Crowd

WHAT = {"path": "docs/aismr.md", "reason": "says what AISMR is"}
HOW = {"path": "docs/candles.md", "reason": "says how candles crackle"}


@pytest.fixture
def documents(database: Connection) -> list[UUID]:
    """The documents that were read: docs/aismr.md, docs/candles.md."""
    ids = [uuid4(), uuid4()]
    paths = ["docs/aismr.md", "docs/candles.md"]
    kb_documents.load(
        database,
        [LoadValues(id_, "aismr", None, path, "…") for id_, path in zip(ids, paths, strict=True)],
    )
    kb_documents.load(database, [LoadValues(uuid4(), None, None, "docs/unread.md", "…")])
    database.commit()
    return ids


def add_cited(
    connection: Connection, documents: list[UUID], citations: JsonLike, run_id: str = "run_1"
) -> artifacts.AddWithCitationsRow:
    return artifacts.add_with_citations(
        connection,
        run_id=run_id,
        persona="brendan",
        query="What is AISMR?",
        doc_ids=documents,
        similarities=[0.93, 0.71],
        citations=citations,
    )


def trace(documents: list[UUID], **changed: object) -> Json:
    """The trace of the documents as the data model shows one, with something changed."""
    whole: dict[str, object] = {
        "query": "What is AISMR?",
        "docIds": [str(id_) for id_ in documents],
        "similarities": [0.93, 0.71],
        "persona": "brendan",
        "project": "aismr",
    }
    return Json({key: value for key, value in (whole | changed).items() if value is not None})


def test_a_trace_is_found_with_its_citations(
    database: Connection, run: str, documents: list[UUID]
) -> None:
    added = add_cited(database, documents, [WHAT, HOW])
    database.commit()

    found = artifacts.find_with_citations(database, id=added.id)

    assert found is not None
    assert (found.run_id, found.type, found.persona) == (run, "retrieval.trace", "brendan")
    assert found.retrieval_trace == trace(documents).obj
    assert [(one.path, one.reason) for one in found.citations] == [
        ("docs/aismr.md", "says what AISMR is"),
        ("docs/candles.md", "says how candles crackle"),
    ]
    left_behind = artifacts.list_for_run(database, run_id=run)
    assert {one.type for one in left_behind} == {"retrieval.trace", "citations"}


def test_any_artifact_may_have_a_trace(
    database: Connection, run: str, documents: list[UUID]
) -> None:
    added = artifacts.add_with_citations(
        database,
        run_id=run,
        type="idea",
        persona="iggy",
        query="candles",
        doc_ids=documents[1:],
        similarities=[0.5],
        citations=[HOW],
    )
    database.commit()

    found = artifacts.find_with_citations(database, id=added.id)
    assert found is not None
    assert found.type == "idea"


@pytest.mark.usefixtures("run")
def test_who_found_nothing_cites_nothing(database: Connection) -> None:
    added = artifacts.add_with_citations(
        database,
        run_id="run_1",
        persona="brendan",
        query="nothing",
        doc_ids=[],
        similarities=[],
        citations=[],
    )
    database.commit()

    found = artifacts.find_with_citations(database, id=added.id)
    assert found is not None
    assert found.citations == []


@pytest.mark.parametrize(
    ("citations", "said"),
    [
        (
            [WHAT, {"path": "docs/unread.md", "reason": "guessed"}],
            "its citations name 'docs/unread.md', which is no document of the trace",
        ),
        ([{"path": "docs/aismr.md"}], "a citation of it has no reason"),
        ([{"path": "docs/aismr.md", "reason": ""}], "a citation of it has no reason"),
        ([{"path": "docs/aismr.md", "reason": 1}], "a citation of it has no reason"),
        ([{"reason": "because"}], "a citation of it has no path"),
        (["docs/aismr.md"], "a citation of it has no path"),
        ({"docs/aismr.md": "because"}, "its citations are no list"),
        (None, "its citations are no list"),
    ],
)
def test_citations_that_do_not_align_are_refused_and_nothing_is_recorded(
    database: Connection, run: str, documents: list[UUID], citations: JsonLike, said: str
) -> None:
    with pytest.raises(errors.CheckViolation, match=said) as refusal:
        add_cited(database, documents, citations)

    assert refusal.value.diag.constraint_name == "artifacts_trace_aligned"
    database.rollback()
    assert artifacts.list_for_run(database, run_id=run) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"query": None}, "its query is no text"),
        ({"query": ""}, "its query is no text"),
        ({"docIds": None}, "its docIds are no list"),
        ({"docIds": "all"}, "its docIds are no list"),
        ({"similarities": None}, "its similarities are no list"),
        ({"similarities": [0.9]}, "it has 2 docIds and 1 similarities"),
        ({"similarities": [0.9, "0.8"]}, "its similarities are not all numbers from -1 to 1"),
        ({"similarities": [0.9, [0.8]]}, "its similarities are not all numbers from -1 to 1"),
        ({"similarities": [0.9, 1.5]}, "its similarities are not all numbers from -1 to 1"),
        ({"docIds": ["a", "b"]}, "there is no document 'a'"),
        ({"docIds": [None, 7]}, "there is no document '7'"),
        (
            {"docIds": [str(UUID(int=1)), str(UUID(int=2))]},
            f"there is no document '{UUID(int=1)}'",
        ),
        ({"persona": None}, "its persona is no text"),
        ({"persona": "iggy"}, "its persona is 'iggy', the artifact's is 'brendan'"),
        ({"project": None}, "its project is no text"),
        ({"project": "other"}, "its project is 'other', the run's is 'aismr'"),
    ],
)
@pytest.mark.usefixtures("run")
def test_a_trace_that_is_not_whole_or_not_true_is_refused_whoever_writes_it(
    database: Connection, documents: list[UUID], changed: dict[str, object], said: str
) -> None:
    with pytest.raises(errors.CheckViolation, match=said) as refusal:
        insert_trace(database, trace(documents, **changed))

    assert refusal.value.diag.constraint_name == "artifacts_retrieval_trace"


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("value", ["[]", "1", "null"])
def test_a_trace_that_is_no_object_is_refused(database: Connection, value: str) -> None:
    with pytest.raises(errors.CheckViolation, match="it is no object"):
        database.execute(
            "insert into artifacts (run_id, type, persona, retrieval_trace)"
            " values ('run_1', 'idea', 'brendan', %s::jsonb)",
            [value],
        )


@pytest.mark.usefixtures("run")
def test_a_retrieval_trace_artifact_has_a_trace(database: Connection) -> None:
    with pytest.raises(errors.CheckViolation, match=r"a retrieval\.trace artifact needs one"):
        database.execute("insert into artifacts (run_id, type) values ('run_1', 'retrieval.trace')")


def insert_trace(connection: Connection, value: Json) -> UUID:
    row = connection.execute(
        "insert into artifacts (run_id, type, persona, retrieval_trace)"
        " values ('run_1', 'retrieval.trace', 'brendan', %s) returning id",
        [value],
    ).fetchone()
    assert row
    id_: UUID = row[0]
    return id_


def insert_citations(connection: Connection, of: object, *cited: JsonLike) -> None:
    connection.execute(
        "insert into artifacts (run_id, type, metadata) values ('run_1', 'citations', %s)",
        [Json({"traceId": str(of), "citations": list(cited)})],
    )


@pytest.mark.usefixtures("run")
def test_two_statements_of_one_transaction_make_a_pair_in_either_order(
    database: Connection, documents: list[UUID]
) -> None:
    id_ = insert_trace(database, trace(documents))
    insert_citations(database, id_, WHAT)
    database.commit()

    later = uuid4()
    insert_citations(database, later, HOW)
    database.execute(
        "insert into artifacts (id, run_id, type, persona, retrieval_trace)"
        " values (%s, 'run_1', 'retrieval.trace', 'brendan', %s)",
        [later, trace(documents)],
    )
    database.commit()

    assert artifacts.find_with_citations(database, id=id_) is not None
    assert artifacts.find_with_citations(database, id=later) is not None


@pytest.mark.usefixtures("run")
def test_a_trace_without_citations_is_refused_when_the_transaction_ends(
    database: Connection, documents: list[UUID]
) -> None:
    id_ = insert_trace(database, trace(documents))

    with pytest.raises(errors.CheckViolation) as refusal:
        database.commit()

    said = f"artifact {id_}: it has a retrieval trace and no citations"
    assert refusal.value.diag.message_primary == said
    assert refusal.value.diag.constraint_name == "artifacts_trace_paired"


@pytest.mark.usefixtures("run")
def test_citations_without_a_trace_are_refused_when_the_transaction_ends(
    database: Connection,
) -> None:
    insert_citations(database, uuid4(), WHAT)

    with pytest.raises(errors.CheckViolation, match="it has citations and no retrieval trace"):
        database.commit()


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("of", ["", "nothing", "0B0E5E02-0000-4000-8000-00000000000A"])
def test_citations_that_name_no_artifact_are_refused(database: Connection, of: str) -> None:
    with pytest.raises(errors.CheckViolation, match="the traceId of its citations is no artifact"):
        insert_citations(database, of, WHAT)


@pytest.mark.usefixtures("run")
def test_citations_have_no_trace_of_their_own(database: Connection, documents: list[UUID]) -> None:
    with pytest.raises(errors.CheckViolation, match="not to the citations"):
        database.execute(
            "insert into artifacts (run_id, type, persona, retrieval_trace)"
            " values ('run_1', 'citations', 'brendan', %s)",
            [trace(documents)],
        )


@pytest.fixture
def cited(database: Connection, run: str, documents: list[UUID]) -> artifacts.AddWithCitationsRow:
    """A trace of the run and its citations, committed."""
    added = add_cited(database, documents, [WHAT], run)
    database.commit()
    return added


def test_a_trace_has_one_list_of_citations(
    database: Connection, cited: artifacts.AddWithCitationsRow
) -> None:
    with pytest.raises(errors.UniqueViolation, match="uq_artifacts_citations"):
        insert_citations(database, cited.id, HOW)


def test_a_pair_is_not_parted(database: Connection, cited: artifacts.AddWithCitationsRow) -> None:
    for id_ in (cited.id, cited.citations_id):
        database.execute("delete from artifacts where id = %s", [id_])
        with pytest.raises(errors.CheckViolation, match=r"artifact .*: it has"):
            database.commit()

    database.execute("delete from artifacts")
    database.commit()


def test_a_run_takes_its_traces_and_citations_with_it(
    database: Connection, cited: artifacts.AddWithCitationsRow
) -> None:
    database.execute("delete from runs")
    database.commit()

    assert artifacts.find_with_citations(database, id=cited.id) is None


def test_a_trace_cannot_be_changed_away_from_its_citations(
    database: Connection, cited: artifacts.AddWithCitationsRow, documents: list[UUID]
) -> None:
    with pytest.raises(errors.CheckViolation, match=r"its citations name 'docs/aismr.md'"):
        database.execute(
            "update artifacts set retrieval_trace = %s where id = %s",
            [trace(documents[1:], similarities=[0.7]), cited.id],
        )


def test_citations_cannot_move_to_another_run(
    database: Connection, cited: artifacts.AddWithCitationsRow
) -> None:
    database.execute("insert into runs (run_id, project, status) values ('2', 'aismr', 'running')")

    with pytest.raises(errors.CheckViolation, match="of run 'run_1', its citations of run '2'"):
        database.execute("update artifacts set run_id = '2' where id = %s", [cited.citations_id])


def test_what_was_read_and_cited_stays_when_the_document_is_gone(
    database: Connection, cited: artifacts.AddWithCitationsRow
) -> None:
    kb_documents.remove_path(database, path="docs/aismr.md", project="aismr")
    database.execute("update artifacts set url = 'x', metadata = metadata, type = type")
    database.commit()

    found = artifacts.find_with_citations(database, id=cited.id)
    assert found is not None
    assert [one.path for one in found.citations] == ["docs/aismr.md"]


def test_of_two_who_change_a_trace_and_its_citations_the_later_one_sees_both(
    database: Connection, cited: artifacts.AddWithCitationsRow, documents: list[UUID], crowd: Crowd
) -> None:
    def widen(connection: Connection) -> None:
        both = Json({"traceId": str(cited.id), "citations": [WHAT, HOW]})
        connection.execute(
            "update artifacts set metadata = %s where id = %s", [both, cited.citations_id]
        )

    database.execute(
        "update artifacts set retrieval_trace = %s where id = %s",
        [trace(documents[:1], similarities=[0.9]), cited.id],
    )
    with crowd.behind(widen) as widened:
        database.commit()

    with pytest.raises(errors.CheckViolation, match=r"its citations name 'docs/candles.md'"):
        widened.result()


def add_sibling(
    connection: Connection,
    type_: str,
    metadata: JsonLike = None,
    retrieval_trace: Json | None = None,
    *,
    persona: str | None = "brendan",
) -> UUID:
    """Record an artifact as another program does, which knows of no traceId."""
    [(id_,)] = connection.execute(
        "insert into artifacts (run_id, type, persona, metadata, retrieval_trace)"
        " values (%s, %s, %s, %s, %s) returning id",
        ["run_1", type_, persona, Json(metadata or {}), retrieval_trace],
    )
    assert isinstance(id_, UUID)
    return id_


@pytest.fixture
def siblings(database: Connection, run: str, documents: list[UUID]) -> tuple[UUID, UUID]:
    """A trace and its citations, as the document has them."""
    assert run
    pair = (
        add_sibling(database, "retrieval.trace", retrieval_trace=trace(documents)),
        add_sibling(database, "citations", {"citations": [WHAT]}, persona=None),
    )
    database.commit()
    return pair


def test_siblings_as_the_document_has_them_are_accepted_and_found(
    database: Connection, siblings: tuple[UUID, UUID]
) -> None:
    found = artifacts.find_with_citations(database, id=siblings[0])

    assert found is not None
    assert found.citations_id == siblings[1]
    assert [(one.path, one.reason) for one in found.citations] == [
        ("docs/aismr.md", "says what AISMR is")
    ]


def test_siblings_may_be_changed(
    database: Connection, siblings: tuple[UUID, UUID], documents: list[UUID]
) -> None:
    database.execute(
        "update artifacts set metadata = %s where id = %s",
        [Json({"citations": [WHAT, HOW], "note": "checked"}), siblings[1]],
    )
    database.execute(
        "update artifacts set retrieval_trace = %s where id = %s",
        [trace(documents, similarities=[0.5, 0.4]), siblings[0]],
    )
    database.commit()

    found = artifacts.find_with_citations(database, id=siblings[0])
    assert found is not None
    assert len(found.citations) == 2


def test_several_citations_are_all_siblings(
    database: Connection, siblings: tuple[UUID, UUID]
) -> None:
    add_sibling(database, "citations", {"citations": [HOW]})
    add_sibling(database, "citations", {"citations": [WHAT]})
    database.commit()

    found = artifacts.find_with_citations(database, id=siblings[0])
    assert found is not None
    assert len(found.citations) == 3


def test_siblings_of_another_persona_are_not_its_own(
    database: Connection, siblings: tuple[UUID, UUID], documents: list[UUID]
) -> None:
    add_sibling(
        database,
        "retrieval.trace",
        retrieval_trace=trace(documents, persona="iggy"),
        persona="iggy",
    )
    add_sibling(database, "citations", {"citations": [HOW]}, persona="iggy")
    database.commit()

    found = artifacts.find_with_citations(database, id=siblings[0])
    assert found is not None
    assert [one.path for one in found.citations] == ["docs/aismr.md"]


@pytest.mark.usefixtures("siblings")
@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (
            {"citations": [{"path": "docs/unread.md", "reason": "guessed"}]},
            "it cites 'docs/unread.md', which is no document of its run's traces",
        ),
        ({"citations": [{"path": "docs/aismr.md"}]}, "a citation of it has no reason"),
        ({}, "its citations are no list"),
    ],
)
def test_siblings_that_do_not_align_are_refused(
    database: Connection, metadata: JsonLike, said: str
) -> None:
    with pytest.raises(errors.CheckViolation, match=said) as refusal:
        database.execute(
            "update artifacts set metadata = %s where type = 'citations'", [Json(metadata)]
        )

    assert refusal.value.diag.constraint_name == "artifacts_sibling_aligned"


@pytest.mark.usefixtures("siblings")
def test_a_trace_cannot_be_changed_away_from_its_siblings(
    database: Connection, documents: list[UUID]
) -> None:
    with pytest.raises(errors.CheckViolation, match=r"it cites 'docs/aismr\.md', which is no"):
        database.execute(
            "update artifacts set retrieval_trace = %s where type = 'retrieval.trace'",
            [trace(documents[1:], similarities=[0.5])],
        )


@pytest.mark.usefixtures("run")
def test_citations_alone_in_their_run_are_refused_when_the_transaction_ends(
    database: Connection,
) -> None:
    add_sibling(database, "citations", {"citations": [WHAT]})

    with pytest.raises(errors.CheckViolation, match="its run has no retrieval trace") as refusal:
        database.commit()

    assert refusal.value.diag.constraint_name == "artifacts_sibling_paired"


@pytest.mark.usefixtures("siblings")
@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ("citations", "it has a retrieval trace and no citations"),
        ("retrieval.trace", "it is citations, and its run has no retrieval trace"),
    ],
)
def test_one_sibling_is_not_removed_without_the_other(
    database: Connection, removed: str, said: str
) -> None:
    database.execute("delete from artifacts where type = %s", [removed])

    with pytest.raises(errors.CheckViolation, match=said):
        database.commit()


@pytest.mark.usefixtures("siblings")
def test_a_run_takes_its_siblings_with_it(database: Connection) -> None:
    database.execute("delete from runs")
    database.commit()

    assert database.execute("select from artifacts").rowcount == 0


def test_where_a_document_is_gone_the_paths_of_siblings_are_believed(
    database: Connection, siblings: tuple[UUID, UUID]
) -> None:
    database.execute("delete from kb_documents where path = 'docs/aismr.md'")

    database.execute(
        'update artifacts set metadata = metadata || \'{"note": "checked"}\' where id = %s',
        [siblings[1]],
    )
    database.commit()

    found = artifacts.find_with_citations(database, id=siblings[0])
    assert found is not None
    assert [one.path for one in found.citations] == ["docs/aismr.md"]


def test_of_two_who_change_siblings_at_once_the_later_one_sees_both(
    database: Connection, siblings: tuple[UUID, UUID], documents: list[UUID], crowd: Crowd
) -> None:
    # both are right as things are; together they would not be
    database.execute(
        "update artifacts set retrieval_trace = %s where id = %s",
        [trace(documents[:1], similarities=[0.5]), siblings[0]],
    )

    def cite_more(connection: Connection) -> None:
        connection.execute(
            "update artifacts set metadata = %s where id = %s",
            [Json({"citations": [WHAT, HOW]}), siblings[1]],
        )

    with crowd.behind(cite_more) as later:
        database.commit()

        with pytest.raises(errors.CheckViolation, match=r"it cites 'docs/candles\.md'"):
            later.result(30)
