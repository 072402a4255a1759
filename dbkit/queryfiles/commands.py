r"""Understand the four commands of psql's that a query file may hold: if, else, endif, set."""

import re
from typing import NamedTuple

from dbkit.errors import nearest
from dbkit.queryfiles.errors import BadCondition, BadDefault, CommandInQuery
from dbkit.sqltext import Source, SourcePlace, Token

_COMMAND = re.compile(r"\\([^ \t\n\r\f\v\\]*)(.*?)(\\\\)?", re.DOTALL)
_CONDITION = re.compile(r":\{\?(\w+)\}")
_ANY_CONDITION = re.compile(r""":['"]?(\w+)['"]?""")
_SETTING = re.compile(r"(\w+)(?:\s+(.*))?", re.DOTALL)
# the pieces of an argument as psqlscanslash.l reads them; they are joined without a space
_VALUE = re.compile(
    r"""
      (?P<space>    \s+ )
    | (?P<quoted>   '(?:''|\\.|[^'\\])*' )
    | (?P<named>    "[^"]*" )
    | (?P<variable> :(?:\w+|'\w+'|"\w+"|\{\?\w+\}) )
    | (?P<plain>    [^\s'"`:]+|: )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"''|\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "b": "\b", "r": "\r", "f": "\f"}
_ASCII = 0x80
_WRITTEN = r"write `\if :{?x} \else \set x value \endif` above the statement"
_END = "end the statement with `;`"
_ALONE = "a query stands alone; write the SQL here, or make it a view or a function"
_INSTEAD = {
    **dict.fromkeys(("i", "ir", "include", "include_relative"), _ALONE),
    "copy": "load rows with a query of the kind `:copy`",
    **dict.fromkeys(("g", "gx", "gdesc", "gexec", "gset", "crosstabview", "watch"), _END),
    **dict.fromkeys(("bind", "bind_named", "parse", "sendpipeline"), _END),
    "elif": r"nest an `\if` below `\else`",
    "unset": f"a parameter without a value is left out by the call; for a default {_WRITTEN}",
}
OWN = frozenset({"if", "else", "endif", "set"})


class QueryCommand(NamedTuple):
    """A backslash command and what follows it."""

    source: Source
    token: Token
    name: str
    arguments: str

    @property
    def place(self) -> SourcePlace:
        """Where it begins, in the form that an error takes."""
        return self.source.place(self.token.start)

    @property
    def is_sending(self) -> bool:
        """Whether it makes psql send the statement above it, as `;` does."""
        return _INSTEAD.get(self.name) == _END and not self.name.startswith("bind")

    @property
    def text(self) -> str:
        """The command as it is written."""
        return f"\\{self.name} {self.arguments}".rstrip()


def cut_command(source: Source, token: Token) -> QueryCommand:
    """Cut a command into its name and the rest."""
    match = _COMMAND.fullmatch(source.text, token.start, token.end)
    name, arguments = (match[1], match[2].strip()) if match else ("", "")
    return QueryCommand(source, token, name, arguments)


def foreign(command: QueryCommand) -> CommandInQuery:
    """Say that a query cannot hold a command, which is none of the four."""
    meant = nearest(command.name, OWN)
    instead = _INSTEAD.get(command.name, f"take it out, for only psql obeys it{meant}")
    return CommandInQuery(*command.place, f"\\{command.name}", instead)


def meant_name(command: QueryCommand) -> str:
    """Return which of the four a misspelt command was probably meant to be, or nothing."""
    if command.name in _INSTEAD:
        return ""
    # loaded only if there is a mistake to explain
    from difflib import get_close_matches  # noqa: PLC0415

    return next(iter(get_close_matches(command.name, OWN, n=1)), "")


def read_condition(command: QueryCommand) -> tuple[str, BadCondition | None]:
    r"""Return the name that `\if :{?name}` asks for.

    Of a condition that is at fault, give the name that was probably meant, or nothing.
    """
    if match := _CONDITION.fullmatch(command.arguments):
        return match[1], None
    match = _ANY_CONDITION.search(command.arguments) or _CONDITION.search(command.arguments)
    meant = match[1] if match else ""
    reason = (
        "is no condition that can be known beforehand; only whether a variable is given is: "
        f"`\\if :{{?{meant or 'x'}}}`, alone on its line"
    )
    return meant, BadCondition(*command.place, command.text, reason)


def read_setting(command: QueryCommand) -> tuple[str, str]:
    r"""Return name and value of `\set name value`, unquoted as psql does."""
    setting = _SETTING.fullmatch(command.arguments)
    if setting is None:
        raise _bad(command, f"sets nothing; {_WRITTEN}")
    rest, done, value = setting[2] or "", 0, ""
    while done < len(rest):
        piece = _VALUE.match(rest, done)
        if piece is None:
            if rest[done] == "`":
                raise _bad(command, "runs a program; write the value itself")
            raise _bad(command, "has a quote that is never closed; end it with the same quote")
        done = piece.end()
        match piece.lastgroup:
            case "space":
                pass
            case "quoted":
                value += _unquote(command, piece.group()[1:-1])
            case "variable":
                raise _bad(command, "takes its value from a variable; put it in single quotes")
            case _:
                value += piece.group()
    return setting[1], value


def touching(command: QueryCommand) -> BadCondition:
    """Say that without the command, the words before and after it would be one word."""
    reason = "touches what stands beside it; put it on a line of its own"
    return BadCondition(*command.place, command.text, reason)


def wordy(command: QueryCommand) -> BadCondition:
    r"""Say that an `\else` or `\endif` is followed by something on its line."""
    reason = "takes nothing after it; put what follows on the next line"
    return BadCondition(*command.place, command.text, reason)


def misplaced(command: QueryCommand) -> BadDefault:
    r"""Say that a `\set` does not set a default; nothing else is allowed."""
    return _bad(command, f"is no default; {_WRITTEN}")


def _unquote(command: QueryCommand, text: str) -> str:
    def unescape(escape: re.Match[str]) -> str:
        octal, hexadecimal, char = escape.groups()
        if char is not None:
            return _LETTERS.get(char, char)
        if octal is None and hexadecimal is None:
            return "'"
        code = int(octal, 8) if octal else int(hexadecimal, 16)
        if not 0 < code < _ASCII:
            raise _bad(command, f"has {escape[0]} for a byte; write the character itself")
        return chr(code)

    return _ESCAPE.sub(unescape, text)


def _bad(command: QueryCommand, reason: str) -> BadDefault:
    return BadDefault(*command.place, command.text, reason)
