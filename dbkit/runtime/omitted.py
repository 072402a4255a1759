"""Say that an optional part of a query is left out, where None would be a value."""

from enum import Enum
from typing import Final


class Omitted(Enum):
    """The type of `OMITTED`, an enum so that `is not OMITTED` narrows for type checkers."""

    OMITTED = "omitted"

    def __repr__(self) -> str:
        return self.name


OMITTED: Final = Omitted.OMITTED
