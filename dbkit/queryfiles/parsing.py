"""Turn the text of a query file into its queries."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

from dbkit.errors import DbkitError
from dbkit.queryfiles.clashes import find_clashes
from dbkit.queryfiles.combinations import MOST_SWITCHES, all_combinations, find_switches
from dbkit.queryfiles.errors import (
    BadDefault,
    BadHeaderLine,
    MissingKind,
    NoStatement,
    TooManySwitches,
    UnendedStatement,
    UnusableName,
    UnusableQueryFile,
)
from dbkit.queryfiles.header import Header, NameLine, read_header, read_name, refuse_late_lines
from dbkit.queryfiles.names import unusable_in_python
from dbkit.queryfiles.parts import Text, read_text
from dbkit.queryfiles.query import Choice, Combination, Query, QueryKind
from dbkit.queryfiles.variables import (
    check_variables,
    find_variables,
    mark_omittable,
    read_choices,
    read_parameters,
    tell_together,
)
from dbkit.sqltext import BLANK, Source, Token, TokenKind, tokens


class ReadFile(NamedTuple):
    """The queries of a file, and what is wrong with those that cannot be read."""

    queries: tuple[Query, ...]
    faults: tuple[DbkitError, ...]


class _Section(NamedTuple):
    """The tokens of one query, and the line that names it where the file holds several."""

    start: int
    named: NameLine | None
    script: Sequence[Token]
    # of the line that names it
    fault: DbkitError | None = None


def parse_queries(source: Source, subject: str, *, named: bool = False) -> tuple[Query, ...]:
    """Read every query of a file, or refuse it; `named` asks for a `-- name:` line above each.

    Without such a line the file holds one query, called like the file. With them the name of the
    file counts for nothing: the queries are called as their lines say.
    """
    read = examine_source(source, subject, named=named)
    for fault in (*read.faults, *find_clashes(read.queries)):
        raise fault
    return read.queries


def examine_source(source: Source, subject: str, *, named: bool = False) -> ReadFile:
    """Read every query of a file that can be read, and keep what is wrong with the others."""
    try:
        sections = list(_sections(source))
    except DbkitError as fault:
        return ReadFile((), (fault,))
    if named and sections[0].named is None and sections[0].fault is None:
        reason = (
            "a file of one query lies in the folder of its subject; "
            "move it there, or put a line `-- name: x :kind` above each query"
        )
        return ReadFile((), (UnusableQueryFile(source.path, reason),))
    queries: list[Query] = []
    faults: list[DbkitError] = []
    for number, section in enumerate(sections):
        following = sections[number + 1].start if number + 1 < len(sections) else None
        try:
            queries.append(_query(source, subject, section, following))
        except DbkitError as fault:
            faults.append(fault)
    return ReadFile(tuple(queries), tuple(faults))


def _sections(source: Source) -> Iterator[_Section]:
    """Cut a file at its `-- name:` lines; what stands above the first is said of all."""
    script = list(tokens(source.text, path=source.path))
    names = [
        (number, token, found)
        for number, token in enumerate(script)
        if token.kind is TokenKind.LINE_COMMENT and (found := _name_line(source, token))
    ]
    if not names:
        yield _Section(0, None, script)
        return
    first, line, _ = names[0]
    above = read_text(source, script[:first])
    if above.start >= 0:
        reason = "stands below a statement; move the line above the statement that it names"
        said = source.text[line.start : line.end].rstrip()
        raise BadHeaderLine(*source.place(line.start), said, reason)
    for name, (_, start) in above.defaults.items():
        reason = "stands above the first query; move it below the `-- name:` line of its own"
        raise BadDefault(*source.place(start), f"\\set {name}", reason)
    ends = [number for number, _, _ in names[1:]] + [len(script)]
    for (number, line, found), end in zip(names, ends, strict=True):
        part = script[number + 1 : end]
        if isinstance(found, DbkitError):
            yield _Section(line.start, None, part, fault=found)
        else:
            yield _Section(line.start, found, part)


def _name_line(source: Source, token: Token) -> NameLine | DbkitError | None:
    """Read a line that names a query, also a faulty one: where the query begins is plain."""
    try:
        return read_name(source, token)
    except DbkitError as fault:
        return fault


def _query(source: Source, subject: str, section: _Section, following: int | None) -> Query:
    if section.fault:
        raise section.fault
    name = _name(source, section)
    text = read_text(source, section.script)
    variables = find_variables(text)
    header = read_header(source, text.header, variables.identifiers, section.named)
    for fault in header.faults:
        raise fault
    refuse_late_lines(source, text.later)
    if text.start < 0:
        raise NoStatement(*source.place(section.start), without=())
    if following is not None and text.end < 0:
        raise UnendedStatement(*source.place(following))
    kind = header.kind or (QueryKind.MANY if section.named else None)
    if kind is None:
        kinds = tuple(kind.value for kind in QueryKind)
        raise MissingKind(*source.place(text.start), kinds)
    check_variables(source, variables)
    _check_listed(source, section.named, frozenset(variables.starts))
    choices = read_choices(source, variables, header.listed)
    combinations = _combinations(source, text, choices)
    parameters = read_parameters(variables, combinations)
    choices = mark_omittable(choices, combinations)
    left_out = [parameter.name for parameter in parameters if parameter.omittable]
    left_out += [choice.name for choice in choices if choice.omittable]
    return Query(
        subject=subject,
        name=name,
        path=source.path,
        line=source.position(text.start).line,
        kind=kind,
        documentation=_documentation(header, tell_together(variables, left_out)),
        across_tenants=header.across_tenants,
        parameters=parameters,
        choices=choices,
        narrowed=tuple(header.narrowed),
        combinations=combinations,
        parts=tuple(text.parts),
        row_class=header.row_class,
        allowed=tuple(header.allowances.values()),
    )


def _name(source: Source, section: _Section) -> str:
    if section.named is None:
        name = PurePath(source.path).stem
        if reason := unusable_in_python(name):
            raise UnusableQueryFile(source.path, f"the query {name!r} {reason}")
        return name
    name = section.named.name
    if reason := unusable_in_python(name):
        raise UnusableName(*source.place(section.start), "query", name, reason)
    return name


def _check_listed(source: Source, named: NameLine | None, used: frozenset[str]) -> None:
    if named and named.parameters is not None and named.parameters != used:
        line = source.text[named.token.start : named.token.end].rstrip()
        there = ", ".join(sorted(used)) or "no parameter"
        reason = f"lists other parameters than the statement has, which are {there}"
        raise BadHeaderLine(*source.place(named.token.start), line, reason)


def _combinations(source: Source, text: Text, choices: Sequence[Choice]) -> tuple[Combination, ...]:
    always = frozenset(text.defaults)
    switches = find_switches(text.parts, always)
    if len(switches) > MOST_SWITCHES:
        raise TooManySwitches(*source.place(text.start), len(switches), MOST_SWITCHES)
    combinations = all_combinations(text.parts, always, choices)
    for combination in combinations:
        if all(token.kind in BLANK for token in tokens(combination.text)):
            without = tuple(name for name in switches if name not in combination.given)
            raise NoStatement(*source.place(text.start), without)
    return combinations


def _documentation(header: Header, notes: Sequence[str]) -> str:
    why = header.across_tenants
    # whoever calls it is to know, too
    crossing = f"Across tenants: {why.rstrip('.')}." if why else ""
    return "\n\n".join(
        paragraph for paragraph in (header.documentation, crossing, "\n".join(notes)) if paragraph
    )
