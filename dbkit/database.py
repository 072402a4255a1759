"""Open a connection to a PostgreSQL database, or say in one sentence why it cannot be opened."""

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args
from weakref import WeakKeyDictionary

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dbkit.errors import CannotConnect

_SCHEMES = ("postgresql://", "postgres://")
_DRIVER_SUFFIX = re.compile(r"^(postgres(?:ql)?)\+\w+(?=://)", re.IGNORECASE)
_URL = re.compile(r"[^/\s=]*//")
# a password may hold an @ or a / that should be written as %40 or %2F: rather hide too much
_USER_PASSWORD = re.compile(r"(//[^:@/?]*:)(?:[^?]*|[^/]*)(?=@)")
_QUERY_PASSWORD = re.compile(r"([?&](?:ssl)?password=)[^&]*")
_KEY_PASSWORD = re.compile(r"((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)")
_QUOTED = re.compile(r'"([^"]*)"')
_WHERE = re.compile(
    r"^(?:connection (?:failed|is bad): )?"
    r"(?:connection to server (?:at|on socket) .*? failed: )?(?:FATAL: +)?",
    re.DOTALL,
)


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


def connect(url: str, *, origin: str = _GIVEN, prepare: Prepare = "auto") -> psycopg.Connection:
    """Open a connection in autocommit mode; `origin` says in an error where the URL came from.

    Typed queries are prepared by name if no pooler stands between ("auto"), "always", which is for
    a pooler that keeps named statements for each client, or "never". The driver prepares no
    statement by itself: a name that it gives may be, behind a pooler, another client's statement.
    """
    url = libpq_url(url)
    with explained(url, origin):
        connection = psycopg.connect(
            url,
            autocommit=True,
            prepare_threshold=None,
            client_encoding="UTF8",
            fallback_application_name="dbkit",
            **patience(url),
        )
    set_prepare_mode(connection, prepare)
    return connection


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
def explained(url: str, origin: str = _GIVEN) -> Generator[None]:
    """Say in one sentence why a connection to this URL, which the block makes, cannot be made."""
    if fault := _fault(url):
        raise CannotConnect(without_password(url), origin, fault)
    try:
        yield
    except psycopg.Error as error:
        raise CannotConnect(without_password(url), origin, _reason(error)) from error


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


def without_password(url: str) -> str:
    """Return the URL with *** in place of its passwords, as it may be shown."""
    if _URL.match(url):
        return _QUERY_PASSWORD.sub(r"\1***", _USER_PASSWORD.sub(r"\1***", url))
    return _KEY_PASSWORD.sub(r"\1***", url)


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


def _reason(error: psycopg.Error) -> str:
    attempts = [line.strip() for line in str(error).splitlines() if line.strip()]
    reasons = [line for line in attempts if not line.startswith(("Multiple connection", "- "))]
    return _WHERE.sub("", (reasons or attempts or ["no reason given"])[0]).strip()
