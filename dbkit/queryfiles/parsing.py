"""Turn the text of a query file into its queries."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

from dbkit.errors import DbkitError, SourceFault
from dbkit.queryfiles.callerstate import find_caller_statement
from dbkit.queryfiles.combinations import (
    MOST_COMBINATIONS,
    all_combinations,
    count_combinations,
    find_switches,
)
from dbkit.queryfiles.errors import (
    BadDefault,
    BadHeaderLine,
    MissingKind,
    NoStatement,
    StateOfTheCaller,
    TooManyCombinations,
    UnclosedPart,
    UnendedStatement,
    UnmatchedCommand,
    UnusableName,
    UnusableQueryFile,
)
from dbkit.queryfiles.header import (
    NameLine,
    QueryHeader,
    find_late_lines,
    is_documentation,
    read_header,
    read_name,
)
from dbkit.queryfiles.parts import StatementText, read_text
from dbkit.queryfiles.pythonnames import unusable_in_python
from dbkit.queryfiles.queryrecords import Choice, Combination, Query, QueryKind
from dbkit.queryfiles.variables import (
    find_variable_faults,
    find_variables,
    mark_omittable,
    notes_on_omittable,
    read_choices,
    read_parameters,
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
    # of its name line, and of what stands above the first name line
    faults: tuple[DbkitError, ...] = ()


def examine_source(source: Source, subject: str, *, named: bool = False) -> ReadFile:
    """Read every query of a file that can be read, and keep all that is wrong with the others."""
    try:
        sections = list(_sections(source))
    except SourceFault as fault:
        return ReadFile((), (fault,))
    queries: list[Query] = []
    faults: list[DbkitError] = []
    is_misplaced = named and sections[0].named is None and not sections[0].faults
    if is_misplaced:
        reason = (
            "a file of one query lies in the folder of its subject; "
            "move it there, or put a line `-- name: x :kind` above each query"
        )
        faults.append(UnusableQueryFile(source.path, reason))
    is_open = False
    for number, section in enumerate(sections):
        following = sections[number + 1].start if number + 1 < len(sections) else None
        reader = _QueryReader(source, section)
        query = reader.read(subject, following)
        # the name line between two queries cut an optional part: its rest is not a fault of its own
        faults += (fault for fault in reader.faults if not (is_open and _is_unmatched(fault)))
        is_open = any(isinstance(fault, UnclosedPart) for fault in reader.faults)
        if query and not is_misplaced:
            queries.append(query)
    return ReadFile(tuple(queries), tuple(_in_order(faults)))


def _is_unmatched(fault: DbkitError) -> bool:
    return isinstance(fault, UnmatchedCommand)


def _in_order(faults: Sequence[DbkitError]) -> list[DbkitError]:
    """Put faults in the order of the file, first those of the file as a whole, each once."""
    once = {str(fault): fault for fault in faults}
    return sorted(
        once.values(),
        key=lambda fault: (fault.line, fault.column) if isinstance(fault, SourceFault) else (0, 0),
    )


def _sections(source: Source) -> Iterator[_Section]:
    """Cut a file at its `-- name:` lines."""
    script = list(tokens(source.text, path=source.path))
    names = [
        (number, token, named)
        for number, token in enumerate(script)
        if token.kind is TokenKind.LINE_COMMENT and (named := _name_line(source, token))
    ]
    if not names:
        yield _Section(0, None, script)
        return
    first, line, _ = names[0]
    faults = tuple(_faults_above(source, script[:first], line))
    ends = [number for number, _, _ in names[1:]] + [len(script)]
    for (number, line, named), end in zip(names, ends, strict=True):
        part = script[number + 1 : end]
        if isinstance(named, DbkitError):
            yield _Section(line.start, None, part, (*faults, named))
        else:
            yield _Section(line.start, named, part, faults)
        faults = ()


def _faults_above(source: Source, script: Sequence[Token], line: Token) -> Iterator[DbkitError]:
    """Find what may not stand above the first name line: anything but a comment."""
    above = read_text(source, script)
    yield from above.faults
    if above.start >= 0:
        reason = "stands below a statement; move the line above the statement that it names"
        comment = source.text[line.start : line.end].rstrip()
        yield BadHeaderLine(*source.place(line.start), comment, reason)
        return
    reason = "stands above the first query; move it below the `-- name:` line of its own"
    for name, (_, start) in above.defaults.items():
        yield BadDefault(*source.place(start), f"\\set {name}", reason)
    for token in above.header:
        if not is_documentation(source, token):
            comment = source.text[token.start : token.end].rstrip()
            yield BadHeaderLine(*source.place(token.start), comment, reason)


def _name_line(source: Source, token: Token) -> NameLine | DbkitError | None:
    """Read a line that names a query. A fault in it is returned: the query begins there as well."""
    try:
        return read_name(source, token)
    except DbkitError as fault:
        return fault


class _QueryReader:
    """Reads one query, and collects all that is wrong with it."""

    def __init__(self, source: Source, section: _Section) -> None:
        self.faults: list[DbkitError] = [*section.faults]
        self._source = source
        self._section = section

    def read(self, subject: str, following: int | None) -> Query | None:
        """Read the query, or return None where there are faults.

        `following` is where the next query of the file begins.
        """
        source, named = self._source, self._section.named
        name = self._name()
        text = read_text(source, self._section.script)
        self.faults += text.faults
        variables = find_variables(text)
        header = read_header(source, text.header, variables.identifiers, named)
        late = [*find_late_lines(source, text.later)]
        self.faults += (*header.faults, *late)
        kind = header.kind or (QueryKind.MANY if named else None)
        if not self._has_statement(text, following):
            return None
        if not (kind or header.says_kind or late or self._section.faults):
            kinds = tuple(kind.value for kind in QueryKind)
            self.faults.append(MissingKind(*source.place(text.start), kinds))
        self.faults += find_variable_faults(source, text, variables)
        if text.has_all_variables:
            self._check_listed(frozenset(variables.starts))
        choices, faults = read_choices(source, variables, header.listed)
        self.faults += faults
        # without a statement and its variables there are no combinations
        if text.faults or variables.identifiers.difference(choice.name for choice in choices):
            return None
        combinations = self._combinations(text, choices)
        if self.faults or kind is None:
            return None
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
            documentation=_documentation(header, notes_on_omittable(variables, left_out)),
            across_tenants=header.across_tenants,
            parameters=parameters,
            choices=choices,
            narrowed=tuple(header.narrowed),
            combinations=combinations,
            parts=tuple(text.parts),
            row_class=header.row_class,
            allowed=tuple(header.allowances.values()),
        )

    def _name(self) -> str:
        named = self._section.named
        if named is None:
            name = PurePath(self._source.path).stem
            # its name line is faulty
            if not self._section.faults and (reason := unusable_in_python(name)):
                reason = f"the query {name!r} {reason}"
                self.faults.append(UnusableQueryFile(self._source.path, reason))
            return name
        if reason := unusable_in_python(named.name):
            place = self._source.place(self._section.start)
            self.faults.append(UnusableName(*place, "query", named.name, reason))
        return named.name

    def _has_statement(self, text: StatementText, following: int | None) -> bool:
        source = self._source
        if text.start < 0:
            # the faulty text may have been meant as the statement
            if not text.faults and not self._section.faults:
                place = source.place(self._section.start)
                self.faults.append(NoStatement(*place, without=()))
            return False
        if following is not None and text.end < 0:
            self.faults.append(UnendedStatement(*source.place(following)))
        return True

    def _check_listed(self, used: frozenset[str]) -> None:
        source, named = self._source, self._section.named
        if named and named.parameters is not None and named.parameters != used:
            line = source.text[named.token.start : named.token.end].rstrip()
            names = ", ".join(sorted(used)) or "no parameter"
            reason = f"lists other parameters than the statement has, which are {names}"
            self.faults.append(BadHeaderLine(*source.place(named.token.start), line, reason))

    def _combinations(
        self, text: StatementText, choices: Sequence[Choice]
    ) -> tuple[Combination, ...]:
        source, always = self._source, frozenset(text.defaults)
        count = count_combinations(text.parts, always, choices)
        if count.number > MOST_COMBINATIONS:
            place = source.place(text.start)
            self.faults.append(TooManyCombinations(*place, *count, MOST_COMBINATIONS))
            return ()
        switches = find_switches(text.parts, always)
        combinations = all_combinations(text.parts, always, choices)
        for combination in combinations:
            if all(token.kind in BLANK for token in tokens(combination.text)):
                without = tuple(name for name in switches if name not in combination.given)
                self.faults.append(NoStatement(*source.place(text.start), without))
                break
        for combination in combinations:
            if found := find_caller_statement(combination.text):
                place = source.place(combination.in_file(found.start))
                # the same place of several combinations is told once
                self.faults.append(StateOfTheCaller(*place, found.words, found.reason))
        return combinations


def _documentation(header: QueryHeader, notes: Sequence[str]) -> str:
    why = header.across_tenants
    # the caller of the function should know it, too
    crossing = f"Across tenants: {why.rstrip('.')}." if why else ""
    return "\n\n".join(
        paragraph for paragraph in (header.documentation, crossing, "\n".join(notes)) if paragraph
    )
