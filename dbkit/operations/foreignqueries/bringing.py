"""Bring the query files of sqlc or aiosql into a system, and tell what is left to do by hand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from dbkit.errors import DbkitError
from dbkit.operations.foreignqueries.errors import (
    NoOldQueries,
    QueriesInPlace,
    QueryFileTaken,
    SameTarget,
)
from dbkit.operations.foreignqueries.oldparameters import FINDERS
from dbkit.operations.foreignqueries.oldqueries import cut_queries
from dbkit.operations.foreignqueries.rewriting import (
    NumberedName,
    Rewritten,
    apply,
    quiet_headers,
    rewrite,
)
from dbkit.queryfiles import examine_folder, usable_name
from dbkit.settings import System
from dbkit.sqltext import Source, decode

QUERY_FORMATS = tuple(sorted(FINDERS))


class NewQuery(NamedTuple):
    """A query as it is called here, and what it was called."""

    name: str
    was: str
    # in the order of their numbers
    numbered: Sequence[NumberedName]


class NewQueryFile(NamedTuple):
    """A file that is written."""

    path: Path
    was: str
    text: str
    queries: Sequence[NewQuery]
    # whether it is there already with the same text
    is_there: bool


class BroughtQueries(NamedTuple):
    """All files to be written, and what a person should know about them."""

    files: Sequence[NewQueryFile]
    # the files that are passed over
    notes: Sequence[str]
    # each with its file and line
    by_hand: Sequence[str]


def convert_queries(tool: str, path: Path, system: System, root: Path) -> BroughtQueries:
    """Make query files of dbkit out of all that a folder, or one file, holds."""
    folder = _Folder(tool, path, system)
    files = list(folder.files())
    if not files and not folder.by_hand:
        raise NoOldQueries(str(path), f"no .sql file in it has a line `-- name:` as {tool} has it")
    texts = {new.path: new.text for new in files}
    before = {str(fault) for fault in examine_folder(system.sql, root).faults}
    faults = map(str, examine_folder(system.sql, root, texts).faults)
    by_hand = [*folder.by_hand, *(fault for fault in faults if fault not in before)]
    return BroughtQueries(files, folder.notes, by_hand)


def write_queries(brought: BroughtQueries) -> None:
    """Write all files, or none; a file that is there is not overwritten."""
    written: list[Path] = []
    try:
        for new in brought.files:
            if not new.is_there:
                new.path.parent.mkdir(parents=True, exist_ok=True)
                with new.path.open("x", encoding="utf-8", newline="") as file:
                    written.append(new.path)
                    file.write(new.text)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


@dataclass(slots=True)
class _Folder:
    """The old files while they are read."""

    tool: str
    path: Path
    system: System
    notes: list[str] = field(default_factory=list[str])
    by_hand: list[str] = field(default_factory=list[str])

    def files(self) -> Iterator[NewQueryFile]:
        """Give the new files, in the order of the old ones."""
        origins: dict[Path, Path] = {}
        for old in self._old_files():
            target = self._target(old)
            new = self._convert(old, target)
            if new is None:
                continue
            if target in origins:
                raise SameTarget(str(origins[target]), str(old), str(target))
            origins[target] = old
            if target.exists() and not new.is_there:
                raise QueryFileTaken(str(target), str(old))
            yield new

    def _old_files(self) -> Sequence[Path]:
        path, own = self.path, self.system.sql.resolve()
        if not path.exists():
            raise NoOldQueries(str(path), "there is no such file or folder")
        if path.resolve().is_relative_to(own):
            raise QueriesInPlace(str(path), self.tool, self.system.name)
        if path.is_file():
            return [path]
        return sorted(
            old
            for old in path.rglob("*.sql")
            if old.is_file()
            and not old.resolve().is_relative_to(own)
            and not any(part.startswith(".") for part in old.relative_to(path).parts)
        )

    def _target(self, old: Path) -> Path:
        """Return the new file: one of a folder belongs to the subject that the folder is."""
        *folders, name = (old if self.path.is_file() else old.relative_to(self.path)).parts
        if self.path.is_file():
            folders = []
        subject = _subject("_".join(folders) or Path(name).stem)
        return self.system.sql / (f"{subject}/{name}" if folders else f"{subject}.sql")

    def _convert(self, old: Path, target: Path) -> NewQueryFile | None:
        try:
            source = Source(str(old), decode(old.read_bytes(), str(old)))
            above, queries = cut_queries(source)
        except OSError as error:
            self.by_hand.append(f"{old} is not carried over, it cannot be read: {error.strerror}")
            return None
        except DbkitError as fault:
            self.by_hand.append(f"{fault}; the file is not carried over")
            return None
        if not queries:
            self.notes.append(f"{old} is passed over: it has no line `-- name:`")
            return None
        rewritten = [rewrite(self.tool, query) for query in queries]
        edits = [*quiet_headers(source, above, self.tool)]
        edits += (edit for query in rewritten for edit in query.edits)
        text = apply(source.text, edits)
        for query in rewritten:
            for offset, reason in query.doubts:
                place = source.position(offset)
                self.by_hand.append(f"{old}:{place.line}:{place.column}: {reason}")
        subject = target.stem if target.parent == self.system.sql else target.parent.name
        is_there = target.is_file() and target.read_bytes() == text.encode()
        return NewQueryFile(target, str(old), text, _named(subject, rewritten), is_there)


def _named(subject: str, rewritten: Sequence[Rewritten]) -> list[NewQuery]:
    return [
        NewQuery(f"{subject}.{query.name}", query.was, query.numbered)
        for query in rewritten
        if query.name
    ]


def _subject(name: str) -> str:
    # a folder that begins with _ holds no queries
    return usable_name(name.replace("-", "_").lstrip("_") or "queries")
