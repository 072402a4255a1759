"""Open a connection to a PostgreSQL database, or say in one sentence why it cannot be opened."""

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import quote
from weakref import WeakKeyDictionary

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn

from dbkit.errors import CannotConnect
from dbkit.releases import with_release

_SCHEMES = ("postgresql://", "postgres://")
_DRIVER_SUFFIX = re.compile(r"^(postgres(?:ql)?)\+\w+(?=://)", re.IGNORECASE)
_URL = re.compile(r"[^/\s=]*//")
# a password may hold an @ or a / that should be written as %40 or %2F: rather hide too much
_USER_PASSWORD = re.compile(r"(//[^:@/?]*:)(?:[^?]*|[^/]*)(?=@)")
_QUERY_PASSWORD = re.compile(r"([?&](?:ssl)?password=)[^&]*")
_KEY_PASSWORD = re.compile(r"((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)")
# one that lacks its scheme, of which a person is told
_BARE_PASSWORD = re.compile(r"^([^\s:@/?=]+:)(?:[^?]*|[^/]*)(?=@)")
_QUOTED = re.compile(r'"([^"]*)"')
_WHERE = re.compile(
    r"^(?:connection (?:failed|is bad): )?"
    r"(?:connection to server (?:at|on socket) .*? failed: )?(?:FATAL: +)?",
    re.DOTALL,
)


# as which role a session runs
CURRENT_ROLE = "select current_user::text"
# what parts the options that a session begins with, and the sign that makes it part of one
_SPLITTING = re.compile(r"([\s\\])")
_ESCAPED = r"\\\1"
# what the server takes for "as who logged in", and what would leave the option without a value
_NO_ROLES = {"", "none"}
# the folder of a socket that is none
_NOWHERE = "/dev/null"
_GIVEN = "the URL given"
Prepare: TypeAlias = Literal["auto", "always", "never"]

# so many seconds a host has to take a connection, one of several, or the only one
_SECONDS_OF_MANY = 5
_SECONDS_OF_ONE = 30
# a connection is lost if its host is silent for 15 seconds: the system asks it after 5 without
# traffic, which says nothing about how long a statement may run
_LIVENESS = MappingProxyType(
    {
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15_000,
    }
)
_NOTHING: Mapping[str, Any] = MappingProxyType({})

# of connections that were told; for every other it is "auto"
_MODES: WeakKeyDictionary[object, Prepare] = WeakKeyDictionary()


def connect(
    url: str, *, origin: str = _GIVEN, prepare: Prepare = "auto", role: str | None = None
) -> psycopg.Connection:
    """Open a connection in autocommit mode; `origin` says in an error where the URL came from.

    With `role` the session begins as that role, as if its user had logged in as it; `reset role`
    goes back to it.

    Typed queries are prepared by name if no pooler stands between ("auto"), "always", which is for
    a pooler that keeps named statements for each client, or "never". The driver prepares no
    statement by itself: a name that it gives may be, behind a pooler, another client's statement.
    """
    url = libpq_url(url)
    with explained(url, origin, role):
        connection = psycopg.connect(
            url,
            autocommit=True,
            prepare_threshold=None,
            client_encoding="UTF8",
            fallback_application_name=with_release("dbkit", "dbkit"),
            **patience(url),
            **taking_on(role, url),
        )
    set_prepare_mode(connection, prepare)
    if role is not None:
        try:
            refuse_other_role(connection.execute(CURRENT_ROLE).fetchone(), role, url, origin)
        except BaseException:
            connection.close()
            raise
    return connection


