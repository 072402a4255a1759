"""Recognise the one token at an offset by the rules of psql's own lexer, psqlscan.l."""

import re

from dbkit.sqltext.errors import UnclosedText
from dbkit.sqltext.source import Source
from dbkit.sqltext.tokenkinds import Token, TokenKind

# any character beyond ASCII may be part of a name, a no-break space too; said by the ASCII that
# may not, because re takes a tenth of a second to compile a class that reaches U+10FFFF
NAME_START = r"[^\x00-\x40\x5b-\x5e\x60\x7b-\x7f]"  # A-Z a-z _
NAME_CHAR = r"[^\x00-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]"  # and 0-9 $
VARIABLE_CHAR = r"[^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]"  # A-Z a-z 0-9 _
_NAME = f"{NAME_START}{NAME_CHAR}*+"
SPACE = r"[ \t\n\r\f\v]"
_DIGITS = r"[0-9]++(?:_[0-9]++)*"
# a name glued to a number belongs to it (the server calls it junk), and so does a sign after an e
_JUNK = f"[0-9]++(?:{_NAME})?"
_INTEGER = f"(?:{_DIGITS}[eE][+-](?:{_JUNK})?|{_JUNK})"
_NUMBER = (
    rf"(?:{_DIGITS}\.(?!\.)(?:{_INTEGER}|[eE][+-](?:{_JUNK})?|{_NAME})?|\.{_INTEGER}|{_INTEGER})"
)
_PARAMETER = rf"\$[0-9]++(?:{_NAME})?"
_TAG = rf"\$(?:{NAME_START}{VARIABLE_CHAR}*+)?"
_VARIABLE = (
    rf":(?:{VARIABLE_CHAR}++|'{VARIABLE_CHAR}++'|\"{VARIABLE_CHAR}++\"|\{{\?{VARIABLE_CHAR}++\}})"
)
_SIGNS = r"[~!@\#^&|`?+\-*/%<>=]"

