"""Type every query of a system and write the texts of its package."""

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg

from dbkit.errors.generating import NoPackage, UnusablePackage
from dbkit.queries.checking import check_query
from dbkit.queries.files import find_queries, query_files
from dbkit.queries.generating.lock import LOCK, lock_text
from dbkit.queries.generating.module import module_text, package_text
from dbkit.settings import System
from dbkit.sqltext import Source, decode

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def package_folder(system: System, root: Path) -> Path:
    """Say which folder the package of a system is."""
    if system.package is None:
        raise NoPackage(system.name)
    if not _DOTTED.fullmatch(system.package):
        raise UnusablePackage(system.name, system.package)
    return root.joinpath(*system.package.split("."))


def generate_system(
    system: System, root: Path, connection: psycopg.Connection[Any]
) -> Mapping[Path, str]:
    """Give the text of each file of a system's package; nothing is written.

    The database is asked for the types, and left as it was.
    """
    folder = package_folder(system, root)
    sources = {(source := _source(path, root)).path: source for path in query_files(system.sql)}
    checked = [
        check_query(connection, query, sources[query.path])
        for query in find_queries(system.sql, root)
    ]
    texts = {"__init__.py": package_text(system.name)}
    for subject, queries in groupby(checked, key=lambda one: one.query.subject):
        text = module_text(system.name, subject, list(queries), sources, root)
        texts[f"{subject}.py"] = text
    texts[LOCK] = lock_text(checked, texts, system.sql)
    return {folder / name: text for name, text in texts.items()}


def _source(path: Path, root: Path) -> Source:
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return Source(shown, decode(path.read_bytes(), shown))
