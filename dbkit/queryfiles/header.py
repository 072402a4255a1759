"""Read the comment lines above a query: what it says of itself, and what is documentation."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import NamedTuple

from dbkit.queryfiles.errors import BadHeaderLine, DoubleKind, QueryFileFault, UnknownKind
from dbkit.queryfiles.pythonnames import is_class_name
from dbkit.queryfiles.queryrecords import Allowance, QueryKind
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
# a line that was probably meant as a name line
_NEARLY_NAMED = re.compile(r"--\s*name\s*:.*(?:\s:\w+|[\^$!#])\s*")
_NARROWED = re.compile(
    r"--\s*(?P<name>\w+)\s*:\s*(?P<form>not\s+null|nullable|infinity|[^\W\d]\w*(?:\.[^\W\d]\w*)+)\s*"
)
_ACROSS_TENANTS = re.compile(r"--\s*across\s+tenants\s*:\s*(?P<why>.*?)\s*")
_LISTED = re.compile(r"--\s*(?P<name>\w+)\s*:\s*(?P<list>.*?)\s*")
_ROW = re.compile(r"--\s*row\s*:\s*(?P<class>.*?)\s*")
_ALLOW = re.compile(r"--\s*allow\s*:\s*(?P<rule>[^,]*?)\s*(?:,\s*(?P<reason>.*?)\s*)?")
_RULE = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_LIST = re.compile(r"\w+(?:\s*,\s*\w+)*")
_FOREIGN = (
    (r"--\s*:name\s+(\S+)\s+:(\S+)", r"is how PugSQL says it; write `-- name: \1 :\2`"),
    (r"--!\s*(\w+).*", r"is how clorinde says it; write `-- name: \1 :many`"),
    (r"--\s*@name\s+(\w+).*", r"is how scythe says it; write `-- name: \1 :many`"),
    (r"--\s*@returns\s+:(\w+)", r"is how scythe says it; write `-- :\1`"),
    (r"--\s*@nonnull\s+(\w+)", r"is how scythe says it; write `-- \1: not null`"),
    (r"--\s*@nullable\s+(\w+)", r"is how scythe says it; write `-- \1: nullable`"),
    (r"--\s*record_class\s*:\s*(\w+).*", r"is how aiosql says it; write `-- row: \1`"),
)

_KINDS = {kind.value: kind for kind in QueryKind}
# sqlc's kinds; a :batch returns whatever its statement returns
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
# kinds of other libraries, and the kind that is meant here
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
    """A `-- name: x :kind` line, in this form or in aiosql's."""

    token: Token
    name: str
    kind: QueryKind | None
    # the parameters that aiosql lists in parentheses
    parameters: frozenset[str] | None


@dataclass
class QueryHeader:
    """What the comment lines above a statement say."""

    kind: QueryKind | None = None
    # whether there is a kind, or a faulty line that was meant as one
    says_kind: bool = False
    documentation: str = ""
    narrowed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    # by the identifier, the names that it may be; empty if the line is faulty
    listed: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    across_tenants: str | None = None
    row_class: str | None = None
    allowances: dict[str, Allowance] = field(default_factory=dict[str, Allowance])
    faults: list[QueryFileFault] = field(default_factory=list[QueryFileFault])


def read_name(source: Source, token: Token) -> NameLine | None:
    """Read a comment as the line that names a query; None if it is another comment."""
    line = _line(source, token)
    line_start = source.text.rfind("\n", 0, token.start) + 1
    if source.text[line_start : token.start].strip():
        return None
    match = _NAMED.fullmatch(line)
    if match is None:
        if _NEARLY_NAMED.fullmatch(line):
            raise _bad(source, token, "names no query; write `-- name: some_name :many`")
        return None
    if match["kind"] and match["suffix"]:
        raise DoubleKind(*source.place(token.start), first_line=source.position(token.start).line)
    kind = _OF_AIOSQL.get(match["suffix"] or "")
    if match["kind"]:
        kind = _kind(source, token.start + match.start("kind"), match["kind"])
    listed = match["parameters"]
    parameters = None if listed is None else frozenset(re.findall(r"\w+", listed))
    return NameLine(token, match["name"], kind, parameters)


def read_header(
    source: Source,
    comments: Sequence[Token],
    identifiers: Iterable[str],
    named: NameLine | None = None,
) -> QueryHeader:
    """Read the comment lines above a statement, in which these variables are identifiers.

    `-- x: a, b` is a list of names only where `x` is one of these identifiers, and `-- x: …` a
    narrowing only where its right side has the form of one. Both come before `-- row: Class` and
    `-- allow: rule, reason`. Any other line is documentation.
    """
    reader = _HeaderReader(source, frozenset(identifiers))
    if named and named.kind:
        reader.begin(named.kind, named.token)
    for token in comments:
        reader.follow(token)
    return reader.finish()


def is_documentation(source: Source, comment: Token) -> bool:
    """Say whether a comment line is documentation."""
    header = read_header(source, (comment,), ())
    return header == QueryHeader(documentation=header.documentation)


def find_late_lines(source: Source, comments: Sequence[Token]) -> Iterator[BadHeaderLine]:
    """Find the `-- :kind` lines that stand where they have no effect."""
    for token in comments:
        match = _KIND.fullmatch(_line(source, token))
        if match and (match[1] in _KINDS or match[1] in _OF_SQLC):
            reason = "has no effect below the beginning of the statement; move it to the top"
            yield _bad(source, token, reason)


def _kind(source: Source, start: int, word: str) -> QueryKind:
    kind = _KINDS.get(word) or _OF_SQLC.get(word)
    if kind is None:
        raise UnknownKind(*source.place(start), word, _MEANT.get(word, ""), tuple(_KINDS))
    return kind


