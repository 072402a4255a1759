"""Type every query of a system and write the texts of its package."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from dbkit.codegen.errors import NotProved
from dbkit.codegen.lockfile import LOCK, lock_text
from dbkit.codegen.module import module_text, package_text, rows_text
from dbkit.codegen.packagefolder import package_folder
from dbkit.codegen.plan import ROWS, plan_package
from dbkit.queryfiles import examine_folder
from dbkit.settings import System
from dbkit.sqltext import Source
from dbkit.typedqueries import TypedQuery, find_different_rows, type_queries


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
    queries = type_queries(connection, read.queries, read.sources)
    for typed in queries:
        if typed.is_lost_here:
            name = f"{typed.query.subject}.{typed.query.name}"
            raise NotProved(system.name, name, str(typed.lost))
    return package_texts(system, root, queries, read.sources)


def package_texts(
    system: System, root: Path, queries: Sequence[TypedQuery], sources: Mapping[str, Source]
) -> Mapping[Path, str]:
    """Give the text of each file of a package; the queries are in the order of subject and name."""
    for fault in find_different_rows(queries):
        raise fault
    folder = package_folder(system, root)
    plan = plan_package(queries, sources)
    texts = {"__init__.py": package_text(system.name)}
    if plan.rows.classes or plan.rows.aliases:
        texts[f"{ROWS}.py"] = rows_text(system, plan.rows, root)
    for subject, module in plan.subjects.items():
        texts[f"{subject}.py"] = module_text(system, subject, module, sources, root)
    texts[LOCK] = lock_text(queries, texts, system.sql)
    return {folder / name: text for name, text in texts.items()}
