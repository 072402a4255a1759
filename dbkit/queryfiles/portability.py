"""Refuse a token of a statement that does not mean the same in psql and in Python."""

import re
from collections.abc import Sequence

from dbkit.queryfiles.errors import BadCondition, ForeignForm, GluedVariable
from dbkit.sqltext import BLANK, Source, Token, TokenKind

# the second half of `[1:2]`, which psql does not take for a variable
SLICE = re.compile(":[0-9]+")
# a token beside which a variable's value would become part of a word, or of a string
_STICKY = frozenset(
    {
        TokenKind.WORD,
        TokenKind.QUOTED_NAME,
        TokenKind.STRING,
        TokenKind.DOLLAR_STRING,
        TokenKind.NUMBER,
        TokenKind.PARAMETER,
        TokenKind.VARIABLE,
    }
)
_FOREIGN: tuple[tuple[TokenKind, re.Pattern[str], str], ...] = (
    (TokenKind.PARAMETER, re.compile(r"\$\d+"), ":'name'"),
    (TokenKind.WORD, re.compile(r"sqlc\.n?arg\s*\(\s*'?(\w+)'?\s*\)"), r":'\1'"),
    (TokenKind.WORD, re.compile(r"sqlc\.slice\s*\(\s*'?(\w+)'?\s*\)"), r"= any(:'\1')"),
    (TokenKind.WORD, re.compile(r"sqlc\.embed\s*\(\s*(\w+)\s*\)"), r"\1"),
    (TokenKind.OPERATOR, re.compile(r"@([^\W\d]\w*)"), r":'\1'"),
    (TokenKind.OPERATOR, re.compile(r"%\((\w+)\)s"), r":'\1'"),
    (TokenKind.VARIABLE, re.compile(r":'?(\w+)'?\.(\w+)"), r":'\1_\2'"),
    (TokenKind.VARIABLE, re.compile(r":(\w+)!(?![~!@#^&|`?+\-*/%<>=])"), r":'\1'"),
)
# PostgreSQL's own types that people put before a string; `path` and `name` have other uses there
_TYPE = re.compile(
    r"(?:^|\s)(double precision|time(?:stamp)? with(?:out)? time zone"
    "|bigint|bit|bool|boolean|box|bytea|char|character|cidr|circle|date|daterange|dec|decimal"
    "|float|float4|float8|inet|int|int2|int4|int4range|int8|int8range|integer|interval|json|jsonb"
    "|jsonpath|line|lseg|macaddr|macaddr8|money|nchar|numeric|numrange|oid|pg_lsn|point|polygon"
    "|real|regclass|regtype|smallint|text|time|timestamp|timestamptz|timetz|tsquery|tsrange"
    "|tstzrange|tsvector|uuid|varbit|varchar|vector|xml)$"
)
_TYPE_WORDS = 4


def check_token(source: Source, script: Sequence[Token], number: int) -> None:
    """Refuse a token of a statement that does not mean the same in psql and in Python."""
    token = script[number]
    _refuse_foreign(source, token)
    text = source.text[token.start : token.end]
    if token.kind is TokenKind.VARIABLE and not SLICE.fullmatch(text):
        _refuse_typed(source, token, _words_before(source, script, number))
        _refuse_glued(source, script, number)


def variable_name(text: str) -> str:
    r"""Return the x of `:x`, `:'x'`, `:"x"` and `:{?x}`."""
    return text.strip(":'\"{?}")


def _refuse_foreign(source: Source, token: Token) -> None:
    for kind, form, instead in _FOREIGN:
        if token.kind is kind and (match := form.match(source.text, token.start)):
            raise ForeignForm(*source.place(token.start), match[0], match.expand(instead))


def _words_before(source: Source, script: Sequence[Token], number: int) -> list[str]:
    """Return the pieces before a token, in lower case, as many as a type's name has words."""
    words: list[str] = []
    for index in range(number - 1, -1, -1):
        before = script[index]
        if before.kind is not TokenKind.COMMAND and before.kind not in BLANK:
            words.insert(0, source.text[before.start : before.end].lower())
        if len(words) == _TYPE_WORDS:
            break
    return words


def _refuse_typed(source: Source, token: Token, words: Sequence[str]) -> None:
    type_name = _TYPE.search(" ".join(words))
    if type_name:
        variable = source.text[token.start : token.end]
        raise ForeignForm(
            *source.place(token.start),
            f"{type_name[1]} {variable}",
            f":'{variable_name(variable)}'::{type_name[1]}",
        )


def _refuse_glued(source: Source, script: Sequence[Token], number: int) -> None:
    start, end = script[number].start, script[number].end
    variable = source.text[start:end]
    if variable.startswith(":{"):
        reason = r"stands only after `\if`; put what depends on it between `\if` and `\endif`"
        raise BadCondition(*source.place(start), variable, reason)
    is_identifier, is_bare = variable[1] == '"', variable[1] not in "'\""
    before = script[number - 1] if number else None
    after = script[number + 1] if number + 1 < len(script) else None
    for neighbour in (before, after):
        # two variables that touch are told of at the first of them
        is_told = neighbour is before and neighbour and neighbour.kind is TokenKind.VARIABLE
        text = source.text[neighbour.start : neighbour.end] if neighbour else ""
        if (
            (neighbour and neighbour.kind in _STICKY and not is_told)
            or (text == "." and not is_identifier)
            # two dashes would begin a comment where the value is negative
            or (is_bare and neighbour is before and text.endswith("-"))
        ):
            raise GluedVariable(*source.place(start), variable)
