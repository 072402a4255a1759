r"""Read the tokens of one query into the parts of its statement and the defaults above it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dbkit.queryfiles.commands import (
    OWN,
    QueryCommand,
    cut_command,
    foreign,
    meant_name,
    misplaced,
    read_condition,
    read_setting,
    touching,
    wordy,
)
from dbkit.queryfiles.errors import (
    BadCondition,
    BadDefault,
    DataInQuery,
    EndInPart,
    QueryFileFault,
    SecondStatement,
    UnclosedPart,
    UnmatchedCommand,
)
from dbkit.queryfiles.portability import SLICE, check_token, variable_name
from dbkit.queryfiles.queryrecords import Part, Slot, Switch, TextPart
from dbkit.sqltext import BLANK, Source, Token, TokenKind

_NEWLINES = re.compile(r"\n+")
SPACE = " \t\n\r\f\v"
_ABOVE = frozenset({TokenKind.SPACE, TokenKind.LINE_COMMENT})
_BESIDE_COMMAND = frozenset({TokenKind.SPACE, TokenKind.COMMAND})


@dataclass
class StatementText:
    """What was read from the tokens of one query."""

    parts: list[Part] = field(default_factory=list[Part])
    # where the statement begins and ends, or -1
    start: int = -1
    end: int = -1
    # comment lines above the statement, and those in it and below it
    header: list[Token] = field(default_factory=list[Token])
    later: list[Token] = field(default_factory=list[Token])
    # name to value, and where in the file it is set
    defaults: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    faults: list[QueryFileFault] = field(default_factory=list[QueryFileFault])
    # whether every variable was read, with the conditions around it: if a fault hides some of them,
    # a variable that seems wrong beside the others may be right
    has_all_variables: bool = True
    has_all_conditions: bool = True


@dataclass
class _Open:
    r"""An `\if` whose `\endif` was not read yet."""

    command: QueryCommand
    name: str
    given: list[Part] = field(default_factory=list[Part])
    omitted: list[Part] | None = None
    # each \set with the name and the value it gives
    settings: list[tuple[QueryCommand, str, str]] = field(
        default_factory=list[tuple[QueryCommand, str, str]]
    )
    has_bad_setting: bool = False

    @property
    def current(self) -> list[Part]:
        """The branch that is being read."""
        return self.given if self.omitted is None else self.omitted


def read_text(source: Source, script: Sequence[Token]) -> StatementText:
    """Read the tokens of one query."""
    reader = _Reader(source, script)
    for number in range(len(script)):
        reader.follow(number)
    return reader.finish()


def is_blank(part: Part) -> bool:
    """Whether a part is no more than white space or a comment."""
    return isinstance(part, TextPart) and (
        not part.text.strip(SPACE) or part.text.startswith(("--", "/*"))
    )


def _part_of(source: Source, token: Token) -> TextPart | Slot:
    """Give the part that one token of a statement is."""
    text = source.text[token.start : token.end]
    if token.kind is TokenKind.VARIABLE and not SLICE.fullmatch(text) and text[1] != "{":
        return Slot(variable_name(text), text[1] == '"', token.start)
    if token.kind is TokenKind.SPACE:
        # psql drops a line that is empty
        return TextPart(_NEWLINES.sub("\n", text), token.start)
    if token.kind is TokenKind.ESCAPE:
        return TextPart(text[1:], token.start)
    return TextPart(text, token.start)


class _Reader:
    def __init__(self, source: Source, script: Sequence[Token]) -> None:
        self._source = source
        self._script = script
        self._open: list[_Open] = []
        self._text = StatementText()
        # the last semicolon inside an optional part, or -1
        self._end_in_part = -1
        self._has_second_statement = False

    def follow(self, number: int) -> None:
        """Read one token, and keep what is wrong with it."""
        token, text = self._script[number], self._text
        if token.kind is TokenKind.LINE_COMMENT:
            (text.header if text.start < 0 else text.later).append(token)
        if token.kind is TokenKind.COMMAND:
            self._follow_command(number)
        elif text.end >= 0:
            self._follow_end(token)
        elif self._source.text.startswith(r"\;", token.start) and token.kind is TokenKind.ESCAPE:
            text.end = token.start
            self._refuse_second_statement(token)
        elif self._is_semicolon(token):
            self._follow_semicolon(token)
        elif text.start >= 0 or token.kind not in _ABOVE:
            text.start = token.start if text.start < 0 else text.start
            self._current.append(_part_of(self._source, token))
            self._check_token(number)

    def finish(self) -> StatementText:
        """Return what was read."""
        text = self._text
        is_told = self._end_in_part >= 0 or not text.has_all_conditions
        if self._open:
            text.has_all_variables = text.has_all_conditions = False
        for opened in self._open:
            if not is_told:
                text.faults.append(UnclosedPart(*opened.command.place))
            text.parts += (*opened.given, *(opened.omitted or ()))
        if text.end < 0 and text.start >= 0:
            text.end = self._end_in_part
        return text

    @property
    def _current(self) -> list[Part]:
        return self._open[-1].current if self._open else self._text.parts

    def _check_token(self, number: int) -> None:
        try:
            check_token(self._source, self._script, number)
        except QueryFileFault as fault:
            self._text.faults.append(fault)
            if self._script[number].kind is not TokenKind.VARIABLE:
                # in the other form of quotes it would be a variable
                self._text.has_all_variables = False

    def _is_semicolon(self, token: Token) -> bool:
        return token.kind is TokenKind.PUNCTUATION and self._source.text[token.start] == ";"

    def _follow_semicolon(self, token: Token) -> None:
        if not self._open:
            self._text.end = token.start if self._text.start >= 0 else -1
            return
        self._end_in_part = token.start
        if self._text.has_all_conditions:
            part_line = self._source.position(self._open[-1].command.token.start).line
            fault = EndInPart(*self._source.place(token.start), part_line)
            self._text.faults.append(fault)

    def _follow_end(self, token: Token) -> None:
        if token.kind is TokenKind.COPY_DATA:
            if self._source.text[token.start : token.end].strip() not in {"", r"\."}:
                self._text.faults.append(DataInQuery(*self._source.place(token.start)))
        elif token.kind not in BLANK and not self._is_semicolon(token):
            self._refuse_second_statement(token)

    def _refuse_second_statement(self, token: Token) -> None:
        if not self._has_second_statement:
            self._text.faults.append(SecondStatement(*self._source.place(token.start)))
        self._has_second_statement = True
        self._text.has_all_variables = self._text.has_all_conditions = False

    def _follow_command(self, number: int) -> None:
        text, command = self._text, cut_command(self._source, self._script[number])
        if command.name not in OWN:
            command = self._refuse_foreign(command)
        elif self._has_second_statement:
            return
        elif text.end >= 0:
            self._refuse_second_statement(command.token)
        else:
            self._check_surroundings(command, number)
        if command.name in OWN and text.end < 0:
            try:
                self._obey(command)
            except QueryFileFault as fault:
                text.faults.append(fault)
                text.has_all_conditions = False

    def _refuse_foreign(self, command: QueryCommand) -> QueryCommand:
        """Refuse a command that a query cannot hold, and give the one that was meant."""
        text, meant = self._text, meant_name(command)
        text.faults.append(foreign(command))
        text.has_all_variables = False
        text.has_all_conditions &= command.is_sending
        if command.is_sending and text.start >= 0 and text.end < 0:
            text.end = command.token.start
        return command._replace(name=meant, arguments=command.arguments if meant == "if" else "")

    def _check_surroundings(self, command: QueryCommand, number: int) -> None:
        beside = (
            *self._script[max(0, number - 1) : number],
            *self._script[number + 1 : number + 2],
        )
        if any(neighbour.kind not in _BESIDE_COMMAND for neighbour in beside):
            self._text.faults.append(touching(command))
        if command.name in {"else", "endif"} and command.arguments:
            self._text.faults.append(wordy(command))

    def _obey(self, command: QueryCommand) -> None:
        match command.name:
            case "if":
                self._begin(command)
            case "set":
                self._set(command)
            case "else" if self._open and self._open[-1].omitted is None:
                self._open[-1].omitted = []
            case "endif" if self._open:
                self._end(self._open.pop())
            case _ if self._text.has_all_conditions:
                raise UnmatchedCommand(*command.place, f"\\{command.name}")
            case _:
                pass

    def _begin(self, command: QueryCommand) -> None:
        text = self._text
        name, fault = read_condition(command)
        if fault:
            text.faults.append(fault)
            text.has_all_conditions &= bool(name)
        elif text.has_all_conditions and any(around.name == name for around in self._open):
            reason = r"is decided already by the `\if` around it; take the inner one out"
            text.faults.append(BadCondition(*command.place, command.text, reason))
        self._open.append(_Open(command, name))

    def _set(self, command: QueryCommand) -> None:
        if not self._open or self._open[-1].omitted is None:
            raise misplaced(command)
        try:
            self._open[-1].settings.append((command, *read_setting(command)))
        except BadDefault:
            self._open[-1].has_bad_setting = True
            if r"\endif" in command.arguments:
                # an open quote hides the end of the part
                self._open.pop()
            raise

    def _end(self, ended: _Open) -> None:
        if ended.has_bad_setting:
            return
        if ended.settings:
            self._set_default(ended)
            return
        given, omitted = tuple(ended.given), tuple(ended.omitted or ())
        if ended.name:
            self._current.append(Switch(ended.name, given, omitted, ended.command.token.start))
        else:
            self._current.extend((*given, *omitted))
        if ended.name in self._text.defaults and not all(map(is_blank, omitted)):
            reason = rf"always holds, for {ended.name!r} has a default; take out its `\else`"
            fault = BadCondition(*ended.command.place, ended.command.text, reason)
            self._text.faults.append(fault)

    def _set_default(self, ended: _Open) -> None:
        (first, name, value), *others = ended.settings
        if others or name != ended.name or self._open or self._text.start >= 0:
            raise misplaced(others[0][0] if others else first)
        if name in self._text.defaults:
            reason = f"is the second default of {name!r}; take one of them out"
            raise BadDefault(*first.place, first.text, reason)
        self._text.defaults[name] = value, first.token.start
