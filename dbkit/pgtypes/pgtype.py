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
    # of a composite; of a row that a statement makes, as far as its parts are known
    fields: tuple[tuple[str, "PgType"], ...] = ()
    # what stands between the elements of its arrays, in their text form
    delimiter: str = ","
    # an extension says how its values become json, which may be anything
    is_cast_to_json: bool = False


def element_of(type_: PgType) -> PgType:
    """Return the type of what is in an array, however many dimensions it has."""
    while type_.kind is TypeKind.ARRAY and type_.of is not None:
        type_ = type_.of
    return type_


def has_infinity(type_: PgType) -> bool:
    """Whether a type has infinity, and the Python type has not."""
    return type_.name in {"date", "timestamp", "timestamptz", "interval"}


def holds_infinity(type_: PgType) -> bool:
    """Whether such a type is this one, or one of those that it is made of."""
    inner = [field for _, field in type_.fields] + ([type_.of] if type_.of else [])
    return has_infinity(type_) or any(map(holds_infinity, inner))


def may_be_list(type_: PgType) -> bool:
    """Whether a single value of a type may be a list in Python."""
    while type_.kind is TypeKind.DOMAIN and type_.of is not None:
        type_ = type_.of
    return type_.kind is TypeKind.ARRAY or type_.name in {"json", "jsonb", "vector"}
