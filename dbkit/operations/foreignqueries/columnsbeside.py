"""Tell which column a parameter is compared with, or inserted into."""

from collections.abc import Mapping, Sequence

from dbkit.operations.foreignqueries.oldqueries import OldQuery
from dbkit.sqltext import TokenKind

_NAMES = frozenset({TokenKind.WORD, TokenKind.QUOTED_NAME})
_COMPARISONS = frozenset(
    {"=", "<>", "!=", "<", ">", "<=", ">=", "=>", ":=", "~", "~*", "!~", "!~*", "@>", "<@", "&&"}
)
_LIKE = frozenset({"like", "ilike"})
_COUNTS = frozenset({"limit", "offset"})
# words before an operator that are no column
_NO_COLUMNS = frozenset(
    {"all", "any", "case", "default", "else", "end", "false", "null", "some", "then", "true"}
)


def column_beside(
    query: OldQuery, first: int, last: int, inserted: Mapping[int, str]
) -> str | None:
    """Return the column that a parameter is compared with or inserted into, if it is plain."""
    # a parameter of a call is named for what the call is compared with: `id = any($1)`
    while query.text(first - 1) == "(" and query.word(first - 2) and not _is_list(query, first - 2):
        first -= 2
    if first in inserted:
        return inserted[first]
    if query.word(first - 1) in _COUNTS:
        return query.word(first - 1)
    return _left_of(query, first - 1) or _right_of(query, last + 1)


def columns_of_inserts(query: OldQuery) -> dict[int, str]:
    """Return the column of each first token of a value in `insert into t (a, b) values (…)`."""
    found: dict[int, str] = {}
    for index in range(len(query.code)):
        if query.word(index) == "into" and query.word(index - 1) == "insert":
            found |= _inserted(query, index + 1)
    return found


def after_cast(query: OldQuery, index: int) -> int:
    """Return the token after the casts that begin here: `::text[]` and the like."""
    while query.text(index) == "::" and index + 1 < len(query.code):
        index += 2
        while query.text(index) in {"[", "]"} or (
            query.text(index - 1) == "[" and query.text(index)
        ):
            index += 1
    return index


def _is_list(query: OldQuery, index: int) -> bool:
    return query.word(index) in {"in", "values", "and", "or", "not", "where", "on", "select"}


def _is_comparison(query: OldQuery, index: int) -> bool:
    return query.text(index) in _COMPARISONS or query.word(index) in _LIKE


def _left_of(query: OldQuery, index: int) -> str | None:
    if not _is_comparison(query, index):
        return None
    index -= 2 if query.word(index - 1) == "not" else 1
    if query.text(index - 1) == "::":
        index -= 2
    return _name(query, index)


def _right_of(query: OldQuery, index: int) -> str | None:
    index = after_cast(query, index)
    if not _is_comparison(query, index):
        return None
    index += 1
    while query.text(index + 1) == ".":
        index += 2
    return None if query.text(index + 1) == "(" else _name(query, index)


def _name(query: OldQuery, index: int) -> str | None:
    if not 0 <= index < len(query.code) or query.code[index].kind not in _NAMES:
        return None
    if query.word(index) in _NO_COLUMNS:
        return None
    return query.text(index).strip('"')


def _inserted(query: OldQuery, index: int) -> dict[int, str]:
    """Return the column of each value's first token, behind `insert into`."""
    while query.text(index) not in {"(", ""}:
        if query.word(index) in {"values", "select", "default", "with"}:
            return {}
        index += 1
    columns: list[str] = []
    index += 1
    while query.text(index) not in {")", ""}:
        if query.text(index) != ",":
            columns.append(query.text(index).strip('"'))
        index += 1
    index += 1
    while query.word(index) in {"overriding", "system", "user", "value"}:
        index += 1
    is_plain = bool(columns) and query.word(index) == "values"
    return _values(query, index + 1, columns) if is_plain else {}


def _values(query: OldQuery, index: int, columns: Sequence[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    while query.text(index) == "(":
        depth, item = 1, 0
        found[index + 1] = columns[0]
        while depth and query.text(index):
            index += 1
            text = query.text(index)
            depth += (text in {"(", "["}) - (text in {")", "]"})
            if text == "," and depth == 1:
                item += 1
                if item < len(columns):
                    found[index + 1] = columns[item]
        index += 2 if query.text(index + 1) == "," else 1
    return found
