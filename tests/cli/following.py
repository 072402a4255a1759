"""Follow the commands that a message prints, and see that nothing is lost or made up."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from tests.project import Project

_FOLDER = "migrations/shop"
_COMMANDS = (
    "adopt|backup|check|force|generate|import|migrate|new|renumber|repair|resume|rollback|server"
    "|status"
)
# a command with its arguments, as far as a person would copy it out of a sentence
_COMMAND = re.compile(
    rf"dbkit ((?:{_COMMANDS})"
    r"(?: (?:(?:shop|up|SYSTEM|NAME|N|reset|stop)\b|\d+\b|--explain [a-z-]+|--folder \S+(?=`)"
    r"|--url '[^']*'|--url \S+"
    r'|--[a-z][a-z-]+|"[^"]*"|[a-z-]+ [\w/.]+ shop\b))*)'
)


def commands(messages: str) -> list[str]:
    """Return the commands of a text, each once, as they stand there."""
    return list(dict.fromkeys(match[1] for match in _COMMAND.finditer(messages)))


def rows(project: Project) -> dict[str, list[str]]:
    """Return the rows of every table that is not of the books."""
    tables = project.rows(
        "select oid::regclass::text from pg_class where relkind = 'r' "
        "and relnamespace = 'public'::regnamespace and relname !~ '^schema_version'"
    )
    return {name: sorted(map(repr, project.rows(f"select * from {name}"))) for (name,) in tables}


def lost(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """Return the rows that are gone, and the tables."""
    gone = [table for table in before if table not in after]
    return gone + [
        f"{table} {row}"
        for table, rows in before.items()
        for row in rows
        if row not in after.get(table, ())
    ]


def recorded(project: Project) -> set[int]:
    """Return the versions that the ledger has."""
    if project.rows("select to_regclass('public.schema_version')") == [(None,)]:
        return set()
    return {version for (version,) in project.rows("select version from schema_version")}


def tables_of(project: Project, versions: set[int]) -> set[str]:
    """Return the tables that migrations of these numbers make, as the files say now."""
    files = (project.root / _FOLDER).glob("[0-9]*.sql")
    names = [path.stem for path in files if not path.stem.endswith(".rollback")]
    return {name[5:] for name in names if int(name[:4]) in versions}


def arguments_of(command: str, given: Mapping[str, str] | None = None) -> list[str]:
    """Return the arguments of a command, with what a person writes for a word in capitals."""
    return [(given or {}).get(word, word) for word in shlex.split(command)]


def follow(project: Project, command: str, given: Mapping[str, str] | None = None) -> int:
    """Run one command as it stands; nothing may be lost, and nothing recorded that is not there."""
    before, known = rows(project), recorded(project)

    ran = project.dbkit(*arguments_of(command, given))

    after, now = rows(project), recorded(project)
    assert not lost(before, after), command
    assert tables_of(project, now - known) <= after.keys(), command
    assert tables_of(project, known - now).isdisjoint(after), command
    return ran.returncode


def project_file(project: Project, text: str) -> Path:
    """Write the settings of the project."""
    path = project.root / "pyproject.toml"
    path.write_text(text)
    return path
