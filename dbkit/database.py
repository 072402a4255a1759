"""Open a connection to a PostgreSQL database, or say in one sentence why it cannot be opened."""

import re

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


def connect(url: str, *, origin: str = "the URL given") -> psycopg.Connection:
    """Open a connection in autocommit mode; `origin` says in an error where the URL came from.

    The driver prepares no statement by itself: behind a pooler, a prepared statement may be
    missing in the next transaction.
    """
    url = libpq_url(url)
    if fault := _fault(url):
        raise CannotConnect(without_password(url), origin, fault)
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            prepare_threshold=None,
            client_encoding="UTF8",
            fallback_application_name="dbkit",
        )
    except psycopg.Error as error:
        raise CannotConnect(without_password(url), origin, _reason(error)) from error


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
