"""Type every query of a system and write the texts of its package."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg

from dbkit.analysis import Catalog
from dbkit.codegen.lockfile import LOCK, lock_text
from dbkit.codegen.module import module_text, package_text
from dbkit.codegen.place import package_folder
from dbkit.queryfiles import examine_folder
from dbkit.settings import System
from dbkit.sqltext import Source
from dbkit.typedqueries import CheckedQuery, check_query


def generate_system(
    system: System, root: Path, connection: psycopg.Connection[Any]
) -> Mapping[Path, str]:
    """Give the text of each file of a system's package; nothing is written.

    The database is asked for the types, and left as it was.
    """
    package_folder(system, root)
    read = examine_folder(system.sql, root)
    for fault in read.faults:
        raise fault
    catalog = Catalog(connection)
    checked = [
        check_query(connection, query, read.sources[query.path], catalog) for query in read.queries
    ]
    return package_texts(system, root, checked, read.sources)


def package_texts(
    system: System, root: Path, checked: Sequence[CheckedQuery], sources: Mapping[str, Source]
) -> Mapping[Path, str]:
    """Give the text of each file of a package, of queries in the order of subject and name."""
    folder = package_folder(system, root)
    texts = {"__init__.py": package_text(system.name)}
    for subject, queries in groupby(checked, key=lambda one: one.query.subject):
        text = module_text(system, subject, list(queries), sources, root)
        texts[f"{subject}.py"] = text
    texts[LOCK] = lock_text(checked, texts, system.sql)
    return {folder / name: text for name, text in texts.items()}
