r"""Read the tokens of one query into the parts of its statement and the defaults above it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dbkit.queryfiles.commands import (
    QueryCommand,
    misplaced,
    read_command,
    read_condition,
    read_setting,
    touching,
)
from dbkit.queryfiles.errors import (
    BadCondition,
    BadDefault,
    DataInQuery,
    EndInPart,
    SecondStatement,
    UnclosedPart,
    UnmatchedCommand,
)
from dbkit.queryfiles.query import Part, Piece, Switch
from dbkit.queryfiles.slots import part_of
from dbkit.sqltext import BLANK, Source, Token, TokenKind

SPACE = " \t\n\r\f\v"
_ABOVE = frozenset({TokenKind.SPACE, TokenKind.LINE_COMMENT})
_BESIDE_COMMAND = frozenset({TokenKind.SPACE, TokenKind.COMMAND})


@dataclass
class Text:
    """What the tokens of one query amount to."""

    parts: list[Part] = field(default_factory=list[Part])
    # where the statement begins and ends, or -1
    start: int = -1
    end: int = -1
    # comment lines above the statement, and those in it and below it
    header: list[Token] = field(default_factory=list[Token])
    later: list[Token] = field(default_factory=list[Token])
    # name to value, and where in the file it is set
    defaults: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])


@dataclass
class _Open:
    r"""An `\if` whose `\endif` has not come."""

    command: QueryCommand
    name: str
    given: list[Part] = field(default_factory=list[Part])
    omitted: list[Part] | None = None
    # each \set with the name and the value it gives
    settings: list[tuple[QueryCommand, str, str]] = field(
        default_factory=list[tuple[QueryCommand, str, str]]
    )

    @property
    def current(self) -> list[Part]:
        """The branch that is being read."""
        return self.given if self.omitted is None else self.omitted


def read_text(source: Source, script: Sequence[Token]) -> Text:
    """Read the tokens of one query."""
    reader = _Reader(source, script)
    for number in range(len(script)):
        reader.follow(number)
    return reader.finish()


def is_blank(part: Part) -> bool:
    """Whether a part is no more than white space or a comment."""
    return isinstance(part, Piece) and (
        not part.text.strip(SPACE) or part.text.startswith(("--", "/*"))
    )


class _Reader:
    def __init__(self, source: Source, script: Sequence[Token]) -> None:
        self._source = source
        self._script = script
        self._open: list[_Open] = []
        self._text = Text()

    def follow(self, number: int) -> None:
        """Read one token."""
        token, text = self._script[number], self._text
        if token.kind is TokenKind.LINE_COMMENT:
            (text.header if text.start < 0 else text.later).append(token)
        if token.kind is TokenKind.COMMAND:
            self._follow_command(number)
        elif text.end >= 0:
            self._follow_end(token)
        elif self._source.text.startswith(r"\;", token.start) and token.kind is TokenKind.ESCAPE:
            raise SecondStatement(*self._source.place(token.start))
        elif self._is_semicolon(token):
            if self._open:
                part_line = self._source.position(self._open[-1].command.token.start).line
                raise EndInPart(*self._source.place(token.start), part_line)
            text.end = token.start if text.start >= 0 else -1
        elif text.start >= 0 or token.kind not in _ABOVE:
            text.start = token.start if text.start < 0 else text.start
            parts = self._open[-1].current if self._open else text.parts
            parts.append(part_of(self._source, self._script, number))

    def finish(self) -> Text:
        """Return what was read."""
        if self._open:
            raise UnclosedPart(*self._source.place(self._open[-1].command.token.start))
        return self._text

    def _is_semicolon(self, token: Token) -> bool:
        return token.kind is TokenKind.PUNCTUATION and self._source.text[token.start] == ";"

    def _follow_end(self, token: Token) -> None:
        if token.kind is TokenKind.COPY_DATA:
            if self._source.text[token.start : token.end].strip() not in {"", r"\."}:
                raise DataInQuery(*self._source.place(token.start))
        elif token.kind not in BLANK and not self._is_semicolon(token):
            raise SecondStatement(*self._source.place(token.start))

    def _follow_command(self, number: int) -> None:
        command = read_command(self._source, self._script[number])
        beside = (
            *self._script[max(0, number - 1) : number],
            *self._script[number + 1 : number + 2],
        )
        if any(neighbour.kind not in _BESIDE_COMMAND for neighbour in beside):
            raise touching(command)
        if self._text.end >= 0:
            raise SecondStatement(*self._source.place(command.token.start))
        match command.name:
            case "if":
                self._begin(command)
            case "set":
                if not self._open or self._open[-1].omitted is None:
                    raise misplaced(command)
                self._open[-1].settings.append((command, *read_setting(command)))
            case "else" if self._open and self._open[-1].omitted is None:
                self._open[-1].omitted = []
            case "endif" if self._open:
                self._end(self._open.pop())
            case _:
                place = self._source.place(command.token.start)
                raise UnmatchedCommand(*place, f"\\{command.name}")

    def _begin(self, command: QueryCommand) -> None:
        name = read_condition(command)
        if any(around.name == name for around in self._open):
            reason = r"is decided already by the `\if` around it; take the inner one out"
            raise BadCondition(*self._source.place(command.token.start), command.text, reason)
        self._open.append(_Open(command, name))

    def _end(self, ended: _Open) -> None:
        if ended.settings:
            self._set_default(ended)
            return
        if ended.name in self._text.defaults and not all(map(is_blank, ended.omitted or ())):
            reason = rf"always holds, for {ended.name!r} has a default; take out its `\else`"
            place = self._source.place(ended.command.token.start)
            raise BadCondition(*place, ended.command.text, reason)
        switch = Switch(
            ended.name, tuple(ended.given), tuple(ended.omitted or ()), ended.command.token.start
        )
        (self._open[-1].current if self._open else self._text.parts).append(switch)

    def _set_default(self, ended: _Open) -> None:
        (first, name, value), *others = ended.settings
        if others or name != ended.name or self._open or self._text.start >= 0:
            raise misplaced(others[0][0] if others else first)
        if name in self._text.defaults:
            reason = f"is the second default of {name!r}; take one of them out"
            raise BadDefault(*self._source.place(first.token.start), first.text, reason)
        self._text.defaults[name] = value, first.token.start
