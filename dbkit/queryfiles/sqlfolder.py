"""Find the query files of a system and read them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dbkit.errors import DbkitError
from dbkit.queryfiles.clashes import find_clashes
from dbkit.queryfiles.errors import UnusableQueryFile
from dbkit.queryfiles.parsing import examine_source
from dbkit.queryfiles.pythonnames import unusable_in_python
from dbkit.queryfiles.queryrecords import Query
from dbkit.sqltext import Source, decode

# <subject>/<query>.sql
_DEEPEST = 2


class ReadFolder(NamedTuple):
    """The queries of a system, their files, and the faults of queries that cannot be read."""

    # in the order of subject and name
    queries: tuple[Query, ...]
    # by the path that a query names
    sources: Mapping[str, Source]
    faults: tuple[DbkitError, ...]


def find_queries(sql_folder: Path, root: Path) -> tuple[Query, ...]:
    """Read every query of a system, in the order of subject and name, or refuse the first fault.

    `<subject>/<query>.sql` is one query. A file with `-- name:` lines holds several; it lies in
    the folder of its subject, whatever its own name, or beside these folders as `<subject>.sql`.
    A folder whose name begins with `_` is left out.
    """
    read = examine_folder(sql_folder, root)
    for fault in read.faults:
        raise fault
    return read.queries


def examine_folder(
    sql_folder: Path, root: Path, added: Mapping[Path, str] = MappingProxyType({})
) -> ReadFolder:
    """Read every query of a system that can be read, and keep what is wrong with the others.

    `added` has the texts of files that are read as if they were there.
    """
    queries: list[Query] = []
    sources: dict[str, Source] = {}
    faults: list[DbkitError] = []
    for path in sorted({*query_files(sql_folder), *added}):
        shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        subject = _subject(path.relative_to(sql_folder))
        unusable = [
            UnusableQueryFile(shown, reason)
            for reason in _faults_of_subject(path.relative_to(sql_folder))
        ]
        faults += unusable
        try:
            sources[shown] = (
                Source(shown, added[path]) if path in added else read_source(path, shown)
            )
        except DbkitError as fault:
            faults.append(fault)
            continue
        read = examine_source(sources[shown], subject, named=path.parent == sql_folder)
        queries += () if unusable else read.queries
        faults += read.faults
    faults += find_clashes(queries)
    in_order = sorted(queries, key=lambda query: (query.subject, query.name))
    return ReadFolder(tuple(in_order), sources, tuple(faults))


def query_files(sql_folder: Path) -> Iterator[Path]:
    """Find the query files of a system, without reading them."""
    if not sql_folder.is_dir():
        return
    for path in sorted(sql_folder.rglob("*.sql")):
        *folders, name = path.relative_to(sql_folder).parts
        is_left_out = any(folder.startswith((".", "_")) for folder in folders)
        if path.is_file() and not is_left_out and not name.startswith("."):
            yield path


def _subject(path: Path) -> str:
    folders = path.parent.parts
    return folders[0] if folders else path.stem


def _faults_of_subject(path: Path) -> Iterator[str]:
    """Say why a file belongs to no subject; its path begins in the system's folder."""
    if len(path.parts) > _DEEPEST:
        yield "lies too deep; a query lies in the folder of its subject, and that in the system's"
    elif reason := unusable_in_python(_subject(path)):
        yield f"the subject {_subject(path)!r} {reason}"


def read_source(path: Path, shown: str) -> Source:
    """Read one file; errors show the path as it is given here."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableQueryFile(shown, f"cannot be read: {error.strerror}") from error
    return Source(shown, decode(content, shown))
