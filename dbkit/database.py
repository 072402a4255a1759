"""Open one connection to a PostgreSQL database, or say in one sentence why not."""

import re
from urllib.parse import urlsplit, urlunsplit

import psycopg

from dbkit.errors.settings import CannotConnect

_DRIVER_SUFFIX = re.compile(r"^(postgres(?:ql)?)\+\w+://", re.IGNORECASE)
_PLACE = re.compile(r"^connection to server (?:at|on socket) .*? failed: (?:FATAL: +)?", re.DOTALL)


def connect(url: str, *, origin: str = "the URL given") -> psycopg.Connection:
    """Open a connection in autocommit mode that a migration or a status can be run on.

    The URL is libpq's own, multi-host and sockets included; a driver suffix as in
    `postgresql+psycopg://` is accepted and dropped. Nothing is prepared behind the
    caller's back, so that a pooler in between is noticed rather than confused.
    """
    try:
        return psycopg.connect(
            _DRIVER_SUFFIX.sub(r"\1://", url),
            autocommit=True,
            prepare_threshold=None,
            client_encoding="UTF8",
            fallback_application_name="dbkit",
        )
    except psycopg.Error as error:
        raise CannotConnect(without_password(url), origin, _reason(error)) from error


def without_password(url: str) -> str:
    """Return the URL as it may be shown."""
    if "://" not in url:
        return re.sub(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", r"\1***", url)
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    hidden = user.partition(":")[0] + (":***" if ":" in user else "")
    query = re.sub(r"((?:^|&)password=)[^&]*", r"\1***", parts.query)
    return urlunsplit(parts._replace(netloc=hidden + at + place, query=query))


def _reason(error: psycopg.Error) -> str:
    attempts = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in attempts if not line.startswith(("Multiple connection", "- "))]
    return _PLACE.sub("", (telling or attempts or ["no reason given"])[0]).strip()
