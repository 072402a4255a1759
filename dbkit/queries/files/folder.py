"""Find the query files of a system and read them."""

from collections.abc import Iterator
from pathlib import Path

from dbkit.errors.queryfile import UnusableQueryFile
from dbkit.queries.files.names import unusable_in_python
from dbkit.queries.files.parsing import parse_queries, refuse_duplicates
from dbkit.queries.model import Query
from dbkit.sqltext import Source, decode


def find_queries(sql_folder: Path, root: Path) -> tuple[Query, ...]:
    """Read every query of a system, in the order of subject and name.

    `<subject>/<query>.sql` is one query. A file with `-- name:` lines holds several; it lies in
    the folder of its subject, whatever its own name, or beside these folders as `<subject>.sql`.
    A folder whose name begins with `_` is left out.
    """
    queries = [query for path in query_files(sql_folder) for query in _read(path, sql_folder, root)]
    refuse_duplicates(queries)
    return tuple(sorted(queries, key=lambda query: (query.subject, query.name)))


def read_queries(path: Path, shown: str, subject: str, *, named: bool = False) -> tuple[Query, ...]:
    """Read the queries of one file, which errors call by the name it is shown by."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableQueryFile(shown, f"cannot be read: {error.strerror}") from error
    return parse_queries(Source(shown, decode(content, shown)), subject, named=named)


def query_files(sql_folder: Path) -> Iterator[Path]:
    """Find the files that hold the queries of a system, none of them read."""
    if not sql_folder.is_dir():
        return
    for path in sorted(sql_folder.rglob("*.sql")):
        *folders, name = path.relative_to(sql_folder).parts
        is_left_out = any(folder.startswith((".", "_")) for folder in folders)
        if path.is_file() and not is_left_out and not name.startswith("."):
            yield path


def _read(path: Path, sql_folder: Path, root: Path) -> tuple[Query, ...]:
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    folders = path.relative_to(sql_folder).parent.parts
    subject = folders[0] if folders else path.stem
    if len(folders) > 1:
        reason = (
            "lies too deep; a query lies in the folder of its subject, and that in the system's"
        )
        raise UnusableQueryFile(shown, reason)
    if fault := unusable_in_python(subject):
        raise UnusableQueryFile(shown, f"the subject {subject!r} {fault}")
    return read_queries(path, shown, subject, named=not folders)
