"""Tell which names Python and psql can both use."""

import keyword
import re
from collections.abc import Iterable, Iterator
from unicodedata import normalize

_TAKEN_BY_PYTHON = frozenset({"connection"})
# psql sets these itself, so they are never left out and `-v` changes psql rather than the query
_TAKEN_BY_PSQL = re.compile(
    "AUTOCOMMIT|COMP_KEYWORD_CASE|DBNAME|ECHO|ECHO_HIDDEN|ENCODING|ERROR|FETCH_COUNT"
    "|HIDE_TABLEAM|HIDE_TOAST_COMPRESSION|HISTCONTROL|HISTFILE|HISTSIZE|HOST|IGNOREEOF|LASTOID"
    "|LAST_ERROR_(?:MESSAGE|SQLSTATE)|ON_ERROR_(?:ROLLBACK|STOP)|PIPELINE_[A-Z_]+|PORT|PROMPT[123]"
    "|QUIET|ROW_COUNT|SERVER_VERSION_(?:NAME|NUM)|SERVICE|SERVICEFILE|SHELL_(?:ERROR|EXIT_CODE)"
    "|SHOW_ALL_RESULTS|SHOW_CONTEXT|SINGLELINE|SINGLESTEP|SQLSTATE|USER|VERBOSITY"
    "|VERSION(?:_NAME|_NUM)?|WATCH_INTERVAL"
)
_NO_NAME_CHAR = re.compile(r"\W+")


def usable_name(name: str) -> str:
    """Return the nearest name that Python accepts: `class_` for `class`, else the name itself."""
    usable = normalize("NFKC", name)
    if keyword.iskeyword(usable):
        return f"{usable.lower()}_"
    if not usable.isidentifier() or usable.startswith("__"):
        usable = _NO_NAME_CHAR.sub("_", usable).strip("_") or "name"
        if keyword.iskeyword(usable):
            return f"{usable.lower()}_"
        usable = usable if usable.isidentifier() else f"_{usable}"
    return usable


def unusable_in_python(name: str) -> str | None:
    """Say why a query or a folder of them cannot have this name, or nothing."""
    usable = usable_name(name)
    if usable == name:
        return None
    if keyword.iskeyword(name):
        reason = "is named like a keyword of Python's"
    elif not name.isidentifier():
        reason = "is no name in Python"
    elif name.startswith("__"):
        reason = "begins with two underscores, which Python keeps for itself"
    else:
        reason = "is another name to Python"
    return f"{reason}; call it {usable!r}"


def row_class_name(query_name: str) -> str:
    """Name the class of a query's rows: `list_recent` has a `ListRecentRow`."""
    words = (word[:1].upper() + word[1:] for word in query_name.split("_"))
    name = normalize("NFKC", f"{''.join(words)}Row")
    return name if name.isidentifier() else f"_{name}"


def is_class_name(name: str) -> bool:
    """Say whether a class in Python can have this name, and begins with a capital letter."""
    return name[:1].isupper() and unusable_in_python(name) is None


def usable_parameter(name: str) -> str:
    """Return the nearest name that a parameter can have, else the name itself."""
    if name in _TAKEN_BY_PYTHON or _TAKEN_BY_PSQL.fullmatch(name):
        return f"{name.lower()}_"
    return usable_name(name)


def unusable_as_parameter(name: str) -> str | None:
    """Say why a parameter cannot have this name, or nothing."""
    usable = usable_parameter(name)
    if name in _TAKEN_BY_PYTHON:
        return f"is named like the first argument of every query; call it {usable!r}"
    if _TAKEN_BY_PSQL.fullmatch(name):
        return f"is a variable that psql sets itself; call it {usable!r}"
    return unusable_in_python(name)


def pairs_by_case(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Find each name that differs from an earlier one in case only, and the earlier one."""
    seen: dict[str, str] = {}
    for name in names:
        earlier = seen.setdefault(name.casefold(), name)
        if earlier != name:
            yield name, earlier