def _paragraphs(lines: Sequence[str]) -> str:
    text = dedent("\n".join(line.rstrip() for line in lines))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _line(source: Source, token: Token) -> str:
    return source.text[token.start : token.end].rstrip()


def _subject(form: str) -> str:
    """Return what a narrowing is about: two lines of one name are about different things."""
    if "." in form:
        return "type"
    return form if form == "infinity" else "null"


def _bad(source: Source, token: Token, reason: str) -> BadHeaderLine:
    return BadHeaderLine(*source.place(token.start), _line(source, token), reason)


class _HeaderReader:
    def __init__(self, source: Source, identifiers: frozenset[str]) -> None:
        self._source = source
        self._identifiers = identifiers
        self._header = QueryHeader()
        self._documentation: list[str] = []
        self._kind_line = 0
        self._last_line = 0

    def begin(self, kind: QueryKind, token: Token) -> None:
        """Take over the kind that stands in the line which names the query."""
        self._header.kind, self._header.says_kind = kind, True
        self._kind_line = self._source.position(token.start).line

    def follow(self, token: Token) -> None:
        """Read one comment line, and keep what is wrong with it."""
        line, number = _line(self._source, token), self._source.position(token.start).line
        # an empty line of the file separates paragraphs, as an empty comment does
        self._documentation += [""] * (0 < self._last_line < number - 1)
        self._last_line = number
        try:
            self._refuse_foreign(token, line)
            if not self._read_statement_line(token, line) and not self._read_rule_line(token, line):
                self._documentation.append(line[2:])
        except QueryFileFault as fault:
            self._header.faults.append(fault)

    def finish(self) -> QueryHeader:
        """Return what the lines say."""
        self._header.documentation = _paragraphs(self._documentation)
        return self._header

    def _refuse_foreign(self, token: Token, line: str) -> None:
        for form, reason in _FOREIGN:
            if match := re.fullmatch(form, line):
                self._header.says_kind = True
                raise self._bad(token, match.expand(reason))

    def _read_statement_line(self, token: Token, line: str) -> bool:
        """Read a line about the statement's rows, columns and variables, if this is one."""
        if match := _KIND.fullmatch(line):
            self._read_kind(token, match)
        elif (match := _LISTED.fullmatch(line)) and match["name"] in self._identifiers:
            self._read_list(token, match)
        elif match := _NARROWED.fullmatch(line):
            self._read_narrowing(token, match)
        elif match := _ROW.fullmatch(line):
            self._read_row_class(token, match["class"])
        return match is not None

    def _read_rule_line(self, token: Token, line: str) -> bool:
        """Read a line that asks for an exception from a rule, if this is one."""
        if match := _ACROSS_TENANTS.fullmatch(line):
            self._read_across_tenants(token, match["why"])
        elif match := _ALLOW.fullmatch(line):
            self._read_allowance(token, match)
        return match is not None

    def _read_kind(self, token: Token, match: re.Match[str]) -> None:
        if self._kind_line:
            raise DoubleKind(*self._source.place(token.start), first_line=self._kind_line)
        self._kind_line = self._source.position(token.start).line
        self._header.says_kind = True
        self._header.kind = _kind(self._source, token.start + match.start(1), match[1])

    def _read_list(self, token: Token, match: re.Match[str]) -> None:
        name, listed = match["name"], self._header.listed
        if name in listed:
            raise self._bad(token, f"lists {name!r} again; keep one of the two")
        listed[name] = ()
        if not _LIST.fullmatch(match["list"]):
            raise self._bad(token, f"is no list of names; write `-- {name}: first, second`")
        listed[name] = tuple(dict.fromkeys(re.findall(r"\w+", match["list"])))

    def _read_narrowing(self, token: Token, match: re.Match[str]) -> None:
        name, form = match["name"], " ".join(match["form"].split())
        subject = _subject(form)
        if any(
            name == other and subject == _subject(known) for other, known in self._header.narrowed
        ):
            raise self._bad(token, f"narrows {name!r} again; keep one of the two")
        self._header.narrowed.append((name, form))

    def _read_row_class(self, token: Token, name: str) -> None:
        if self._header.row_class is not None:
            raise self._bad(token, "names a row class again; keep one of the two")
        if not is_class_name(name):
            word = re.search(r"[^\W\d_]\w*", name)
            meant = word[0][0].upper() + word[0][1:] if word else ""
            raise self._bad(
                token,
                "names no class, which is one word that begins with a capital letter; "
                f"write `-- row: {meant if is_class_name(meant) else 'Run'}`",
            )
        self._header.row_class = name

    def _read_across_tenants(self, token: Token, why: str) -> None:
        if self._header.across_tenants is not None:
            raise self._bad(token, "says so again; keep one of the two")
        if not why:
            raise self._bad(token, "gives no reason; write `-- across tenants: why`")
        self._header.across_tenants = why

    def _read_allowance(self, token: Token, match: re.Match[str]) -> None:
        rule, reason, allowances = match["rule"], match["reason"], self._header.allowances
        if not _RULE.fullmatch(rule):
            raise self._bad(token, "names no rule of `dbkit check`; write `-- allow: rule, reason`")
        if rule in allowances:
            raise self._bad(token, f"allows {rule!r} again; keep one of the two")
        if not reason:
            raise self._bad(token, f"gives no reason; write `-- allow: {rule}, reason`")
        allowances[rule] = Allowance(rule, reason, self._source.position(token.start).line)

    def _bad(self, token: Token, reason: str) -> BadHeaderLine:
        return _bad(self._source, token, reason)
