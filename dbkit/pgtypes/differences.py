"""Find where the columns of two results differ."""

from collections.abc import Sequence
from itertools import zip_longest

from dbkit.pgtypes.column import Column
from dbkit.pgtypes.typenames import type_name


def first_difference(  # noqa: PLR0911 - a difference a return
    columns: Sequence[Column], others: Sequence[Column]
) -> tuple[str, str] | None:
    """Return the first column that differs, and how."""
    for column, other in zip_longest(columns, others):
        if column is None:
            return other.name, "is missing here and stands in"
        if other is None:
            return column.name, "is missing in"
        if column.name != other.name:
            return column.name, f"stands where {other.name!r} stands in"
        if type_name(column.type) != type_name(other.type):
            return column.name, f"is {type_name(column.type)} here and {type_name(other.type)} in"
        if column.type != other.type:
            return column.name, "has another number of dimensions than in"
        if column.nullable != other.nullable:
            if column.nullable:
                return column.name, "may be null here and is never null in"
            return column.name, "is never null here and may be null in"
        parts = column.shape.parts if column.shape else ()
        other_parts = other.shape.parts if other.shape else ()
        inner = first_difference(parts, other_parts)
        if inner is not None:
            return f"{column.name}.{inner[0]}", inner[1]
    return None
