"""Find the columns whose names no field of a class can have, and names to use instead."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import NamedTuple

from dbkit.queryfiles import usable_name

# what PostgreSQL calls a column that has no name
NO_NAME = "?column?"
_UNQUOTED = re.compile("[a-z_][a-z0-9_]*")


class UnusableField(NamedTuple):
    """A name that no field of a class can have, and one to use instead."""

    name: str
    position: int
    alias: str
    is_repeated: bool


def unusable_fields(names: Sequence[str]) -> Iterator[UnusableField]:
    """Find the names that the fields of a class cannot have, and give one to use instead."""
    taken = set(names)
    for position, name in enumerate(names, start=1):
        usable = "some_name" if name == NO_NAME else usable_name(name)
        is_repeated = usable == name and name in names[: position - 1]
        if usable != name or is_repeated:
            numbered = (f"{usable}_{number}" for number in count(2))
            alias = next(alias for alias in chain([usable], numbered) if alias not in taken)
            taken.add(alias)
            yield UnusableField(name, position, quoted_name(alias), is_repeated)


def quoted_name(name: str, *, always: bool = False) -> str:
    """Write an identifier, in quotes where it needs them."""
    if _UNQUOTED.fullmatch(name) and not always:
        return name
    return '"{}"'.format(name.replace('"', '""'))
