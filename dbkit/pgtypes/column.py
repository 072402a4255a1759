"""A result column, and the parts that its value is known to have."""

from dataclasses import dataclass

from dbkit.pgtypes.pgtype import PgType, holds_infinity


@dataclass(frozen=True, slots=True)
class Shape:
    """What the tree proves of a value with parts: a row, a json object, or a list of them."""

    # "row" (a composite or record), "object" (json of known keys), "list" (an array or json array)
    kind: str
    # a name for the class, if the tree has one: that of the table or the alias
    name: str
    # the parts of a row or an object; of a list, its one element
    parts: tuple["Column", ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A result column, or a part of one."""

    name: str
    type: PgType
    nullable: bool
    # why it may be null, for a person: "left join of b", "column has no not null"
    why: str = ""
    shape: Shape | None = None


def may_be_infinity(type_: PgType, shape: Shape | None) -> bool:
    """Whether a value of a type and a shape, or a part of it, may be infinity."""
    parts = shape.parts if shape else ()
    return holds_infinity(type_) or any(may_be_infinity(part.type, part.shape) for part in parts)
