"""What a statement says of transactions."""

from itertools import islice

from dbkit.sqltext import ScriptStatement, TokenKind, tokens

_NAMING = {TokenKind.WORD, TokenKind.QUOTED_NAME}
_CONTROL = {"begin", "start", "commit", "end", "rollback", "abort", "prepare", "savepoint"}
_HARMLESS = {"savepoint"}
# how a transaction begins and ends that has nothing to say of itself
_BEGINNINGS = {
    ("begin",),
    ("begin", "work"),
    ("begin", "transaction"),
    ("start", "transaction"),
}
_ENDINGS = {
    (word, *more) for word in ("commit", "end") for more in ((), ("work",), ("transaction",))
}
# statements that the server refuses in a transaction, by their first words
_ALONE = {
    ("vacuum",),
    ("cluster",),
    ("alter", "system"),
    ("create", "database"),
    ("drop", "database"),
    ("create", "tablespace"),
    ("drop", "tablespace"),
    ("create", "subscription"),
    ("drop", "subscription"),
    ("discard", "all"),
}
_CONCURRENT = {("create", "index"), ("create", "unique"), ("drop", "index"), ("reindex",)}
_LONGEST = 12


def code_words(statement: ScriptStatement, count: int) -> tuple[str, ...]:
    """Return the first names and keywords of a statement, in lower case."""
    text = statement.text
    words = (
        text[token.start : token.end].strip('"').lower()
        for token in tokens(text)
        if token.kind in _NAMING
    )
    return tuple(islice(words, count))


def is_transaction_control(statement: ScriptStatement) -> bool:
    """Say whether a statement begins or ends a transaction."""
    if statement.command not in _CONTROL - _HARMLESS:
        return False
    words = code_words(statement, 4)
    if words[0] == "rollback":
        return "to" not in words
    return words[0] != "prepare" or words[:2] == ("prepare", "transaction")


def is_beginning(statement: ScriptStatement) -> bool:
    """Say whether a statement is a plain `begin`."""
    return code_words(statement, _LONGEST) in _BEGINNINGS


def is_ending(statement: ScriptStatement) -> bool:
    """Say whether a statement is a plain `commit`."""
    return code_words(statement, _LONGEST) in _ENDINGS


def runs_alone(statement: ScriptStatement) -> bool:
    """Say whether the server refuses a statement in a transaction."""
    words = code_words(statement, _LONGEST)
    if words[:1] == ("cluster",):
        return len(words) == 1
    if words[:1] in _ALONE or words[:2] in _ALONE:
        return True
    if words[:1] in _CONCURRENT or words[:2] in _CONCURRENT:
        return "concurrently" in words
    return words[:2] == ("alter", "table") and {"detach", "concurrently"} <= set(words)
