"""The knowledge base is what is in a folder, however often and wherever a load was stopped."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg import AsyncConnection, Connection

from dbkit.systems.myloware import kb_documents, kb_embeddings
from dbkit.systems.myloware.knowledge_base import (
    FilesLoaded,
    LoadInTransaction,
    WrongNumberOfEmbeddings,
    load_folder,
    load_folder_async,
)
from tests.conftest import ROOT
from tests.systems.myloware.conftest import Crowd


class Model:
    """Makes embeddings, and remembers of what."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.texts: list[str] = []
        self.calls = 0
        self._fails_at = fails_at

    def __call__(self, texts: list[str]) -> list[list[float]]:
        self.calls += 1
        if self.calls == self._fails_at:
            raise KeyboardInterrupt
        self.texts += texts
        return [[1.0, len(text), *[0.0] * 1534] for text in texts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with five documents, one of them deep, and a file that is none."""
    for name in ("a.md", "b.md", "c.md", "d.md", "deep/er/e.md", "picture.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"about {name}")
    return tmp_path


def loaded(database: Connection) -> dict[str, tuple[str, int]]:
    """What is loaded: each document's content, and how many embeddings it has."""
    rows = database.execute(
        "select path, content, (select count(*) from kb_embeddings where doc_id = document.id)"
        " from kb_documents as document"
    ).fetchall()
    database.rollback()
    assert len({path for path, _, _ in rows}) == len(rows)
    return {path: (content, count) for path, content, count in rows}


def test_files_are_loaded_with_their_embeddings_in_batches(
    database: Connection, folder: Path
) -> None:
    model = Model()

    result = load_folder(database, folder, model, project="aismr", prefix="docs/", batch=2)

    assert result == FilesLoaded(loaded=5)
    assert (model.calls, len(model.texts)) == (3, 5)
    assert loaded(database)["docs/deep/er/e.md"] == ("about deep/er/e.md", 1)
    assert len(loaded(database)) == 5


def test_a_second_load_does_what_has_changed_alone(database: Connection, folder: Path) -> None:
    load_folder(database, folder, Model())
    (folder / "a.md").write_text("something else")
    (folder / "b.md").unlink()
    (folder / "new.md").write_text("new")
    model = Model()

    result = load_folder(database, folder, model)

    assert result == FilesLoaded(loaded=2, unchanged=3, removed=1)
    assert model.texts == ["something else", "new"]
    assert set(loaded(database)) == {"a.md", "c.md", "d.md", "deep/er/e.md", "new.md"}
    assert loaded(database)["a.md"] == ("something else", 1)


def test_a_load_that_was_stopped_goes_on_where_it_was(database: Connection, folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_folder(database, folder, Model(fails_at=2), batch=2)
    before = loaded(database)
    model = Model()

    result = load_folder(database, folder, model, batch=2)

    assert len(before) == 2
    assert result == FilesLoaded(loaded=3, unchanged=2)
    assert len(model.texts) == 3


def test_a_document_without_an_embedding_is_loaded_to_its_end(
    database: Connection, folder: Path
) -> None:
    load_folder(database, folder, Model())
    database.execute(
        "delete from kb_embeddings where doc_id in (select id from kb_documents limit 1)"
    )
    database.commit()

    assert load_folder(database, folder, Model()) == FilesLoaded(loaded=1, unchanged=4)


def test_a_file_may_have_several_parts(database: Connection, folder: Path) -> None:
    load_folder(database, folder, Model(), split=str.split)

    assert loaded(database)["a.md"] == ("about a.md", 2)


def test_each_project_and_persona_has_its_own_and_loses_no_others(
    database: Connection, folder: Path
) -> None:
    load_folder(database, folder, Model(), project="aismr", persona="iggy")
    load_folder(database, folder, Model())
    load_folder(database, folder, Model(), prefix="other/")
    (folder / "a.md").unlink()

    result = load_folder(database, folder, Model(), project="aismr", persona="iggy")

    [(aismr, everybodys)] = database.execute(
        "select count(*) filter (where project = 'aismr'), count(*) filter (where project is null)"
        " from kb_documents"
    )
    assert result == FilesLoaded(unchanged=4, removed=1)
    assert (aismr, everybodys) == (4, 10)


def test_what_is_no_text_is_refused_and_the_rest_is_loaded(
    database: Connection, folder: Path
) -> None:
    (folder / "a.md").write_bytes(b"\xff\xfe")
    (folder / "b.md").write_bytes(b"no\0text")

    result = load_folder(database, folder, Model())

    assert result == FilesLoaded(loaded=3, refused=["a.md", "b.md"])
    assert "a.md" not in loaded(database)


def test_two_who_load_at_once_leave_each_file_once(
    database: Connection, folder: Path, crowd: Crowd
) -> None:
    def load(connection: Connection) -> FilesLoaded:
        return load_folder(connection, folder, Model(), batch=2)

    crowd.at_once(load, load, load)

    assert len(loaded(database)) == 5


def test_an_embedding_too_few_is_refused(database: Connection, folder: Path) -> None:
    with pytest.raises(WrongNumberOfEmbeddings, match="embed gave 4 embeddings for 5 texts"):
        load_folder(database, folder, lambda texts: Model()(texts[1:]))

    assert loaded(database) == {}


def test_batches_have_to_be_committed_so_an_open_transaction_is_refused(
    database: Connection, folder: Path
) -> None:
    database.execute("select 1")

    with pytest.raises(LoadInTransaction):
        load_folder(database, folder, Model())


def test_a_load_on_an_event_loop_does_the_same(database: Connection, folder: Path) -> None:
    model = Model()

    async def embed(texts: list[str]) -> list[list[float]]:
        return model(texts)

    async def load() -> FilesLoaded:
        async with await AsyncConnection.connect(database.info.dsn) as connection:
            await load_folder_async(connection, folder, embed, batch=2)
            (folder / "a.md").write_text("something else")
            (folder / "b.md").unlink()
            return await load_folder_async(connection, folder, embed)

    assert asyncio.run(load()) == FilesLoaded(loaded=1, unchanged=3, removed=1)
    assert len(loaded(database)) == 4


@pytest.mark.usefixtures("own_session")
def test_a_process_loads_a_folder(
    database: Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "model.py").write_text(
        "def embed(texts):\n    return [[1.0] * 1536 for _ in texts]\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{folder}")
    command = [sys.executable, "-m", "dbkit.systems.myloware", "load", str(folder)]

    ran = subprocess.run(
        [*command, "--embed", "model:embed", "--project", "aismr", "--url", database.info.dsn],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "5 loaded, 0 unchanged, 0 removed, 0 refused\n"
    assert len(loaded(database)) == 5


def test_what_is_less_similar_is_left_out(database: Connection, folder: Path) -> None:
    (folder / "a.md").write_text("far " * 10)
    load_folder(database, folder, Model(), project="aismr")
    near = [1.0, 10.0, *[0.0] * 1534]

    found = [
        len(
            kb_embeddings.search(
                database, embedding=near, project="aismr", min_similarity=least, max_results=9
            )
        )
        for least in (-1.0, 0.998, 1.1)
    ]

    assert found == [5, 4, 0]
    assert len(kb_documents.list_loaded(database, project="aismr", persona=None, prefix="")) == 5
