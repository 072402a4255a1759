"""A PostgreSQL type, with the types it is made of."""

from dataclasses import dataclass
from enum import StrEnum


class TypeKind(StrEnum):
    """The kinds of PostgreSQL types."""

    BASE = "base"
    ARRAY = "array"
    ENUM = "enum"
    DOMAIN = "domain"
    COMPOSITE = "composite"
    RANGE = "range"
    MULTIRANGE = "multirange"
    PSEUDO = "pseudo"


@dataclass(frozen=True, slots=True)
class PgType:
    """A PostgreSQL type, with the types it is made of."""

    oid: int
    schema: str
    name: str
    kind: TypeKind
    # the element of an array, which is the array itself with one dimension less where it has
    # several; the base of a domain, the subtype of a (multi)range
    of: "PgType | None" = None
    labels: tuple[str, ...] = ()
    fields: tuple[tuple[str, "PgType"], ...] = ()
