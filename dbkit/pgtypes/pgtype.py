"""A PostgreSQL type, with the types it is made of."""

from dataclasses import dataclass
from enum import StrEnum


class TypeKind(StrEnum):
    """What sort of PostgreSQL type it is."""

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
    # of an array its element, of a domain its base, of a (multi)range its subtype
    of: "PgType | None" = None
    labels: tuple[str, ...] = ()
    fields: tuple[tuple[str, "PgType"], ...] = ()