# quotes, dollar quotes, block comments and commands are recognised by how they begin;
# names of operators end at 63 bytes, so that a longer run need not be looked at again and again
_TOKEN = re.compile(
    rf"""
      (?P<SPACE>         {SPACE}++ )
    | (?P<LINE_COMMENT>  --[^\n\r]*+ )
    | (?P<BLOCK_COMMENT> /\* )
    | (?P<STRING>        (?:[eEbBxXnN]|[uU]&)?' )
    | (?P<QUOTED_NAME>   (?:[uU]&)?" )
    | (?P<WORD>          {_NAME} )
    | (?P<NUMBER>        {_NUMBER} )
    | (?P<PARAMETER>     {_PARAMETER} )
    | (?P<DOLLAR_STRING> {_TAG}\$ )
    | (?P<CAST>          :: )
    | (?P<VARIABLE>      {_VARIABLE} )
    | (?P<OPERATOR>      := | {_SIGNS}{{1,64}} )
    | (?P<ESCAPE>        \\[;:] )
    | (?P<COMMAND>       \\ )
    | (?P<PUNCTUATION>   \.\. | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {name: TokenKind[name] for name in _TOKEN.groupindex}
_COMPLETE = frozenset(TokenKind) - {
    TokenKind.STRING,
    TokenKind.QUOTED_NAME,
    TokenKind.DOLLAR_STRING,
    TokenKind.BLOCK_COMMENT,
    TokenKind.OPERATOR,
    TokenKind.COMMAND,
}

# Tokens from beginning to end, as nearly all are, for strings that are standard and not continued
# behind a lone carriage return. The group is the token, of a blank it is empty. Where nothing of
# this matches `lex` has to look, and all that is left is taken.
WHOLE_TOKENS = re.compile(
    rf"""
      {SPACE}++
    | --[^\n\r]*+
    | /\*[^*/]*+ (?:(?:\*(?!/) | /(?!\*)) [^*/]*+){{0,200}} \*/
    | (
        {NAME_START} {NAME_CHAR}*+ (?!['"&])
      | [(),;\[\]{{}}]
      | ' [^']*+ ' (?:'[^']*+'){{0,200}} (?!')
      | " [^"]*+ " (?:"[^"]*+"){{0,200}} (?!")
      | [0-9]++ (?!{NAME_CHAR} | \.)
      | \. (?![.0-9])
      | [~!@\#^&|`?%<>=]{{1,64}} (?!{_SIGNS})
      | [+\-*/] (?!{_SIGNS})
      | {_NUMBER}
      | {_PARAMETER}
      | \$\$ [^$]*+ (?:\$(?!\$) [^$]*+){{0,200}} \$\$
      | :: | {_VARIABLE} | :=
      | [eE] ' [^'\\]*+ (?:(?:\\. | '') [^'\\]*+){{0,200}} ' (?!')
      | [nN] ' [^']*+ ' (?:'[^']*+'){{0,200}} (?!')
      | [bBxX] ' [^']*+ '
      | [uU]& ' [^']*+ ' (?:'[^']*+'){{0,200}} (?!')
      | [uU]& " [^"]*+ " (?:"[^"]*+"){{0,200}} (?!")
      | (?![eEbBxXnN]' | [uU]&['"]) {_NAME}
      | \.\. | :
      | .++
    )
    """,
    re.VERBOSE | re.DOTALL,
)

_COMMENT_EDGE = re.compile(r"/\*|\*/")
_COMMENT_START = re.compile(r"--|/\*")
_QUOTE_OR_DOUBLED = re.compile("''?")
_NAME_QUOTE_OR_DOUBLED = re.compile('""?')
_QUOTE_OR_ESCAPE = re.compile(r"''?|\\.?", re.DOTALL)
# psql reads line by line and forgets at the end of each that a string may be continued, so only
# a carriage return inside the line counts as the line break that continues a string
_CONTINUATION = re.compile(
    r"(?:[ \t\f\v]++|--[^\n\r]*+)*\r(?:[ \t\r\f\v]++|--[^\n\r]*+\r)*'",
)

_COMMAND_NAME = re.compile(r"\\([^ \t\n\r\f\v\\]*+)")
# what ends an argument, or the command, outside quotes and inside each kind of them
_ARGUMENT_EDGE = {
    "": re.compile(r"""['"`\n]|\\\\?"""),
    "'": re.compile(r"''?|\\.|\n"),
    '"': re.compile(r'"|\n'),
    "`": re.compile(r"`|\n"),
}
_PIPE = re.compile(r"[ \t\r\f\v]*+(?:\([^)\n\\]*+\)[ \t\r\f\v]*+)?\|")
# no command is called otherwise, and after an unknown one psql throws away the rest of the line
_COMMAND_CHARS = re.compile(r"[A-Za-z_+?!]+")
_TAKES_LINE = frozenset({"!", "copy", "h", "help", "ef", "ev", "sf", "sv"})
_TAKES_PIPE = frozenset({"g", "gx", "o", "out", "w", "write"})


def lex(source: Source, start: int, limit: int, *, standard_strings: bool) -> Token:
    """Recognise the token at `start`; it must end before `limit`."""
    text = source.text
    match = _TOKEN.match(text, start, limit)
    if match is None or match.lastgroup is None:
        message = f"nothing to read at {start}"
        raise IndexError(message)
    kind, end = _KINDS[match.lastgroup], match.end()
    if kind in _COMPLETE:
        return Token(kind, start, end)
    construct = closing = ""
    match kind:
        case TokenKind.STRING:
            prefix = text[start : end - 1]
            end = _string_end(text, end, limit, prefix.lower(), standard_strings=standard_strings)
            construct, closing = "string", "'"
        case TokenKind.QUOTED_NAME:
            end = _quote_end(text, _NAME_QUOTE_OR_DOUBLED, end, limit)
            construct, closing = "quoted name", '"'
        case TokenKind.DOLLAR_STRING:
            construct, closing = "dollar-quoted string", match.group()
            end = _end_of_closing(text, closing, end, limit)
        case TokenKind.BLOCK_COMMENT:
            end = _block_comment_end(text, end, limit)
            construct, closing = "comment", "*/"
        case TokenKind.OPERATOR:
            end = _operator_end(text, start, end)
        case _:
            end = _command_end(text, start, limit)
    if end < 0:
        raise UnclosedText(*source.place(start), construct=construct, closing=closing)
    return Token(kind, start, end)


def command_name(text: str, start: int) -> str:
    """Give the name of the backslash command at `start`."""
    match = _COMMAND_NAME.match(text, start)
    return match[1] if match else ""


def _end_of_closing(text: str, closing: str, start: int, limit: int) -> int:
    closed_at = text.find(closing, start, limit)
    return closed_at if closed_at < 0 else closed_at + len(closing)


def _string_end(text: str, start: int, limit: int, prefix: str, *, standard_strings: bool) -> int:
    edges = _QUOTE_OR_DOUBLED
    if prefix == "e" or (prefix in {"", "n"} and not standard_strings):
        edges = _QUOTE_OR_ESCAPE
    while True:
        if prefix in {"b", "x"}:
            end = _end_of_closing(text, "'", start, limit)
        else:
            end = _quote_end(text, edges, start, limit)
        continuation = _CONTINUATION.match(text, end, limit) if end > 0 else None
        if continuation is None:
            return end
        start = continuation.end()


def _quote_end(text: str, edges: re.Pattern[str], start: int, limit: int) -> int:
    for edge in edges.finditer(text, start, limit):
        if edge.group() in {"'", '"'}:
            return edge.end()
    return -1


def _block_comment_end(text: str, start: int, limit: int) -> int:
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, start, limit):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return -1


def _operator_end(text: str, start: int, end: int) -> int:
    comment = _COMMENT_START.search(text, start + 1, end + 1)
    if comment:
        end = comment.start()
    operator = text[start:end]
    # as in SQL, `=-1` is two operators, unless a character says that it cannot be SQL's own
    if operator[-1] in "+-" and not any(char in "~!@#^&|`?%" for char in operator):
        return start + 1 + len(operator[1:].rstrip("+-"))
    return end


def _command_end(text: str, start: int, limit: int) -> int:
    name = command_name(text, start)
    position = start + 1 + len(name)
    if (
        name in _TAKES_LINE
        or not _COMMAND_CHARS.fullmatch(name)
        or (name in _TAKES_PIPE and _PIPE.match(text, position, limit))
    ):
        newline = text.find("\n", position, limit)
        return limit if newline < 0 else newline
    quote = ""
    while edge := _ARGUMENT_EDGE[quote].search(text, position, limit):
        position, char = edge.end(), edge.group()
        if char == "\n":
            return edge.start()
        if char == quote:
            quote = ""
        elif not quote and char in _ARGUMENT_EDGE:
            quote = char
        elif not quote:
            # `\\` ends the command and belongs to it, a single one begins the next
            return position if char == "\\\\" else edge.start()
    return limit
