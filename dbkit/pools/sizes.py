"""What a pool can be told: how many connections it keeps, for how long, and how they are made."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from random import uniform
from typing import Any, Literal, TypedDict

from psycopg.pq.abc import PGconn

# the pools of this process are numbered, since two of them may have one name
_POOLS = count(1)
# the server cuts a longer name of an application, and with it how large the pool may be
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many connections a pool keeps, and for how long."""

    # the number of connections that are opened at once and kept open
    min_size: int = 1
    # the maximum number of connections; a caller that finds all of them in use waits
    max_size: int = 10
    # after so many seconds a connection is replaced by a new one
    max_lifetime: float = 3600
    # a connection that was idle for so many seconds is closed, down to min_size
    max_idle: float = 600
    # whether a connection that was idle for longer than `check_after` is tested before it is lent
    checked: bool = True
    # so many seconds a connection may be idle and still be lent without that test, which is a
    # round trip; that the server ended the session is noticed without it
    check_after: float = 10
    # so many seconds a caller waits for a connection before it gets an error
    timeout: float = 30
    # the maximum number of callers that wait; one more gets an error at once; 0: any number
    max_waiting: int = 0
    # for so many seconds the pool tries to connect again after connecting failed; after that it
    # tries while somebody waits for a connection
    reconnect_timeout: float = 300
    # the maximum number of connections that are being made at the same time
    num_workers: int = 3

    def __post_init__(self) -> None:
        """Refuse what no pool can be."""
        if self.max_size < 1 or not 0 <= self.min_size <= self.max_size:
            message = (
                "min_size is to be from 0 to max_size, and max_size at least 1, "
                f"not {self.min_size} and {self.max_size}"
            )
            raise ValueError(message)
        if self.num_workers < 1:
            message = f"num_workers is to be at least 1, not {self.num_workers}"
            raise ValueError(message)


# for steady load: 5 connections always, up to 25, idle ones closed after half an hour
STEADY = Sizes(min_size=5, max_size=25, max_lifetime=3600, max_idle=1800)
# for load that comes in bursts: 10 connections always, 20 more that are closed after a minute
OVERFLOWING = Sizes(min_size=10, max_size=30, max_lifetime=3600, max_idle=60)


class SizeChanges(TypedDict, total=False):
    """The fields of `Sizes` that a caller sets by name."""

    min_size: int
    max_size: int
    max_lifetime: float
    max_idle: float
    checked: bool
    check_after: float
    timeout: float
    max_waiting: int
    reconnect_timeout: float
    num_workers: int


def parameters(given: Mapping[str, Any] | None, *, name: str, max_size: int) -> dict[str, Any]:
    """Return the parameters of psycopg's `connect`: the caller's, over those of dbkit.

    Whoever looks at the server sees by the application's name which pool a connection is of, and
    how large the pool may be; `dbkit monitor` reads its use from it. The name of a URL is kept.
    """
    pool = f" {os.getpid()}.{next(_POOLS)} (pool of {max_size})"
    return {
        "client_encoding": "UTF8",
        "fallback_application_name": name[: _LONGEST_NAME - len(pool)] + pool,
        # behind a pooler, a name that the driver gives may be the statement of another client
        "prepare_threshold": None,
        **(given or {}),
    }


Wanted = Literal["any", "read-write", "primary"]


def wanted_server(pgconn: PGconn) -> Wanted:
    """Return which server a connection was told to look for, as far as it can stop being it."""
    for option in pgconn.info:
        if option.keyword == b"target_session_attrs":
            if option.val == b"read-write":
                return "read-write"
            if option.val == b"primary":
                return "primary"
    return "any"


def is_wanted(pgconn: PGconn, wanted: Wanted) -> bool:
    """Whether a server is still the one that was looked for: it reports when that changes."""
    if wanted == "any":
        return True
    if pgconn.parameter_status(b"in_hot_standby") == b"on":
        return False
    return wanted == "primary" or (
        pgconn.parameter_status(b"default_transaction_read_only") != b"on"
    )


def lifetime(sizes: Sizes) -> float:
    """Return how long one connection lives: each a little less, so that not all end at once."""
    return sizes.max_lifetime * uniform(0.9, 1)  # noqa: S311 - no secret depends on it
