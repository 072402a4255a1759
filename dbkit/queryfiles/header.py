"""Read the comment lines above a query: what it says of itself, and what is documentation."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import NamedTuple

from dbkit.queryfiles.errors import BadHeaderLine, DoubleKind, UnknownKind
from dbkit.queryfiles.query import QueryKind
from dbkit.sqltext import Source, Token

_KIND = re.compile(r"--\s*:(\S+)\s*")
_NAMED = re.compile(
    r"""--\s*name\s*:\s*
        (?!(?:not\s+null|nullable)\s*$)  # a narrowing of the column `name`
        (?P<name>[^\s():^$!<*\#.,]+) \s*
        (?:\( (?P<parameters>[^()]*) \) \s*)?
        (?P<suffix><!|\*!|[\^$!\#])? \s*
        (?::(?P<kind>\S+))? \s*""",
    re.VERBOSE,
)
# these were meant for one of those lines
_NEARLY_NAMED = re.compile(r"--\s*name\s*:.*(?:\s:\w+|[\^$!#])\s*")
_NARROWED = re.compile(
    r"--\s*(?P<name>\w+)\s*:\s*(?P<form>not\s+null|nullable|[^\W\d]\w*(?:\.[^\W\d]\w*)+)\s*"
)
_ACROSS_TENANTS = re.compile(r"--\s*across\s+tenants\s*:\s*(?P<why>.*?)\s*")
_LISTED = re.compile(r"--\s*(?P<name>\w+)\s*:\s*(?P<list>.*?)\s*")
_LIST = re.compile(r"\w+(?:\s*,\s*\w+)*")
_FOREIGN = (
    (r"--\s*:name\s+(\S+)\s+:(\S+)", r"is how PugSQL says it; write `-- name: \1 :\2`"),
    (r"--!\s*(\w+).*", r"is how clorinde says it; write `-- name: \1 :many`"),
    (r"--\s*@name\s+(\w+).*", r"is how scythe says it; write `-- name: \1 :many`"),
    (r"--\s*@returns\s+:(\w+)", r"is how scythe says it; write `-- :\1`"),
    (r"--\s*@nonnull\s+(\w+)", r"is how scythe says it; write `-- \1: not null`"),
    (r"--\s*@nullable\s+(\w+)", r"is how scythe says it; write `-- \1: nullable`"),
    (r"--\s*record_class\s*:.*", "is aiosql's; rows get a class of their own here, so take it out"),
)

_KINDS = {kind.value: kind for kind in QueryKind}
# what sqlc says; a batch of ours gives back what its statement gives back
_OF_SQLC = {
    "execrows": QueryKind.EXEC,
    "execresult": QueryKind.EXEC,
    "copyfrom": QueryKind.COPY,
    "batchexec": QueryKind.BATCH,
    "batchone": QueryKind.BATCH,
    "batchmany": QueryKind.BATCH,
}
_OF_AIOSQL = {
    "^": QueryKind.OPTIONAL,
    "$": QueryKind.OPTIONAL,
    "<!": QueryKind.OPTIONAL,
    "!": QueryKind.EXEC,
    "*!": QueryKind.BATCH,
    "#": QueryKind.EXEC,
}
# what others say, and what it would be here
_MEANT = {
    "opt": "optional",
    "maybe": "optional",
    "scalar": "one",
    "execlastid": "one",
    "all": "many",
    "iter": "stream",
    "affected": "exec",
    "raw": "exec",
    "insert": "exec",
    "exec_rows": "exec",
    "grouped": "many",
}


class NameLine(NamedTuple):
    """A `-- name: x :kind` line, or what aiosql makes of it."""

    token: Token
    name: str
    kind: QueryKind | None
    # those that aiosql's users list in parentheses
    parameters: frozenset[str] | None


@dataclass
class Header:
    """What the comment lines above a statement say."""

    kind: QueryKind | None = None
    documentation: str = ""
    narrowed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    allowed: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    across_tenants: str | None = None


def read_name(source: Source, token: Token) -> NameLine | None:
    """Read a comment as the line that names a query, or return None: it is another comment."""
    line = _line(source, token)
    line_start = source.text.rfind("\n", 0, token.start) + 1
    if source.text[line_start : token.start].strip():
        return None
    found = _NAMED.fullmatch(line)
    if found is None:
        if _NEARLY_NAMED.fullmatch(line):
            raise _bad(source, token, "names no query; write `-- name: some_name :many`")
        return None
    if found["kind"] and found["suffix"]:
        raise DoubleKind(*source.place(token.start), first_line=source.position(token.start).line)
    kind = _OF_AIOSQL.get(found["suffix"] or "")
    if found["kind"]:
        kind = _kind(source, token.start + found.start("kind"), found["kind"])
    listed = found["parameters"]
    parameters = None if listed is None else frozenset(re.findall(r"\w+", listed))
    return NameLine(token, found["name"], kind, parameters)


def read_header(
    source: Source,
    comments: Sequence[Token],
    identifiers: Iterable[str],
    named: NameLine | None = None,
) -> Header:
    """Read the comment lines above a statement, in which these variables are identifiers.

    A line is a list of allowed names only for one of them, and a narrowing only where its right
    side is the form of one; any other line is documentation.
    """
    header = Header()
    identifiers = frozenset(identifiers)
    kind_line = 0
    if named and named.kind:
        header.kind, kind_line = named.kind, source.position(named.token.start).line
    documentation: list[str] = []
    narrowed: set[tuple[str, bool]] = set()
    last_line = 0
    for token in comments:
        line, number = _line(source, token), source.position(token.start).line
        # an empty line of the file parts paragraphs as an empty comment does
        documentation += [""] * (0 < last_line < number - 1)
        last_line = number
        _refuse_foreign(source, token, line)
        if found := _KIND.fullmatch(line):
            if kind_line:
                raise DoubleKind(*source.place(token.start), first_line=kind_line)
            kind_line = number
            header.kind = _kind(source, token.start + found.start(1), found[1])
        elif found := _ACROSS_TENANTS.fullmatch(line):
            header.across_tenants = _reason(source, token, found["why"], header)
        elif (found := _LISTED.fullmatch(line)) and found["name"] in identifiers:
            header.allowed[found["name"]] = _allowed(source, token, found, header)
        elif found := _NARROWED.fullmatch(line):
            form = " ".join(found["form"].split())
            if (found["name"], "." in form) in narrowed:
                raise _bad(source, token, f"narrows {found['name']!r} again; keep one of the two")
            narrowed.add((found["name"], "." in form))
            header.narrowed.append((found["name"], form))
        else:
            documentation.append(line[2:])
    header.documentation = _paragraphs(documentation)
    return header


def refuse_late_lines(source: Source, comments: Sequence[Token]) -> None:
    """Refuse a `-- :kind` line that stands where it has no effect."""
    for token in comments:
        found = _KIND.fullmatch(_line(source, token))
        if found and (found[1] in _KINDS or found[1] in _OF_SQLC):
            reason = "has no effect below the beginning of the statement; move it to the top"
            raise _bad(source, token, reason)


def _kind(source: Source, start: int, said: str) -> QueryKind:
    kind = _KINDS.get(said) or _OF_SQLC.get(said)
    if kind is None:
        raise UnknownKind(*source.place(start), said, _MEANT.get(said, ""), tuple(_KINDS))
    return kind


def _reason(source: Source, token: Token, why: str, header: Header) -> str:
    if header.across_tenants is not None:
        raise _bad(source, token, "says so again; keep one of the two")
    if not why:
        raise _bad(source, token, "gives no reason; write `-- across tenants: why`")
    return why


def _allowed(source: Source, token: Token, found: re.Match[str], header: Header) -> tuple[str, ...]:
    name = found["name"]
    if name in header.allowed:
        raise _bad(source, token, f"lists {name!r} again; keep one of the two")
    if not _LIST.fullmatch(found["list"]):
        raise _bad(source, token, f"is no list of names; write `-- {name}: first, second`")
    return tuple(dict.fromkeys(re.findall(r"\w+", found["list"])))


def _refuse_foreign(source: Source, token: Token, line: str) -> None:
    for form, reason in _FOREIGN:
        if found := re.fullmatch(form, line):
            raise _bad(source, token, found.expand(reason))


def _paragraphs(lines: Sequence[str]) -> str:
    text = dedent("\n".join(line.rstrip() for line in lines))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _line(source: Source, token: Token) -> str:
    return source.text[token.start : token.end].rstrip()


def _bad(source: Source, token: Token, reason: str) -> BadHeaderLine:
    return BadHeaderLine(*source.place(token.start), _line(source, token), reason)
