"""How a value is written for PostgreSQL, and what keeps it from being written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Write: TypeAlias = Callable[[Any], bytes]


# as PostgreSQL writes them, and as they are in Python where a query's header lets them be
INFINITY, MINUS_INFINITY = "infinity", "-infinity"


class Unbindable(ValueError):
    """A value does not fit the type of its parameter; the message is the reason."""


class AsText(str):
    """A value in PostgreSQL's own text form, sent as psql sends it: for any type, checked there."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Encoder:
    """How values of one type are written; `binary` is None where only the text form is known."""

    text: Write
    binary: Write | None = None
    # a list is one value of the type, not several
    takes_lists: bool = False
    # the type of PostgreSQL's own that it writes, where many values can be written at once
    scalar: str = ""
