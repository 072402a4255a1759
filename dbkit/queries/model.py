"""What a query file says, and what the server says of it: the records the rooms hand each other."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """How much comes back."""

    ONE = "one"
    OPTIONAL = "optional"
    MANY = "many"
    STREAM = "stream"
    EXEC = "exec"
    BATCH = "batch"
    COPY = "copy"


class Parameter(NamedTuple):
    """A variable of psql's that is a keyword in Python."""

    name: str
    # the text of `\set name text`, already unquoted: the value where none is given
    default: str | None = None
    # it may be left out, and a part of the statement goes with it
    omittable: bool = False
    # its value stands nowhere: it only says whether a part is in, and so is no $n of any variant
    flag: bool = False


class Choice(NamedTuple):
    """A variable that stands for an identifier, and the ones it may stand for."""

    name: str
    allowed: tuple[str, ...]
    default: str | None = None
    omittable: bool = False


class Variant(NamedTuple):
    """One static statement: which parts are in, the identifiers chosen, `$n` for parameters."""

    given: frozenset[str]
    chosen: tuple[tuple[str, str], ...]
    text: str
    # the name of $1, of $2, and so on; a name used twice is one parameter
    parameters: tuple[str, ...]
    # where pieces of `text` come from: (offset in text, offset in the file), ascending
    pieces: tuple[tuple[int, int], ...]


class Piece(NamedTuple):
    """Text that is sent as it stands, and its offset in the file."""

    text: str
    start: int


class Slot(NamedTuple):
    """The place of a parameter, or of an identifier."""

    name: str
    is_identifier: bool
    start: int


class Switch(NamedTuple):
    r"""What stands between `\if :{?name}` and `\else`, and between that and `\endif`."""

    name: str
    given: "tuple[Part, ...]"
    omitted: "tuple[Part, ...]"
    start: int


Part = Piece | Slot | Switch


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a file, as its text alone tells it."""

    subject: str
    name: str
    path: str
    line: int
    kind: Kind
    documentation: str
    parameters: tuple[Parameter, ...]
    choices: tuple[Choice, ...]
    # header lines that narrow: column or parameter name -> "not null", "nullable" or a dotted type
    narrowed: tuple[tuple[str, str], ...]
    # every combination when there are few, else all off, all on, each alone, each pair
    variants: tuple[Variant, ...]
    # what `variant_for` makes any other combination of
    parts: tuple[Part, ...] = field(default=(), repr=False)
    # why it may read and write the rows of every tenant
    across_tenants: str | None = None


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


@dataclass(frozen=True, slots=True)
class Shape:
    """What the tree proves of a value with parts: a row, a json object, or a list of them."""

    # "row" (a composite or record), "object" (json of known keys), "list" (an array or json array)
    kind: str
    # a name to call the class by, where the tree knows one (the table's, the alias's)
    name: str
    # of a row or an object its parts; of a list the one thing it is a list of
    parts: tuple["Column", ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A result column, or a part of one."""

    name: str
    type: PgType
    nullable: bool
    # for a nullable one the reason, for a person: "left join of b", "column has no not null"
    why: str = ""
    shape: Shape | None = None


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
