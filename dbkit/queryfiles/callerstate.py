"""Find a statement that changes what is the caller's: the transaction, the session or the wire."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from dbkit.sqltext import BLANK, Token, TokenKind, tokens


class CallerStatement(NamedTuple):
    """Where such a statement begins in its text, what it is called, and what would be right."""

    start: int
    words: str
    reason: str


def find_caller_statement(text: str) -> CallerStatement | None:
    """Return what a query may not do, None for any other statement."""
    script = (token for token in tokens(text) if token.kind not in BLANK)
    first = next(script, None)
    if first is None or first.kind is not TokenKind.WORD:
        return None
    word = _word(text, first)
    if word == "copy":
        direction = _copied(text, script)
        words, reason = _COPY.get(direction, ("", ""))
    else:
        following = islice(script, _MOST_WORDS - 1) if word in _LONGER else ()
        words, reason = _of_words(word, [_word(text, token) for token in following])
    return CallerStatement(first.start, words, reason) if reason else None


def _word(text: str, token: Token) -> str:
    return text[token.start : token.end].lower() if token.kind is TokenKind.WORD else ""


def _of_words(word: str, following: Sequence[str]) -> tuple[str, str]:
    """Return the words of a statement that a query may not be, and what would be right."""
    for words, reason in _REASONS_OF_SEVERAL.items():
        if (word, *following)[: len(words)] == words:
            return " ".join(words), reason
    return word, _REASONS.get(word, "")


def _copied(text: str, script: Iterator[Token]) -> str:
    """Return `from` or `to` where the rows of a `copy` go over the wire, else nothing."""
    depth, before, direction = 0, "", ""
    for token in script:
        shown = text[token.start : token.end].lower()
        if direction:
            # PostgreSQL takes each of the two words in either direction
            return direction if shown in {"stdin", "stdout"} else ""
        depth += (shown == "(") - (shown == ")")
        # a name after a dot may be any word
        if not depth and before != "." and token.kind is TokenKind.WORD and shown in _COPY:
            direction = shown
        before = shown
    return ""


_TRANSACTION = (
    "belongs to the transaction, which is the caller's; take it out, and call the query inside "
    "`with connection.transaction():`"
)
_CHARACTERISTICS = (
    "belongs to the transaction, which is the caller's; choose it where that begins, as in "
    '`with dbkit.transaction(connection, isolation="serializable"):`'
)
_SETTING = (
    "would change the session after the caller's transaction; write `set local`, or give the "
    'setting to the transaction, as in `with dbkit.transaction(connection, settings={"x.y": 1}):`'
)
_RESETTING = (
    "would take from the session what its owner and dbkit hold there; take it out, or give it to "
    "the connection itself, as in `connection.execute(…)`"
)
_PREPARED = (
    "is for statements that the session has prepared, which dbkit does itself; write the "
    "statement that is to run"
)
_CURSOR = (
    "is for a cursor of the session, which dbkit makes itself; write the query alone, with the "
    "kind :stream"
)
_LISTENING = (
    "would change the session after the caller's transaction; give it to a connection that is "
    "kept for it, as in `connection.execute(…)`"
)
# the longer words first; what is empty is allowed
_REASONS_OF_SEVERAL = {
    ("set", "session", "characteristics"): _CHARACTERISTICS,
    ("set", "local", "transaction"): _CHARACTERISTICS,
    ("set", "transaction"): _CHARACTERISTICS,
    ("set", "local"): "",
    ("set", "constraints"): "",
    ("prepare", "transaction"): _TRANSACTION,
    ("start", "transaction"): _TRANSACTION,
}
_LONGER = frozenset(words[0] for words in _REASONS_OF_SEVERAL)
_MOST_WORDS = max(map(len, _REASONS_OF_SEVERAL))
_REASONS = {
    **dict.fromkeys(
        ("begin", "commit", "end", "rollback", "abort", "savepoint", "release"),
        _TRANSACTION,
    ),
    "set": _SETTING,
    **dict.fromkeys(("reset", "discard"), _RESETTING),
    **dict.fromkeys(("prepare", "execute", "deallocate"), _PREPARED),
    **dict.fromkeys(("declare", "fetch", "move", "close"), _CURSOR),
    **dict.fromkeys(("listen", "unlisten", "load"), _LISTENING),
}
_COPY = {
    "from": (
        "copy … from stdin",
        (
            "would leave the connection waiting for rows; write `insert into table (columns) "
            "values (…)` with the kind :copy, which loads them by copy"
        ),
    ),
    "to": (
        "copy … to stdout",
        (
            "would leave the connection full of rows that are no result; write the query alone, "
            "with the kind :stream, or copy by `connection.cursor().copy(…)`"
        ),
    ),
}
