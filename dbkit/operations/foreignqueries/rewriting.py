"""Write a query of sqlc or aiosql as dbkit has it: only what has another form is touched."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dbkit.operations.foreignqueries.columnsbeside import (
    after_cast,
    column_beside,
    columns_of_inserts,
)
from dbkit.operations.foreignqueries.oldparameters import FINDERS, OldParameter, snake_case
from dbkit.operations.foreignqueries.oldqueries import OldQuery
from dbkit.queryfiles import (
    QueryKind,
    find_late_lines,
    is_documentation,
    usable_name,
    usable_parameter,
)
from dbkit.sqltext import Source, Token, TokenKind

_RECORD_CLASS = re.compile(r"--\s*record_class\s*:\s*(\w+)\s*")
_EMBED = re.compile(r"sqlc\.embed\(\w+\)", re.IGNORECASE)


class Edit(NamedTuple):
    """What is written in the place of a piece of the old text."""

    start: int
    end: int
    text: str


class NumberedName(NamedTuple):
    """The name that `$1` got, and whether a column told it."""

    number: str
    name: str
    is_plain: bool


class Rewritten(NamedTuple):
    """A query's name, how its text changes, and what a person should know."""

    # its old name, if the line that names it could be read
    was: str
    name: str
    edits: Sequence[Edit]
    numbered: Sequence[NumberedName]
    # places that have to be looked at, each with the reason
    doubts: Sequence[tuple[int, str]]


def rewrite(tool: str, query: OldQuery) -> Rewritten:
    """Say how the text of a query changes."""
    found = list(FINDERS[tool](query))
    names, numbered = _name_parameters(query, found)
    begin = query.code[0].start if query.code else len(query.source.text)
    edits = [
        *quiet_headers(
            query.source, [token for token in query.comments if token.start < begin], tool
        ),
        *_quiet_late_lines(query, begin),
    ]
    edits += (_edit(query, parameter, names[parameter.called]) for parameter in found)
    edits += _for_psql(tool, query)
    edits += _end(query)
    named = query.named
    if named is None:
        return Rewritten("", "", edits, numbered, ())
    is_of_sqlc = tool == "sqlc"
    name = usable_name(snake_case(named.name) if is_of_sqlc else named.name.replace("-", "_"))
    header = [f"-- name: {name} :{named.kind or QueryKind.MANY}"]
    header += (f"-- {names[called]}: nullable" for called in _unseen_nulls(query, found))
    line_end = "\r\n" if "\r\n" in query.source.text else "\n"
    edits.append(Edit(query.line.start, query.line.end, line_end.join(header)))
    return Rewritten(named.name, name, edits, numbered, list(_doubts(tool, query)))


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with all edits made."""
    pieces: list[str] = []
    end = 0
    for edit in sorted(edits):
        pieces += (text[end : edit.start], edit.text)
        end = edit.end
    return "".join((*pieces, text[end:]))


def quiet_headers(source: Source, comments: Iterable[Token], tool: str) -> Iterator[Edit]:
    """Write record classes as ours, and take the colon out of what would be read as a header."""
    for token in comments:
        line = source.text[token.start : token.end].rstrip()
        if tool == "aiosql" and (match := _RECORD_CLASS.fullmatch(line)):
            words = match[1].split("_")
            name = "".join(word[:1].upper() + word[1:] for word in words)
            yield Edit(token.start, token.start + len(line), f"-- row: {name}")
        elif not is_documentation(source, token) and ":" in line:
            colon = token.start + line.index(":")
            yield Edit(colon, colon + 1, " ")


def _quiet_late_lines(query: OldQuery, begin: int) -> Iterator[Edit]:
    """Take the colon out of a comment below, which would be refused as a kind in a wrong place."""
    for token in query.comments:
        if token.start > begin and any(find_late_lines(query.source, [token])):
            colon = query.source.text.index(":", token.start)
            yield Edit(colon, colon + 1, " ")


def _name_parameters(
    query: OldQuery, found: Sequence[OldParameter]
) -> tuple[dict[str, str], list[NumberedName]]:
    """Give each parameter a name of its own: first those with names, then those with numbers."""
    names: dict[str, str] = {}
    for parameter in found:
        if parameter.wanted and parameter.called not in names:
            names[parameter.called] = _free(parameter.wanted, names.values())
    numbered: list[NumberedName] = []
    inserted = columns_of_inserts(query)
    numbers = {parameter.called for parameter in found if not parameter.wanted}
    for number in sorted(numbers, key=lambda number: int(number[1:])):
        columns = (
            column_beside(query, place.first, place.last, inserted)
            for place in found
            if place.called == number
        )
        column = next(filter(None, columns), None)
        wanted = usable_parameter(snake_case(column)) if column else f"p{number[1:]}"
        names[number] = _free(wanted, names.values())
        numbered.append(NumberedName(number, names[number], column is not None))
    return names, numbered


def _free(wanted: str, taken: Iterable[str]) -> str:
    in_use, name, count = {*taken}, wanted, 1
    while name in in_use:
        count += 1
        name = f"{wanted}_{count}"
    return name


def _edit(query: OldQuery, parameter: OldParameter, name: str) -> Edit:
    start, end = query.code[parameter.first].start, query.code[parameter.last].end
    written = f":'{name}'"
    if parameter.is_list:
        is_negated = query.word(parameter.first) == "not"
        written = f"<> all({written})" if is_negated else f"= any({written})"
    # after the colon of a slice, `[$1:$2]`, it would be read as a cast
    glued = query.source.text[:start].endswith(":")
    return Edit(start, end, f" {written}" if glued else written)


def _for_psql(tool: str, query: OldQuery) -> Iterator[Edit]:
    """Keep what is no variable in the other tool from being one in psql."""
    for index, token in enumerate(query.code):
        text = query.text(index)
        if tool == "sqlc" and token.kind is TokenKind.VARIABLE and not text[1:].isdigit():
            yield Edit(token.start, token.start + 1, ": ")
        elif tool == "sqlc" and query.word(index) == "sqlc" and query.word(index + 2) == "embed":
            start, end = token.start, query.code[min(index + 5, len(query.code) - 1)].end
            if _EMBED.fullmatch(query.source.text, start, end):
                yield Edit(start, end, query.text(index + 4))
        elif tool == "aiosql" and token.kind is TokenKind.OPERATOR and text == "%%":
            yield Edit(token.start, token.end, "%")


def _end(query: OldQuery) -> Iterator[Edit]:
    """End the statement: the query that follows may begin only then."""
    if query.code and query.text(len(query.code) - 1) != ";":
        end = query.code[-1].end
        yield Edit(end, end, ";")


def _unseen_nulls(query: OldQuery, found: Sequence[OldParameter]) -> list[str]:
    """Return the parameters of which only sqlc's narg tells that they may be null."""
    told = dict.fromkeys(parameter.called for parameter in found if parameter.may_be_null)
    for place in found:
        is_in_coalesce = query.text(place.first - 1) == "(" and (
            query.word(place.first - 2) == "coalesce"
        )
        if is_in_coalesce or query.word(after_cast(query, place.last + 1)) == "is":
            told.pop(place.called, None)
    return list(told)


def _doubts(tool: str, query: OldQuery) -> Iterator[tuple[int, str]]:
    """Find what a driver changes before it sends a statement."""
    for token in query.code:
        text = query.source.text[token.start : token.end]
        if tool == "aiosql" and token.kind is TokenKind.STRING and "%%" in text:
            reason = (
                "psycopg sends `%%` as one `%`, and here it stays two; write one, if it was psycopg"
            )
            yield token.start, reason
