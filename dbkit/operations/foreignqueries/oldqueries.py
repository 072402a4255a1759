"""Cut a query file of another tool at the lines that name a query."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dbkit.errors import DbkitError
from dbkit.queryfiles import NameLine, read_name
from dbkit.sqltext import BLANK, Source, Token, TokenKind, tokens

# sqlc reads the line in a comment of either form
_BLOCK = re.compile(r"/\*\s*(name\s*:[^\n]*?)\s*\*/")


class OldQuery(NamedTuple):
    """One query, as another tool has it."""

    source: Source
    line: Token
    # None if the line is faulty: then it stays as it is
    named: NameLine | None
    # the comments of its lines, and all that is no comment and no white space
    comments: Sequence[Token]
    code: Sequence[Token]

    def text(self, index: int) -> str:
        """Return a token of the code as it is written; beyond the ends there is nothing."""
        if not 0 <= index < len(self.code):
            return ""
        token = self.code[index]
        return self.source.text[token.start : token.end]

    def word(self, index: int) -> str:
        """Return a token of the code in lower case, if it is a word."""
        is_word = 0 <= index < len(self.code) and self.code[index].kind is TokenKind.WORD
        return self.text(index).lower() if is_word else ""

    def touch(self, first: int, last: int) -> bool:
        """Whether nothing stands between the tokens from first to last, not even a space."""
        return last < len(self.code) and all(
            self.code[index].end == self.code[index + 1].start for index in range(first, last)
        )


def cut_queries(source: Source) -> tuple[Sequence[Token], Sequence[OldQuery]]:
    """Return the comments above the first query, and the queries of a file."""
    script = list(tokens(source.text, path=source.path))
    starts = [
        (number, named)
        for number, token in enumerate(script)
        for named in _name_lines(source, token)
    ]
    if not starts:
        return _comments(script), ()
    above = script[: starts[0][0]]
    ends = [number for number, _ in starts[1:]] + [len(script)]
    queries: list[OldQuery] = []
    for (number, named), end in zip(starts, ends, strict=True):
        part = script[number + 1 : end]
        queries.append(
            OldQuery(
                source,
                script[number],
                named,
                _comments(part),
                [token for token in part if token.kind not in BLANK],
            )
        )
    return _comments(above), queries


def _name_lines(source: Source, token: Token) -> Iterator[NameLine | None]:
    """Give what a comment names: nothing, a query, or None if the line is faulty."""
    named_in = source
    if token.kind is TokenKind.BLOCK_COMMENT:
        match = _BLOCK.fullmatch(source.text, token.start, token.end)
        if match is None:
            return
        line = f"-- {match[1]}"
        named_in, token = Source(source.path, line), Token(TokenKind.LINE_COMMENT, 0, len(line))
    elif token.kind is not TokenKind.LINE_COMMENT:
        return
    try:
        named = read_name(named_in, token)
    except DbkitError:
        yield None
        return
    if named is not None:
        yield named


def _comments(script: Sequence[Token]) -> list[Token]:
    return [token for token in script if token.kind is TokenKind.LINE_COMMENT]
