"""Find the parameters of a query of sqlc or aiosql, as they are written there."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from dbkit.operations.foreignqueries.oldqueries import OldQuery
from dbkit.queryfiles import usable_parameter
from dbkit.sqltext import TokenKind

_NUMBERED = re.compile(r"\$[0-9]+")
_PLAIN_VARIABLE = re.compile(r":[^\W\d]\w*")
_NAMES = frozenset({TokenKind.WORD, TokenKind.STRING, TokenKind.QUOTED_NAME})
# `sqlc . arg ( x )`
_CALL = 6
# `GetURLOf` is get_url_of, and `GetIDs` is get_ids
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])")


class OldParameter(NamedTuple):
    """One place of a parameter: its first and its last token in the code."""

    first: int
    last: int
    # what it is called there, "$1" if it has a number
    called: str
    # the name that it gets, unless another has it; empty if it has a number
    wanted: str
    may_be_null: bool = False
    # `in (…)` or `not in (…)` of a list that is sent as one array
    is_list: bool = False


def snake_case(name: str) -> str:
    """Return `GetBook` as `get_book`, and `get-book` too."""
    return _HUMP.sub("_", name).replace("-", "_").lower()


def find_of_sqlc(query: OldQuery) -> Iterator[OldParameter]:
    """Find `$1`, `@x`, `sqlc.arg(x)`, `sqlc.narg('x')` and `in (sqlc.slice('x'))`."""
    for index, token in enumerate(query.code):
        text = query.text(index)
        if token.kind is TokenKind.PARAMETER and _NUMBERED.fullmatch(text):
            yield OldParameter(index, index, text, "")
        elif text == "@" and query.word(index + 1) and query.touch(index, index + 1):
            name = query.text(index + 1)
            yield OldParameter(index, index + 1, name, usable_parameter(snake_case(name)))
        elif query.word(index) == "sqlc":
            yield from _called(query, index)


def find_of_aiosql(query: OldQuery) -> Iterator[OldParameter]:
    """Find `:x`, `:x.y`, `:x-y` and `in :x`."""
    for index, token in enumerate(query.code):
        text = query.text(index)
        if token.kind is not TokenKind.VARIABLE or not _PLAIN_VARIABLE.fullmatch(text):
            continue
        name, last = text[1:], index
        while (
            query.text(last + 1) in {".", "-"}
            and query.touch(last, last + 2)
            and query.code[last + 2].kind in {TokenKind.WORD, TokenKind.NUMBER}
        ):
            name += f"_{query.text(last + 2)}"
            last += 2
        first = _beginning_of_in(query, index)
        called = "".join(query.text(number) for number in range(index, last + 1))[1:]
        yield OldParameter(first, last, called, usable_parameter(name), is_list=first < index)


FINDERS: Mapping[str, Callable[[OldQuery], Iterator[OldParameter]]] = {
    "aiosql": find_of_aiosql,
    "sqlc": find_of_sqlc,
}


def _called(query: OldQuery, index: int) -> Iterator[OldParameter]:
    """Give the parameter that a call such as `sqlc.arg(x)` stands for."""
    form, last = query.word(index + 2), index + _CALL - 1
    shape = [query.text(index + number) for number in (1, 3, 5)]
    if shape != [".", "(", ")"] or query.code[index + 4].kind not in _NAMES:
        return
    called = query.text(index + 4).strip("'\"")
    wanted = usable_parameter(snake_case(called))
    if form in {"arg", "narg"}:
        yield OldParameter(index, last, called, wanted, may_be_null=form == "narg")
    elif form == "slice" and query.text(index - 1) == "(" and query.text(last + 1) == ")":
        first = _beginning_of_in(query, index - 1)
        if first < index - 1:
            yield OldParameter(first, last + 1, called, wanted, is_list=True)


def _beginning_of_in(query: OldQuery, index: int) -> int:
    """Return where the `in` or `not in` before a token begins, or the token if there is none."""
    if query.word(index - 1) != "in":
        return index
    return index - 2 if query.word(index - 2) == "not" else index - 1
