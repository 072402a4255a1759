"""What is known about a value, and what follows about the row that has it.

A row belongs to one tenant, or it is global: it belongs to none, and all tenants may read it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dbkit.tenancy.ownership import ForeignKey, Ownership


class Tag(NamedTuple):
    """What is known about a value: it is the tenant, or it stands in a row of the tenant's.

    A value may have several tags, and a value that is null may have any.
    """

    # the table and the column in which the value stands; both are 0 if the value is the tenant
    relation: int
    column: int
    # values with the same row stand in the same row; None says nothing about that
    row: tuple[int, ...] | None
    # the row may be global instead
    is_global: bool


Tags = frozenset[Tag]
NO_TAGS: Tags = frozenset()
TENANT = Tag(0, 0, None, is_global=False)
# the tenant, or null in a global row
TENANT_OR_GLOBAL = TENANT._replace(is_global=True)


def may_be_global(
    ownership: Ownership,
    relation: int,
    column_tags: Mapping[int, Tags],
    visited: frozenset[int] = frozenset(),
) -> bool | None:
    """Say whether a row whose columns have these tags may be global.

    If it may not, it is the tenant's. None says that it may be another tenant's.
    """
    table = ownership.table(relation)
    if table is None or relation in visited:
        return None
    # each entry proves that the row is the tenant's, or else global if the entry is true
    proofs: list[bool] = []
    if table.column:
        tags = column_tags.get(table.column, NO_TAGS)
        proofs += [
            tag.is_global
            for tag in tags
            if not tag.relation and (table.may_be_global or not tag.is_global)
        ]
    for key in ownership.unique_keys(relation):
        proofs += _same_row(
            relation, [(column, column_tags.get(column, NO_TAGS)) for column in key]
        )
    for foreign_key in table.owning_keys:
        parent = parent_may_be_global(ownership, foreign_key, column_tags, visited | {relation})
        proofs += [] if parent is None else [parent]
    return all(proofs) if proofs else None


def parent_may_be_global(
    ownership: Ownership,
    foreign_key: ForeignKey,
    column_tags: Mapping[int, Tags],
    visited: frozenset[int] = frozenset(),
) -> bool | None:
    """Say the same about the row that a foreign key with these tags refers to."""
    pairs = zip(foreign_key.columns, foreign_key.parent_columns, strict=True)
    parent_tags = {
        parent_column: column_tags[column]
        for column, parent_column in pairs
        if column in column_tags
    }
    if not parent_tags:
        return None
    return may_be_global(ownership, foreign_key.parent, parent_tags, visited)


def common(alternatives: Iterable[Tags]) -> Tags:
    """Return what is true of a value that is one of several, each from a row of its own."""
    columns = [_global_by_column(tags) for tags in alternatives]
    first, *others = columns
    return frozenset(
        Tag(*column, None, any(is_global[column] for is_global in columns))
        for column in set(first).intersection(*others)
    )


def of_any_row(tags: Tags) -> Tags:
    """Return the tags without the rows, for values that may come from different rows."""
    return frozenset(tag._replace(row=None) for tag in tags)


def _global_by_column(tags: Tags) -> dict[tuple[int, int], bool]:
    """Return the tables and columns of the tags, and whether all tags of each may be global."""
    is_global: dict[tuple[int, int], bool] = {}
    for tag in tags:
        column = (tag.relation, tag.column)
        is_global[column] = is_global.get(column, True) and tag.is_global
    return is_global


def _same_row(relation: int, key_tags: list[tuple[int, Tags]]) -> list[bool]:
    """Return, for each row that has the values of a whole key, whether it may be global."""
    [first, *others] = [
        {
            (tag.row, tag.is_global)
            for tag in tags
            if (tag.relation, tag.column) == (relation, column)
        }
        for column, tags in key_tags
    ]
    if not others:
        return [is_global for _, is_global in first]
    return [is_global for row, is_global in first.intersection(*others) if row is not None]