def taking_on(role: str | None, url: str, given: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
    """Return what makes a session begin as a role, as parameters for libpq.

    It is an option of the start, so that it is the value that `reset role` goes back to. It comes
    after the options that the URL, the environment or the parameters given have. None is needed
    where the user is that role, as it has to be behind a pooler, which passes no options on.
    """
    if role is None:
        return {}
    resolved = _resolved(url, given)
    if resolved.get("user") == role:
        return {}
    option = f"-c role={_SPLITTING.sub(_ESCAPED, role)}"
    return {"options": f"{resolved.get('options', '')} {option}".strip()}


def refuse_other_role(row: tuple[str] | None, role: str, url: str, origin: str = _GIVEN) -> None:
    """Refuse a session whose role, as `CURRENT_ROLE` gives it, is not the one to be taken on."""
    if row != (role,):
        current = row[0] if row else ""
        fault = f'the session runs as "{current}" and not as "{role}"; {_pooled(role)}'
        raise CannotConnect(without_password(url), origin, fault)


def patience(url: str, given: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
    """Return how long a host may be silent, as parameters for libpq.

    What the URL, the environment or the parameters that are given say is left out. libpq's own
    defaults are two minutes, by the driver, to connect, and hours until a connection is lost.
    """
    options = conninfo_to_dict(url, **given)
    seconds: dict[str, Any] = {}
    if "connect_timeout" not in options and "PGCONNECT_TIMEOUT" not in os.environ:
        hosts = str(options.get("host") or options.get("hostaddr") or os.environ.get("PGHOST", ""))
        seconds["connect_timeout"] = _SECONDS_OF_MANY if "," in hosts else _SECONDS_OF_ONE
    has_service = "service" in options or "PGSERVICE" in os.environ
    if not has_service and not options.keys() & {"keepalives", *_LIVENESS}:
        seconds.update(_LIVENESS)
    return seconds


@contextmanager
def explained(url: str, origin: str = _GIVEN, role: str | None = None) -> Generator[None]:
    """Say in one sentence why a connection to this URL, which the block makes, cannot be made.

    `role` is the one that the session is to begin as.
    """
    if fault := _fault(url) or _fault_of_role(role):
        raise CannotConnect(without_password(url), origin, fault)
    try:
        yield
    except psycopg.Error as error:
        reason = _reason(error)
        if role is not None:
            reason += _remedy(reason, role, url)
        raise CannotConnect(without_password(url), origin, reason) from error


def set_prepare_mode(connection: object, mode: Prepare) -> None:
    """Say whether the typed queries of a connection are prepared by name; before the first call."""
    if mode not in get_args(Prepare):
        message = f"prepare is auto, always or never, not {mode!r}"
        raise ValueError(message)
    if mode != "auto":
        _MODES[connection] = mode


def prepare_mode(connection: object) -> Prepare:
    """Return what was said of a connection, "auto" if nothing was."""
    return _MODES.get(connection, "auto")


def libpq_url(url: str) -> str:
    """Return the URL as libpq takes it, multi-host and sockets included.

    A driver suffix, as in `postgresql+psycopg://`, is dropped, and so is the line break
    that a file of secrets ends with.
    """
    return _DRIVER_SUFFIX.sub(r"\1", url.strip())


def url_of_role(role: str | None, url: str) -> str:
    """Return a URL with which a session of any program begins as a role."""
    if fault := _fault_of_role(role):
        raise CannotConnect(without_password(url), _GIVEN, fault)
    option = taking_on(role, url).get("options")
    if option is None:
        return url
    if not _URL.match(url):
        return make_conninfo(url, options=option)
    head, _, query = url.partition("?")
    others = [part for part in query.split("&") if part and not part.startswith("options=")]
    others.append(f"options={quote(option, safe='')}")
    return f"{head}?{'&'.join(others)}"


def without_password(url: str) -> str:
    """Return the URL with *** in place of its passwords, as it may be shown."""
    if _URL.match(url):
        return _QUERY_PASSWORD.sub(r"\1***", _USER_PASSWORD.sub(r"\1***", url))
    return _KEY_PASSWORD.sub(r"\1***", _BARE_PASSWORD.sub(r"\1***", url))


def secretly(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL for the arguments of a program, and its password for the environment.

    Everybody on the machine can read the arguments of a program.
    """
    info = conninfo_to_dict(url)
    password = info.pop("password", None)
    if password is None:
        return url, {}
    return make_conninfo("", **info), {"PGPASSWORD": str(password)}


def _fault(url: str) -> str | None:
    """Say what is wrong with a URL, without the passwords that libpq would quote."""
    if not url.startswith(_SCHEMES) and (_URL.match(url) or "=" not in url):
        return "a URL begins with postgresql://"
    try:
        options = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        shown = without_password(url)
        return _QUOTED.sub(
            lambda quoted: quoted[0] if quoted[1] in shown else '"***"', str(error).strip()
        )
    hosts, ports = (str(options.get(key, "")).split(",") for key in ("host", "port"))
    # a host that begins with @ is a socket without a file
    if any("@" in host[1:] for host in hosts) or any(port and not port.isdigit() for port in ports):
        return "the port is to be a number; in a password, write @ as %40 and / as %2F"
    return None


def _fault_of_role(role: str | None) -> str | None:
    if role is not None and role.strip().lower() in _NO_ROLES:
        return f"a role to take on is the name of a role, not {role!r}"
    return None


def _remedy(reason: str, role: str, url: str) -> str:
    """Say what a user needs that may not begin as a role; nothing if it is not about that."""
    if "startup parameter" in reason:
        return f"; {_pooled(role)}"
    user = _resolved(url).get("user", "")
    if f'"{role}"' not in reason or user == role:
        return ""
    name, member = (sql.Identifier(name).as_string() for name in (role, user))
    return (
        "; the role has to exist, and the user that connects has to be a member of it: "
        f"create role {name}; grant {name} to {member}"
    )


def _pooled(role: str) -> str:
    return f'a pooler passes no role on, so the user in its URL has to be "{role}" itself'


def _resolved(url: str, given: Mapping[str, Any] = _NOTHING) -> dict[str, str]:
    """Return the parameters of a connection as libpq has them, with environment and service file.

    It is asked for a connection to nowhere: it tells them of none that it did not begin.
    """
    names = ("user", "options", "service")
    chosen = {name: given[name] for name in names if given.get(name) is not None}
    nowhere = make_conninfo(url, **chosen, host=_NOWHERE, hostaddr="")
    asked = PGconn.connect_start(nowhere.encode())
    try:
        return {
            option.keyword.decode(): option.val.decode()
            for option in asked.info
            if option.val is not None
        }
    finally:
        asked.finish()


def _reason(error: psycopg.Error) -> str:
    attempts = [line.strip() for line in str(error).splitlines() if line.strip()]
    reasons = [line for line in attempts if not line.startswith(("Multiple connection", "- "))]
    return _WHERE.sub("", (reasons or attempts or ["no reason given"])[0]).strip()
