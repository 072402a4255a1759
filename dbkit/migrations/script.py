"""Read a SQL file into the statements to send, and refuse what a migration cannot hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dbkit.migrations.errors import (
    BackslashCommand,
    BadDirective,
    EmptyMigration,
    TransactionControl,
    UnusableFile,
)
from dbkit.migrations.files import Checksum, MigrationFile, checksum
from dbkit.sqltext import (
    ScriptCommand,
    ScriptStatement,
    Source,
    Token,
    TokenKind,
    decode,
    split,
    tokens,
)

_DIRECTIVE = re.compile(
    r"--\s*(transactional|depends)\s*:[ \t]*(.*?)\s*", re.IGNORECASE | re.DOTALL
)
_LATE = re.compile(r"^[ \t]*--\s*(?:transactional|depends)\s*:", re.IGNORECASE | re.MULTILINE)
_ENDS = {"begin", "start", "commit", "end", "rollback", "abort", "prepare"}
_HARMLESS = re.compile(
    r"rollback\s+(?:work\s+|transaction\s+)?to\b|prepare\s+(?!transaction\b)", re.IGNORECASE
)

Known = Mapping[str, int]
"""The number of each migration, by its name."""


@dataclass(frozen=True, slots=True)
class Script:
    """A file, ready to be run."""

    source: Source
    statements: tuple[ScriptStatement, ...]
    transactional: bool
    depends: tuple[Token, str] | None
    checksum: Checksum


def read_script(path: Path, shown: str) -> Script:
    """Read a file of plain SQL; its header may say `-- transactional: false`."""
    content = _read(path, shown)
    text = decode(content, shown)
    source = Source(shown, text)
    directives, header_end = _directives(source)
    _refuse_late_directive(source, header_end)
    transactional = _is_transactional(source, directives.get("transactional"))
    statements: list[ScriptStatement] = []
    for part in split(source):
        if isinstance(part, ScriptCommand):
            raise BackslashCommand(*source.place(part.start), f"\\{part.name}")
        if not part.is_empty:
            if transactional:
                _refuse_transaction_control(source, part)
            statements.append(part)
    return Script(
        source,
        tuple(statements),
        transactional,
        directives.get("depends"),
        checksum(content, shown),
    )


def read_migration(migration: MigrationFile, known: Known | None = None) -> Script:
    """Read the half of a migration that is run forward; it must do something.

    `-- depends:` is yoyo's; where the numbers are the order it can only be true or wrong.
    """
    script = read_script(migration.path, migration.shown)
    if not script.statements:
        raise EmptyMigration(migration.shown)
    if known is not None and script.depends is not None:
        token, names = script.depends
        _refuse_unmet_dependency(script.source, token, names, migration, known)
    return script


def _read(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableFile(shown, f"cannot be read: {error.strerror}") from error


def _directives(source: Source) -> tuple[dict[str, tuple[Token, str]], int]:
    """Return what the header says, each with its place, and where the header ends."""
    found: dict[str, tuple[Token, str]] = {}
    for token in tokens(source.text):
        if token.kind is TokenKind.LINE_COMMENT:
            match = _DIRECTIVE.fullmatch(source.text, token.start, token.end)
            if match:
                found[match[1].lower()] = token, match[2]
        elif token.kind not in {TokenKind.SPACE, TokenKind.BLOCK_COMMENT}:
            return found, token.start
    return found, len(source.text)


def _is_transactional(source: Source, said: tuple[Token, str] | None) -> bool:
    if said is None:
        return True
    token, value = said
    if value.lower() not in {"true", "false"}:
        raise BadDirective(
            *source.place(token.start),
            source.text[token.start : token.end].strip(),
            "is neither true nor false; write `-- transactional: false`",
        )
    return value.lower() == "true"


def _refuse_late_directive(source: Source, header_end: int) -> None:
    if _LATE.search(source.text, header_end) is None:
        return
    for token in tokens(source.text):
        line = source.text[token.start : token.end]
        if (
            token.kind is TokenKind.LINE_COMMENT
            and token.start >= header_end
            and _DIRECTIVE.fullmatch(line)
        ):
            raise BadDirective(
                *source.place(token.start),
                line.strip(),
                "has no effect after the first statement; move it to the top of the file",
            )


def _refuse_transaction_control(source: Source, statement: ScriptStatement) -> None:
    first = statement.command.partition(" ")[0]
    if first not in _ENDS:
        return
    words = " ".join(
        statement.text[token.start : token.end]
        for token in tokens(statement.text)
        if token.kind not in {TokenKind.SPACE, TokenKind.LINE_COMMENT, TokenKind.BLOCK_COMMENT}
    )
    if not _HARMLESS.match(words):
        raise TransactionControl(*source.place(statement.start), first)


def _refuse_unmet_dependency(
    source: Source, token: Token, names: str, migration: MigrationFile, known: Known
) -> None:
    for name in names.split():
        if known.get(name, migration.version) >= migration.version:
            raise BadDirective(
                *source.place(token.start),
                source.text[token.start : token.end].strip(),
                f"names {name}, and no earlier migration is called that; "
                "migrations run in the order of their numbers",
            )
