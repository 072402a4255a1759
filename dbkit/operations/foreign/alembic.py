"""Read the revisions of alembic from the SQL that `alembic upgrade --sql` writes."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from dbkit.errors import SourceFault
from dbkit.operations.foreign.errors import AlembicFailed, NoAlembic
from dbkit.operations.foreign.histories import Half, History, OldFolder, OldMigration, lines_of
from dbkit.operations.foreign.statements import code_words, is_transaction_control
from dbkit.sqltext import ScriptStatement, Source, TokenKind, split, tokens

_SETTINGS = "alembic.ini"
_UP, _DOWN = "up.sql", "down.sql"
_RUNNING = re.compile(r"-- Running (upgrade|downgrade) (.*?) ?-> ?(.*?)\s*")
_LEDGER = "alembic_version"
_LEDGER_COMMANDS: dict[tuple[str, ...], int] = {
    ("insert", "into"): 2,
    ("delete", "from"): 2,
    ("create", "table"): 2,
}


class _Revision(NamedTuple):
    name: str
    half: Half
    # whether alembic left the transaction within it
    is_mixed: bool


def read_alembic(folder: OldFolder) -> History:
    """Read the revisions in the order in which alembic runs them.

    The folder holds alembic.ini, and alembic writes the SQL now; or it holds up.sql and perhaps
    down.sql, which alembic wrote. A single file is taken for up.sql.
    """
    texts = _read_texts(folder)
    ups = list(_revisions(folder, texts[0], "upgrade"))
    downs = {
        revision.name: revision
        for text in texts[1:]
        for revision in _revisions(folder, text, "downgrade")
    }
    names = _names_of(folder.path)
    migrations: list[OldMigration] = []
    for revision in ups:
        name = names.get(revision.name, revision.name)
        down = downs.get(revision.name)
        if revision.is_mixed:
            folder.notes.append(
                f"{name} left its transaction in the middle; all of it runs outside one now"
            )
        title = name.removeprefix(f"{revision.name}_")
        migrations.append(OldMigration(name, title, revision.half, down.half if down else None))
    return folder.history("alembic", migrations)


def _read_texts(folder: OldFolder) -> list[Source]:
    path = folder.path
    if path.is_dir() and (path / _SETTINGS).is_file():
        return _written_by_alembic(folder, path / _SETTINGS)
    if path.is_file():
        if path.name == _SETTINGS:
            return _written_by_alembic(folder, path)
        return [folder.read(path)]
    if not (path / _UP).is_file():
        folder.refuse(path, f"holds neither {_SETTINGS} nor {_UP}")
        return [Source(str(path), "")]
    return [folder.read(path / name) for name in (_UP, _DOWN) if (path / name).is_file()]


def _written_by_alembic(folder: OldFolder, settings: Path) -> list[Source]:
    program = shutil.which("alembic")
    if program is None:
        raise NoAlembic(str(folder.path), folder.system.name)
    texts = [_run(program, settings, "upgrade", "heads")]
    try:
        texts.append(_run(program, settings, "downgrade", "head:base"))
    except AlembicFailed as error:
        folder.notes.append(f"there are no rollbacks: {error}")
    return texts


def _run(program: str, settings: Path, *arguments: str) -> Source:
    command = ["alembic", "-c", settings.name, *arguments, "--sql"]
    done = subprocess.run(
        [program, *command[1:]],
        cwd=settings.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        raise AlembicFailed(" ".join(command), "".join(last).strip() or f"exit {done.returncode}")
    return Source(f"{settings.parent}: {' '.join(arguments)} --sql", done.stdout)


def _names_of(path: Path) -> dict[str, str]:
    """Return the file's name of each revision, where the files are there."""
    if not path.is_dir():
        return {}
    return {
        file.stem.partition("_")[0]: file.stem
        for file in path.rglob("*.py")
        if file.parent.name == "versions" or "versions" in file.parts
    }


def _revisions(folder: OldFolder, source: Source, direction: str) -> Iterator[_Revision]:
    """Cut what alembic wrote at its comments, one for each revision."""
    text = source.text
    try:
        heads = [
            (source.position(token.start).line, match)
            for token in tokens(text, path=source.path)
            if token.kind is TokenKind.LINE_COMMENT
            and (match := _RUNNING.fullmatch(text, token.start, token.end))
            and match[1] == direction
        ]
        statements = [part for part in split(source) if isinstance(part, ScriptStatement)]
    except SourceFault as fault:
        folder.faults.append(fault)
        return
    last_line = text.count("\n") + 1
    ends = [*(line - 1 for line, _ in heads[1:]), last_line][: len(heads)]
    for (line, match), end in zip(heads, ends, strict=True):
        own = [
            statement
            for statement in statements
            if line < statement.position.line <= end and not statement.is_empty
        ]
        name = match[3] if direction == "upgrade" else match[2]
        yield _revision(source, name, line + 1, end, own)


def _revision(
    source: Source, name: str, first: int, last: int, statements: list[ScriptStatement]
) -> _Revision:
    """Return a revision without alembic's own statements."""
    own = [statement for statement in statements if not _is_ledger(statement)]
    controls = [is_transaction_control(statement) for statement in own]
    before = len(list(takewhile(bool, controls)))
    after = len(list(takewhile(bool, reversed(controls))))
    is_mixed = any(controls[before : len(controls) - after])
    removed = [
        statement
        for statement in statements
        if _is_ledger(statement) or is_transaction_control(statement)
    ]
    ranges: list[tuple[int, int]] = []
    for statement in removed:
        start = statement.position.line
        ranges.append((first, start - 1))
        first = source.position(statement.end).line + 1
    ranges.append((first, last))
    return _Revision(name, lines_of(source, ranges, transactional=not is_mixed), is_mixed)


def _is_ledger(statement: ScriptStatement) -> bool:
    words = code_words(statement, 4)
    at = 1 if words[:1] == ("update",) else _LEDGER_COMMANDS.get(words[:2])
    # perhaps with a schema before it
    return at is not None and _LEDGER in words[at : at + 2]
