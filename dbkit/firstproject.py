"""Write the files of a new project: settings, a migration, queries, a test, CI."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dbkit.errors import ConfigurationError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SETTINGS = """\
[tool.dbkit.systems.{name}]
package = "{package}"  # where `dbkit generate` writes

[tool.dbkit.server]
embedded = true  # without a URL; set DBKIT_EMBEDDED=0 where a forgotten URL is to be an error
"""
_MIGRATION = """\
-- Notes that people write. Change this file as long as it ran on no machine but your own.

create table notes (
    id bigint generated always as identity primary key,
    text text not null,
    written_at timestamp with time zone not null default now()
);

create index notes_written_at on notes (written_at desc, id desc);
"""
_ROLLBACK = """\
-- Undoes 0001_create_notes.sql.

drop table notes;
"""
_ADD = """\
-- Writes a note down.
-- :one
insert into notes (text)
values (:'text')
returning id;
"""
_LIST = """\
-- The newest notes first; with `words`, those that hold them.
-- :many
\\if :{{?max_notes}} \\else \\set max_notes 20 \\endif
select
    notes.id,
    notes.text,
    notes.written_at
from notes
where
    true
\\if :{{?words}}
    and notes.text like '%' || :'words' || '%'
\\endif
order by notes.written_at desc, notes.id desc
limit :'max_notes';
"""
_TEST = '''\
"""The queries of {name} on a real database, in which no test leaves anything."""

from pathlib import Path
from typing import Any

import dbkit
import psycopg

QUERIES = dbkit.load(Path(__file__).parents[1] / "sql" / "{name}")


def test_a_note_is_found_by_its_words(dbkit_connection: psycopg.Connection[Any]) -> None:
    QUERIES["notes.add"](dbkit_connection, text="buy milk")
    QUERIES["notes.add"](dbkit_connection, text="sleep")

    found = QUERIES["notes.list_recent"](dbkit_connection, words="milk")

    assert [note.text for note in found] == ["buy milk"]
'''
_WORKFLOW = """\
name: database
on: [push, pull_request]
jobs:
  database:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {{fetch-depth: 0}} # `dbkit check --base` asks git for the other branch
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
      - run: pip install 'dbkit[embedded]' pytest
      - run: dbkit migrate
      - run: dbkit generate --check
      - run: >
          dbkit check --format github
          ${{{{ github.base_ref && '--base origin/' }}}}${{{{ github.base_ref }}}}
      - run: pytest
"""
_HOOKS = """\
repos:
  - repo: local
    hooks:
      - id: dbkit-check
        name: dbkit check
        entry: dbkit check
        language: system
        files: ^(migrations|sql)/
        pass_filenames: false
"""
_IGNORED = (".dbkit/", "backups/")


@dataclass(eq=False)
class ProjectIsThere(ConfigurationError):
    """A folder is in a project, so a new one would hide it."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} is a project's already; its next migration is made with: dbkit new"


@dataclass(eq=False)
class NoName(ConfigurationError):
    """A system cannot be called like this."""

    name: str

    def __str__(self) -> str:
        return (
            f"{self.name!r} cannot be the name of a system: it consists of a-z, 0-9 and _, and "
            "begins with a letter; give another with: dbkit init --name NAME"
        )


class WrittenFile(NamedTuple):
    """A file of a new project, and whether it was there before."""

    path: str
    # "written", "extended" or "left as it is"
    what: str


def name_of(folder: Path) -> str:
    """Return a name for the system of a folder."""
    return re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")


def write_project(folder: Path, name: str) -> Iterator[WrittenFile]:
    """Write what is missing of a project in a folder; nothing that is there is overwritten."""
    if not _NAME.fullmatch(name):
        raise NoName(name)
    pyproject = folder / "pyproject.toml"
    settings = _SETTINGS.format(name=name, package=f"{name}.queries")
    yield _extend(folder, pyproject, settings, there=_has_settings(pyproject))
    for path, text in {
        f"migrations/{name}/0001_create_notes.sql": _MIGRATION,
        f"migrations/{name}/0001_create_notes.rollback.sql": _ROLLBACK,
        f"sql/{name}/notes/add.sql": _ADD,
        f"sql/{name}/notes/list_recent.sql": _LIST,
        "tests/test_notes.py": _TEST,
        ".github/workflows/database.yml": _WORKFLOW,
        ".pre-commit-config.yaml": _HOOKS,
    }.items():
        yield _write(folder, folder / path, text.format(name=name))
    ignored = folder / ".gitignore"
    known = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else []
    missing = [line for line in _IGNORED if line not in known and f"/{line}" not in known]
    yield _extend(folder, ignored, "".join(f"{line}\n" for line in missing), there=not missing)


def _has_settings(path: Path) -> bool:
    if not path.is_file():
        return False
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    tool = document.get("tool", {})
    return isinstance(tool, dict) and "dbkit" in tool


def _write(folder: Path, path: Path, text: str) -> WrittenFile:
    shown = path.relative_to(folder).as_posix()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return WrittenFile(shown, "left as it is")
    return WrittenFile(shown, "written")


def _extend(folder: Path, path: Path, text: str, *, there: bool) -> WrittenFile:
    if not path.exists():
        return _write(folder, path, text)
    shown = path.relative_to(folder).as_posix()
    if there:
        return WrittenFile(shown, "left as it is")
    before = path.read_text(encoding="utf-8")
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    if path.name == ".gitignore":
        gap = gap[1:]
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{gap}{text}")
    return WrittenFile(shown, "extended")
