"""What the server says of a statement: the types of its parameters and columns, and the proofs."""

from dataclasses import dataclass

from dbkit.pgtypes import Column, PgType


@dataclass(frozen=True, slots=True)
class DescribedParameter:
    """What the server wants for one $n."""

    type: PgType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Description:
    """All the server says of one statement, nothing of it executed."""

    parameters: tuple[DescribedParameter, ...]
    columns: tuple[Column, ...]
    # a unique key is bound by equality, so that more than one row cannot come
    at_most_one: bool = False
    # no row can be missing: an aggregate without group by, an insert of one row returning
    at_least_one: bool = False
    # the outermost query has an `order by`; None where the statement could not be analysed
    is_ordered: bool | None = None
