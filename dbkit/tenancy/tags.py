"""What is known of a value, and whose the row is that has such values."""

from collections.abc import Mapping
from typing import NamedTuple

from dbkit.tenancy.ownership import Ownership, Reference


class Tag(NamedTuple):
    """What is known of a value, unless it is null: whose it is."""

    # it is in this column of a row of the tenant's; 0 and 0: it is the tenant
    relation: int
    column: int
    # two values with one row are in the same row; None is any
    row: tuple[int, ...] | None
    # the row may be everybody's instead
    is_global: bool


Tags = frozenset[Tag]
NO_TAGS: Tags = frozenset()
TENANT = Tag(0, 0, None, is_global=False)
# the tenant, or null in a row that is everybody's
TENANT_OR_NOBODY = TENANT._replace(is_global=True)


def status(
    ownership: Ownership,
    relation: int,
    tags: Mapping[int, Tags],
    seen: frozenset[int] = frozenset(),
) -> bool | None:
    """Say whether a row with such columns may be everybody's; None if it may be anyone's."""
    owned = ownership.of(relation)
    if owned is None or relation in seen:
        return None
    found: list[bool] = []
    if owned.column:
        here = tags.get(owned.column, NO_TAGS)
        proofs = [one.is_global for one in here if not one.relation]
        found += [one for one in proofs if owned.may_be_global or not one]
    for key in ownership.keys(relation):
        found += _same(relation, [(column, tags.get(column, NO_TAGS)) for column in key])
    for one in owned.references:
        through = reached(ownership, one, tags, seen | {relation})
        found += [] if through is None else [through]
    return all(found) if found else None


def reached(
    ownership: Ownership,
    reference: Reference,
    tags: Mapping[int, Tags],
    seen: frozenset[int] = frozenset(),
) -> bool | None:
    """Say the same of the row that a foreign key of such columns leads to."""
    pairs = zip(reference.columns, reference.keys, strict=True)
    there = {key: tags[column] for column, key in pairs if column in tags}
    return status(ownership, reference.parent, there, seen) if there else None


def common(found: list[Tags]) -> Tags:
    """Return what is true of every one of these values, each of a row of its own."""
    known = [
        {
            place: all(one.is_global for one in tags if (one.relation, one.column) == place)
            for place in {(one.relation, one.column) for one in tags}
        }
        for tags in found
    ]
    first, *others = known
    return frozenset(
        Tag(*place, None, any(one[place] for one in known))
        for place in set(first).intersection(*others)
    )


def of_any_row(tags: Tags) -> Tags:
    """Return the same of a value that may be in another row than others with it."""
    return frozenset(one._replace(row=None) for one in tags)


def _same(relation: int, found: list[tuple[int, Tags]]) -> list[bool]:
    """Say of each row that has all these values in these columns whether it may be everybody's."""
    [first, *others] = [
        {(one.row, one.is_global) for one in tags if (one.relation, one.column) == (relation, key)}
        for key, tags in found
    ]
    if not others:
        return [is_global for _, is_global in first]
    return [is_global for row, is_global in first.intersection(*others) if row is not None]
