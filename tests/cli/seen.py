"""What a test sees of a command: its one sentence, and what the database then holds."""

import re
import subprocess
from typing import Any

from dbkit.migrations import BOOKKEEPING
from tests.project import Project

_RELATIONS = """
select
    relation.oid::regclass::text as name,
    array_agg(attribute.attname::text order by attribute.attnum) as columns
from pg_class as relation
inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
inner join pg_attribute as attribute on attribute.attrelid = relation.oid
where
    relation.relkind in ('r', 'p', 'v', 'm')
    and attribute.attnum > 0
    and not attribute.attisdropped
    and namespace.nspname !~ '^(pg_|information_schema)'
group by relation.oid
"""

Contents = dict[str, tuple[list[str], list[str]]]


_STANDING = re.compile(r"\nshop is at version \d+; .*\n\Z")


def refusal(ran: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """Return what a command that refused its work said, without how the database stands."""
    assert ran.returncode == code, ran
    assert ran.stdout == "" or "--json" in ran.args
    assert "Traceback" not in ran.stderr
    assert ran.stderr.startswith("error: ")
    return _STANDING.sub("\n", ran.stderr).removeprefix("error: ").removesuffix("\n")


def contents(project: Project) -> Contents:
    """Return every table and view of the database, with its columns and its rows."""
    return {name: (columns, _rows(project, name)) for name, columns in project.rows(_RELATIONS)}


def leftovers(project: Project) -> Contents:
    """Return what is there beside a ledger without an entry."""
    return {
        name: (columns, rows)
        for name, (columns, rows) in contents(project).items()
        if rows or name.removeprefix("dbkit.") not in BOOKKEEPING
        if name != "dbkit._yoyo_version"
    }


def _rows(project: Project, name: str) -> list[str]:
    rows: list[tuple[Any, ...]] = project.rows(f"select * from {name}")
    return sorted(map(repr, rows))
