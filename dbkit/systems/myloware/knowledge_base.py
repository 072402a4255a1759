"""Bring the knowledge base to what is in a folder: changed files anew, removed ones gone."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from psycopg import AsyncConnection, Connection
from psycopg.pq import TransactionStatus

from dbkit.errors import DbkitError
from dbkit.systems.myloware import kb_documents, kb_embeddings
from dbkit.systems.myloware.kb_documents import ListLoadedRow

_LOG = logging.getLogger("myloware.load")
_BATCH = 50

Embedding: TypeAlias = Sequence[float]
Embed: TypeAlias = Callable[[list[str]], Sequence[Embedding]]
EmbedAsync: TypeAlias = Callable[[list[str]], Awaitable[Sequence[Embedding]]]
Split: TypeAlias = Callable[[str], Sequence[str]]


@dataclass(eq=False)
class LoadInTransaction(DbkitError):
    """A connection is in a transaction, so that no batch could be committed by itself."""

    def __str__(self) -> str:
        return "the connection is in a transaction; load files on one that is in none"


@dataclass(eq=False)
class WrongNumberOfEmbeddings(DbkitError):
    """A function gave more or fewer embeddings than it got texts."""

    texts: int
    embeddings: int

    def __str__(self) -> str:
        return f"embed gave {self.embeddings} embeddings for {self.texts} texts; give one for each"


@dataclass
class FilesLoaded:
    """What became of the files of a folder."""

    loaded: int = 0
    unchanged: int = 0
    removed: int = 0
    # files that are no text, by their paths; what was loaded of them before stays
    refused: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    content: str
    parts: tuple[str, ...]


def load_folder(
    connection: Connection[Any],
    folder: Path,
    embed: Embed,
    *,
    project: str | None = None,
    persona: str | None = None,
    pattern: str = "**/*.md",
    prefix: str = "",
    split: Split = lambda text: [text],
    batch: int = _BATCH,
) -> FilesLoaded:
    """Load the files of a folder for a project and a persona, or for everybody.

    A file that has changed is loaded anew, one that has not is passed over, and what was loaded
    from a file that is gone is removed: of this project and persona, and only paths that begin
    with the `prefix`, which stands before each file's path in the folder. `split` cuts a file into
    the parts that get an embedding each. Some files at a time are embedded, outside of a
    transaction, and written in one; a load that was stopped goes on where it was.

        load_folder(connection, Path("docs"), embed, project="aismr", prefix="docs/")
    """
    _refuse_transaction(connection)
    with connection.transaction():
        listed = kb_documents.list_loaded(
            connection, project=project, persona=persona, prefix=prefix
        )
    result = FilesLoaded()
    changed, gone = _compare(folder, pattern, prefix, listed, result)
    for files in _batches(changed, split, batch, result):
        texts = [part for file in files for part in file.parts]
        embeddings = _checked(texts, embed(texts))
        with connection.transaction():
            kb_documents.take_turn(connection)
            kb_documents.remove_loaded(
                connection, project=project, persona=persona, paths=[file.path for file in files]
            )
            documents, vectors = _rows(files, embeddings, project, persona)
            kb_documents.load(connection, documents)
            kb_embeddings.load(connection, vectors)
        result.loaded += len(files)
    with connection.transaction():
        kb_documents.remove_loaded(connection, project=project, persona=persona, paths=gone)
    result.removed = len(gone)
    return result


async def load_folder_async(
    connection: AsyncConnection[Any],
    folder: Path,
    embed: EmbedAsync,
    *,
    project: str | None = None,
    persona: str | None = None,
    pattern: str = "**/*.md",
    prefix: str = "",
    split: Split = lambda text: [text],
    batch: int = _BATCH,
) -> FilesLoaded:
    """Do as `load_folder` on an event loop."""
    _refuse_transaction(connection)
    async with connection.transaction():
        listed = await kb_documents.list_loaded(
            connection, project=project, persona=persona, prefix=prefix
        )
    result = FilesLoaded()
    changed, gone = _compare(folder, pattern, prefix, listed, result)
    for files in _batches(changed, split, batch, result):
        texts = [part for file in files for part in file.parts]
        embeddings = _checked(texts, await embed(texts))
        async with connection.transaction():
            await kb_documents.take_turn(connection)
            await kb_documents.remove_loaded(
                connection, project=project, persona=persona, paths=[file.path for file in files]
            )
            documents, vectors = _rows(files, embeddings, project, persona)
            await kb_documents.load(connection, documents)
            await kb_embeddings.load(connection, vectors)
        result.loaded += len(files)
    async with connection.transaction():
        await kb_documents.remove_loaded(connection, project=project, persona=persona, paths=gone)
    result.removed = len(gone)
    return result


def _refuse_transaction(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        raise LoadInTransaction


def _compare(
    folder: Path, pattern: str, prefix: str, listed: list[ListLoadedRow], result: FilesLoaded
) -> tuple[Mapping[str, Path], list[str]]:
    """Return the files that are new or changed, and the paths whose files are gone."""
    files = {
        prefix + file.relative_to(folder).as_posix(): file
        for file in sorted(folder.glob(pattern))
        if file.is_file()
    }
    digests: dict[str, list[str | None]] = {}
    for row in listed:
        # without an embedding it was not loaded to its end
        digests.setdefault(row.path, []).append(row.digest if row.is_embedded else None)
    changed = {
        path: file
        for path, file in files.items()
        if digests.get(path) != [hashlib.sha256(file.read_bytes()).hexdigest()]
    }
    result.unchanged = len(files) - len(changed)
    return changed, [path for path in digests if path not in files]


def _batches(
    changed: Mapping[str, Path], split: Split, batch: int, result: FilesLoaded
) -> Iterator[list[_File]]:
    files: list[_File] = []
    for path, file in changed.items():
        try:
            content = file.read_bytes().decode()
        except UnicodeDecodeError:
            content = "\0"
        if "\0" in content:
            _LOG.warning("%s is no text in UTF-8, or has a NUL character; it is not loaded", path)
            result.refused.append(path)
            continue
        files.append(_File(path, content, tuple(split(content)) or (content,)))
        if len(files) == batch:
            yield files
            files = []
    if files:
        yield files


def _checked(texts: list[str], embeddings: Sequence[Embedding]) -> Sequence[Embedding]:
    if len(embeddings) != len(texts):
        raise WrongNumberOfEmbeddings(len(texts), len(embeddings))
    return embeddings


def _rows(
    files: list[_File], embeddings: Sequence[Embedding], project: str | None, persona: str | None
) -> tuple[list[kb_documents.LoadValues], list[kb_embeddings.LoadValues]]:
    documents: list[kb_documents.LoadValues] = []
    vectors: list[kb_embeddings.LoadValues] = []
    following = iter(embeddings)
    for file in files:
        id_ = uuid4()
        documents.append(kb_documents.LoadValues(id_, project, persona, file.path, file.content))
        vectors += [kb_embeddings.LoadValues(id_, list(next(following))) for _ in file.parts]
    return documents, vectors
