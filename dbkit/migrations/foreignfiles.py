"""Recognise a file that was written for another tool, by its name or by its header lines."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from dbkit.errors import SourceFault
from dbkit.sqltext import Source, Token, TokenKind, tokens


class Origin(NamedTuple):
    """A tool that a file was written for."""

    tool: str
    # what `dbkit import` calls its files, or nothing if it cannot bring them over
    format: str = ""


_DBMATE, _GOOSE = Origin("dbmate", "dbmate"), Origin("goose", "goose")
_SQL_MIGRATE, _FLYWAY = Origin("sql-migrate", "sql-migrate"), Origin("Flyway", "flyway")
_GOLANG_MIGRATE = Origin("golang-migrate", "golang-migrate")
_NAMES = {
    re.compile(r"[VUBR]\d*(?:[._]\d+)*__.+\.sql", re.IGNORECASE): _FLYWAY,
    re.compile(r"\d+_.+\.(?:up|down)\.sql", re.IGNORECASE): _GOLANG_MIGRATE,
}
_HEADERS = {
    "dbmate": _DBMATE,
    "goose": _GOOSE,
    "sqlmigrate": _SQL_MIGRATE,
    "liquibase": Origin("Liquibase"),
    "tern": Origin("tern"),
    "nodepgmigrate": Origin("node-pg-migrate"),
}
# found ten times faster than the beginnings of lines
_HEADER_ANYWHERE = re.compile(
    r"--+[ \t]*(?:migrate:|\+|liquibase|changeset|create above|up|down)", re.IGNORECASE
)
_HEADER = re.compile(
    r"""^[ \t]*(?:
        (?P<dbmate>        --[ \t]*migrate:(?:up|down)\b )
      | (?P<goose>         --[ \t]*\+goose[ \t]+(?:up|down|statementbegin|no[ \t]transaction)\b )
      | (?P<sqlmigrate>    --[ \t]*\+migrate[ \t]+(?:up|down|statementbegin)\b )
      | (?P<liquibase>     --[ \t]*(?:liquibase[ \t]+formatted[ \t]+sql\b|changeset[ \t]+\S+:\S) )
      | (?P<tern>          ----[ \t]*create[ ]above[ ]/[ ]drop[ ]below[ \t]*---- )
      | (?P<nodepgmigrate> --[ \t]*(?:up|down)[ \t]+migration[ \t]*\r?$ )
    )""",
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
# in SQL a brace stands in a string, in a quoted name or in a comment, so in code it is Flyway's
_PLACEHOLDER = re.compile(r"\$\{[\w.:-]+\}")
_HIDING = frozenset(
    {
        TokenKind.STRING,
        TokenKind.DOLLAR_STRING,
        TokenKind.LINE_COMMENT,
        TokenKind.BLOCK_COMMENT,
    }
)


def origin_of_name(name: str) -> Origin | None:
    """Return the tool that names its files like this, or None."""
    return next((origin for pattern, origin in _NAMES.items() if pattern.fullmatch(name)), None)


def find_header(text: str) -> tuple[Token, Origin] | None:
    """Return the first line that another tool reads as a header, or None.

    A line in a string, in the body of a function or in the data of a copy is none.
    """
    if _HEADER_ANYWHERE.search(text) is None or _HEADER.search(text) is None:
        return None
    # text that is never closed is a fault that is told anyway
    with suppress(SourceFault):
        for token in tokens(text):
            if token.kind is not TokenKind.LINE_COMMENT:
                continue
            # white space before a comment is a token of its own
            match = _HEADER.match(text, text.rfind("\n", 0, token.start) + 1, token.end)
            if match is not None and match.lastgroup is not None:
                return token, _HEADERS[match.lastgroup]
    return None


def find_placeholders(source: Source, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Give the offset and the text of each of Flyway's placeholders in the code of a statement.

    `${x}` in a string or in the body of a function is a text like any other, so it is none.
    """
    text = source.text[start:end]
    if "${" not in text:
        return
    hidden = (token for token in tokens(text) if token.kind in _HIDING)
    hiding = next(hidden, None)
    for match in _PLACEHOLDER.finditer(text):
        while hiding is not None and hiding.end <= match.start():
            hiding = next(hidden, None)
        if hiding is None or match.start() < hiding.start:
            yield start + match.start(), match[0]
