"""Pass in one stride over all of a statement that can neither end it nor hide its end."""

import re
from functools import cache

from dbkit.sqltext.lexer import NAME_CHAR, SPACE, VARIABLE_CHAR

# A stride reads no tokens, and yet never ends inside one whose end it has not seen. It stops
# before whatever decides, and before whatever cannot be told without the tokens before it.
_SOUND = r"[^'\"$;()\\/\-]*+"
_QUOTED = r""" "[^"]*+" """
_LONE_SIGN = r"-(?!-) | /(?!\*)"
# after 1e the first of two minus signs belongs to the number
_COMMENT = r"(?<![0-9_.][eE])--[^\n\r]*+"
# an e that is a word makes another string of what follows, at the end of a word it does not
_STRING = rf"""
      (?<![eE])'[^']*+'
    | (?<={VARIABLE_CHAR}[eE])'[^']*+'
    | (?<=[ \t\n\r\f\v,(=][eE])'[^'\\]*+(?:\\.[^'\\]*+){{0,20}}'
      (?!'|[ \t\f\v]*+(?:\r(?!\n)|--))
"""
# where a backslash may stand for something in any string, but none stands there
_STRING_WITHOUT_BACKSLASH = r"""(?<=[ \t\n\r\f\v,(=])'[^'\\]*+'
    (?!'|[ \t\f\v]*+(?:\r(?!\n)|--))"""
# re remembers each repetition in order to go back to it, so their number is limited
_AT_MOST, _AT_MOST_INSIDE = 100, 40


def _stride(string: str) -> str:
    item = f"{string} | {_QUOTED} | {_COMMENT} | {_LONE_SIGN}"
    inside = item
    for _ in range(3):
        # a pair of parentheses that are closed again
        pair = rf"\( {_SOUND} (?:(?:{inside}) {_SOUND}){{0,{_AT_MOST_INSIDE}}} \)"
        inside = f"{item} | {pair}"
    return f"{_SOUND} (?:(?:{inside}) {_SOUND}){{0,{_AT_MOST}}}"


# an ASCII word to which nothing can be added, and which is the prefix of nothing
_WORD = r"""[A-Za-z_][A-Za-z0-9_]*+ (?! [^\x00-\x7f] | [$'"&] )"""
_OR_REPLACE = f"(?:(?i:or){SPACE}++(?i:replace){SPACE}++)?"

STRIDE = re.compile(_stride(_STRING), re.VERBOSE | re.DOTALL)
# what stands between statements and belongs to none
BETWEEN = re.compile(rf"{SPACE}*+(?:--[^\n\r]*+{SPACE}*+){{0,{_AT_MOST}}}")
# how a statement begins; the first group is its first word, with what the second one names, if it
# makes something that needs no more words to be told from a routine
BEGINNING = re.compile(
    rf"""
    ((?i:create){SPACE}++ {_OR_REPLACE} ({_WORD}) | {_WORD})
    """,
    re.VERBOSE,
)


@cache
def stride_nonstandard() -> re.Pattern[str]:
    """Return what `STRIDE` is where a backslash counts in every string; few files need it."""
    return re.compile(_stride(_STRING_WITHOUT_BACKSLASH), re.VERBOSE | re.DOTALL)


# behind these a token begins, unless they stand in another one themselves
_BOUNDARIES = " \t\n\r\f\v,(="
_IN_NAME = re.compile(NAME_CHAR)


def token_start(text: str, start: int, stop: int, *, standard_strings: bool) -> int:
    """Return where the token begins at which a stride stopped, or -1 if only tokens can tell."""
    if stop == start:
        return stop
    char, last = text[stop], text[stop - 1]
    if char == "'" and last in "eE":
        return stop - 1 if text[stop - 2] in _BOUNDARIES else -1
    if (
        (char == "'" and not standard_strings and last not in _BOUNDARIES)
        or (char == "$" and _IN_NAME.match(last))
        or (char == "-" and last in "eE")
    ):
        return -1
    return stop
