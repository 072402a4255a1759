"""Read a script from top to bottom with what psql remembers on the way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dbkit.sqltext.errors import InterruptedStatement, UnclosedText
from dbkit.sqltext.lexer import SPACE, command_name, lex
from dbkit.sqltext.scriptparts import ScriptCommand, ScriptStatement
from dbkit.sqltext.source import Source
from dbkit.sqltext.strides import BEGINNING, BETWEEN, STRIDE, stride_nonstandard, token_start
from dbkit.sqltext.tokenkinds import Token, TokenKind

_SPACE = " \t\n\r\f\v"
_ROUTINES = frozenset(
    (*create, kind)
    for create in (("create",), ("create", "or", "replace"))
    for kind in ("function", "procedure")
)
_ROUTINE_KINDS = frozenset(routine[-1] for routine in _ROUTINES)
_LONGEST_ROUTINE = max(map(len, _ROUTINES))
_TOWARDS_ROUTINE = frozenset(routine[:n] for routine in _ROUTINES for n in range(1, len(routine)))
_SENDING = frozenset({"g", "gx", "gset", "gexec", "gdesc", "crosstabview", "watch"})
_DISCARDING = frozenset({"r", "reset"})

# statements whose words matter to psql's reading of what comes after them, and how many words
_TELLING = frozenset({"copy", "set", "reset", "discard"})
_HEEDED = _TELLING | {"create"}
_TELLING_WORDS = 12
_UNSEEN = frozenset({TokenKind.SPACE, TokenKind.LINE_COMMENT})
_NAMING = frozenset({TokenKind.WORD, TokenKind.QUOTED_NAME, TokenKind.STRING, TokenKind.NUMBER})
_BLOCK_WORD = re.compile("begin|case|end", re.IGNORECASE)
_TABLE = r"""(?:[^ \t\n\r\f\v.,()"]++|(?:"[^"]*+")+)"""
# the rest of the line of psql's own \copy, whose data stand below it
_COPY_HERE = re.compile(
    rf"""(?:binary{SPACE}++)?+ {_TABLE} (?:{SPACE}*+\.{SPACE}*+{_TABLE})?
         (?:{SPACE}*+\((?:[^)"]|"[^"]*")*\))? {SPACE}*+ from {SPACE}++ std(?:in|out)
         (?:{SPACE}|;|\Z)""",
    re.VERBOSE | re.IGNORECASE,
)
_DATA_END = re.compile(r"\n\\\.\r?(?:\n|\Z)")
_SETTING = re.compile(
    r"""set\ (?:session\ |local\ )?"?standard_conforming_strings"?\ (?:to\ )?['"]?(\w+)['"]?
      | (reset\ (?:"?standard_conforming_strings"?|all) | discard\ all)""",
    re.VERBOSE,
)
_ON = re.compile("t|tr|tru|true|y|ye|yes|on|1")
_OFF = re.compile("f|fa|fal|fals|false|n|no|of|off|0")


def tokens(
    text: str, *, path: str = "<text>", standard_conforming_strings: bool = True
) -> Iterator[Token]:
    """Cut a script into tokens; together they cover all of it."""
    reader = _Reader(Source(path, text), standard_strings=standard_conforming_strings)
    return (item for item in reader.read(striding=False) if isinstance(item, Token))


def split(
    source: Source, *, standard_conforming_strings: bool = True
) -> Iterator[ScriptStatement | ScriptCommand]:
    r"""Cut a script into the statements psql would send, and the commands psql would obey.

    What decides at run time is not known here: commands are not obeyed, variables are not
    replaced, each `copy ... from stdin` is taken to succeed and each `set` to stay in force.
    """
    reader = _Reader(source, standard_strings=standard_conforming_strings)
    try:
        for item in reader.read(striding=True):
            if not isinstance(item, Token):
                yield item
    except UnclosedText:
        # a stride may have passed over the place where it was opened
        for _ in split_by_tokens(source, standard_conforming_strings=standard_conforming_strings):
            pass
        raise


def split_by_tokens(
    source: Source, *, standard_conforming_strings: bool = True
) -> Iterator[ScriptStatement | ScriptCommand]:
    """Cut a script as `split` does, but by every single token: many times slower."""
    reader = _Reader(source, standard_strings=standard_conforming_strings)
    return (item for item in reader.read(striding=False) if not isinstance(item, Token))


@dataclass(slots=True)
class _Open:
    r"""What psql knows about the statement it has not seen the end of.

    With `\\;` it may have several parts, which are sent together.
    """

    start: int = -1
    is_empty: bool = True
    command: str = ""
    parentheses: int = 0
    blocks: int = 0  # begin and case in the body of a routine
    is_routine: bool = False
    words_matter: bool = True
    first_words: tuple[str, ...] = ()
    outer_words: list[str] = field(default_factory=list[str])
    earlier_parts: list[list[str]] = field(default_factory=list[list[str]])

    @property
    def is_nested(self) -> bool:
        """Whether a semicolon does not end it here."""
        return bool(self.parentheses or self.blocks)

    @property
    def parts(self) -> list[list[str]]:
        """The outer words of each part, as many as matter."""
        return [*self.earlier_parts, self.outer_words]

    def see_parenthesis(self, char: str) -> None:
        if char == "(":
            self.parentheses += 1
        elif char == ")":
            self.parentheses = max(0, self.parentheses - 1)

    def see_name(self, kind: TokenKind, name: str) -> None:
        if kind is TokenKind.WORD:
            self._see_word(name)
        if self.parentheses == 0 and len(self.outer_words) < _TELLING_WORDS:
            self.outer_words.append(name)

    def see_separator(self) -> None:
        if self.outer_words and self.outer_words[0] in _TELLING:
            self.earlier_parts.append(self.outer_words)
        self.outer_words = []
        self.first_words = ()
        self.is_routine = False
        self.words_matter = True

    def _see_word(self, word: str) -> None:
        self.command = self.command or word
        if not self.is_routine:
            if len(self.first_words) < _LONGEST_ROUTINE:
                self.first_words += (word,)
            self.is_routine = self.first_words in _ROUTINES
            self.words_matter = (
                self.is_routine
                or self.first_words in _TOWARDS_ROUTINE
                or (self.first_words[0] in _TELLING and len(self.outer_words) < _TELLING_WORDS)
            )
        # psql does not ask for the word atomic, nor whether a name is meant
        elif self.parentheses == 0:
            if word == "begin" or (word == "case" and self.blocks):
                self.blocks += 1
            elif word == "end" and self.blocks:
                self.blocks -= 1


class _Reader:
    def __init__(self, source: Source, *, standard_strings: bool) -> None:
        self._source = source
        self._text = source.text
        self._offset: int = 0
        # while copy data lie below the current line, nothing may be read beyond its end,
        # and reading goes on below the data
        self._limit = len(self._text)
        self._below_data: int | None = None
        self._standard_at_first = standard_strings
        self._standard = standard_strings
        # psql looks at the setting once a line: where the next line begins, and what then holds
        self._standard_later: tuple[int, bool] | None = None
        self._open = _Open()
        # up to here only single tokens can be told
        self._one_by_one: int = 0

    def read(self, *, striding: bool) -> Iterator[Token | ScriptStatement | ScriptCommand]:
        """Give tokens, each statement after its last token, each command after its own.

        Striding leaves out the tokens that decide nothing, which are nearly all.
        """
        while True:
            if striding:
                yield from self._stride()
            if self._offset == self._limit:
                if self._below_data is None:
                    break
                if token := self._pass_data(self._below_data):
                    yield token
                continue
            if self._standard_later and self._offset >= self._standard_later[0]:
                self._standard = self._standard_later[1]
                self._standard_later = None
            token = self._lex()
            self._offset = token.end
            yield token
            yield from self._follow(token)
        if self._open.start >= 0:
            yield self._finish(self._limit)

    def _stride(self) -> Iterator[ScriptStatement]:
        """Give the statements that can be passed over, and pass over all of the next that can be.

        What is left begins with a token that decides something, or that the next one depends on.
        """
        while self._offset >= self._one_by_one and not self._standard_later:
            if self._open.is_empty and self._standard:
                yield from self._pass_statements()
            current = self._open
            if current.is_empty or not (current.is_routine or not current.words_matter):
                return
            self._pass_inside(current)
            end: int = self._offset
            if end == self._limit or self._text[end] != ";" or end < self._one_by_one:
                return
            self._offset += 1
            yield self._finish(end)

    def _pass_statements(self) -> Iterator[ScriptStatement]:
        """Give the statements that one stride passes over, and begin the one after them."""
        source, text, limit = self._source, self._text, self._limit
        start = self._open.start
        offset: int = self._offset
        while blank := BETWEEN.match(text, offset, limit):
            offset = blank.end()
            found = BEGINNING.match(text, offset, limit)
            if found is None:
                break
            command, kind = found[1].lower(), (found[2] or "").lower()
            if kind == "or" or command in _HEEDED:
                break
            if kind:
                command = "create"
            is_routine = kind in _ROUTINE_KINDS
            if start < 0:
                start = offset
            end = begun = found.end()
            if not is_routine and (passed := STRIDE.match(text, begun, limit)):
                end = passed.end()
            if is_routine or end == limit or text[end] != ";":
                self._open = _Open(
                    start,
                    is_empty=False,
                    command=command,
                    is_routine=is_routine,
                    words_matter=is_routine,
                )
                offset = begun
                break
            offset = end + 1
            while text[end - 1] in _SPACE:
                end -= 1
            yield ScriptStatement(source, start, end, command, is_empty=False, data=None)
            if self._open.start >= 0:
                self._open = _Open()
            start = -1
        self._offset = offset

    def _pass_inside(self, current: _Open) -> None:
        """Pass over what can neither end the statement nor hide its end."""
        text, limit = self._text, self._limit
        stride = (STRIDE if self._standard else stride_nonstandard()).match
        offset: int = self._offset
        while stopped := stride(text, offset, limit):
            stop = stopped.end()
            if current.is_routine and _BLOCK_WORD.search(text, offset, stop):
                self._one_by_one = stop
                break
            char = text[stop] if stop < limit else "\\"
            if char in "()":
                current.see_parenthesis(char)
                offset = stop + 1
            elif char == ";" and current.is_nested:
                offset = stop + 1
            elif char in ";\\":
                offset = stop
                break
            else:
                begin = token_start(text, offset, stop, standard_strings=self._standard)
                if begin < 0:
                    self._one_by_one = stop + 1
                    break
                # it decides nothing, but it may be long
                self._offset = begin
                offset = self._lex().end
        self._offset = offset

    def _lex(self) -> Token:
        try:
            return lex(self._source, self._offset, self._limit, standard_strings=self._standard)
        except UnclosedText:
            if self._limit == len(self._text):
                raise
        # it is not closed on this line, and below lie copy data
        raise self._interrupted(self._offset)

    def _interrupted(self, offset: int) -> InterruptedStatement:
        start = self._open.start if self._open.start >= 0 else offset
        return InterruptedStatement(*self._source.place(start))

    def _follow(self, token: Token) -> tuple[ScriptStatement | ScriptCommand, ...]:
        kind, start, end = token
        if kind in _UNSEEN:
            return ()
        if kind is TokenKind.COMMAND:
            return self._follow_command(start, end)
        current = self._open
        if current.start < 0:
            current.start = start
        if kind is TokenKind.BLOCK_COMMENT:
            return ()
        if kind is TokenKind.PUNCTUATION and self._text[start] == ";" and not current.is_nested:
            return (self._finish(start),)
        current.is_empty = False
        if kind is TokenKind.ESCAPE:
            name = self._text[start + 1]
            if name == ";":
                current.see_separator()
            return (ScriptCommand(self._source, start, end, name, ""),)
        if kind is TokenKind.PUNCTUATION:
            current.see_parenthesis(self._text[start])
        elif kind in _NAMING:
            self._follow_name(token)
        return ()

    def _follow_name(self, token: Token) -> None:
        if self._open.words_matter:
            name = self._text[token.start : token.end].lower()
            # psql takes this u for the failed beginning of U&'..' and does not count it as a word
            if name != "u" or not self._text.startswith("&", token.end):
                self._open.see_name(token.kind, name)

    def _follow_command(self, start: int, end: int) -> tuple[ScriptStatement | ScriptCommand, ...]:
        name = command_name(self._text, start)
        arguments = self._text[start + 1 + len(name) : end].removesuffix("\\\\").strip(_SPACE)
        command = ScriptCommand(self._source, start, end, name, arguments)
        if name == "copy" and _COPY_HERE.match(arguments):
            self._find_data()
        elif name in _DISCARDING:
            self._open = _Open()
        elif name in _SENDING and self._open.start >= 0:
            return command, self._finish(start)
        return (command,)

    def _finish(self, end: int) -> ScriptStatement:
        current, self._open = self._open, _Open()
        blocks: list[slice] = []
        for words in current.parts:
            if _reads_data(words):
                blocks.append(self._find_data())
            elif words:
                self._follow_setting(" ".join(words))
        data = slice(blocks[0].start, blocks[-1].stop) if blocks else None
        while end > current.start and self._text[end - 1] in _SPACE:
            end -= 1
        return ScriptStatement(
            self._source, current.start, end, current.command, current.is_empty, data
        )

    def _find_data(self) -> slice:
        if self._below_data is None:
            newline = self._text.find("\n", self._offset)
            if newline >= 0:
                self._limit = newline + 1
            self._below_data = self._limit
        start = self._below_data
        data_end = _DATA_END.search(self._text, start - 1)
        end, self._below_data = (
            (data_end.start() + 1, data_end.end())
            if data_end
            else (len(self._text), len(self._text))
        )
        return slice(start, end)

    def _pass_data(self, end: int) -> Token | None:
        if self._open.start >= 0:
            raise self._interrupted(self._limit)
        start, self._offset = self._limit, end
        self._limit, self._below_data = len(self._text), None
        return Token(TokenKind.COPY_DATA, start, end) if end > start else None

    def _follow_setting(self, statement: str) -> None:
        setting = _SETTING.fullmatch(statement)
        if setting is None:
            return
        value = setting[1] or "default"
        standard = self._standard_at_first if value == "default" else bool(_ON.fullmatch(value))
        if standard or value == "default" or _OFF.fullmatch(value):
            next_line = (
                self._standard_later[0]
                if self._standard_later
                else self._text.find("\n", self._offset) + 1 or len(self._text)
            )
            self._standard_later = (next_line, standard)


def _reads_data(words: list[str]) -> bool:
    # stdout is as good: the grammar takes either name for what the client sends
    if words[:1] != ["copy"] or "from" not in words[:-1]:
        return False
    return words[words.index("from") + 1] in {"stdin", "stdout"}
