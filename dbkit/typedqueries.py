"""Hold a query file against a database: every combination of its parts, typed and made to agree."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg import sql

from dbkit.analysis import (
    Analysis,
    Catalog,
    Description,
    LostProof,
    Untyped,
    analyse_each,
    describe_analysis,
    no_schema_searched,
)
from dbkit.errors import QueryError
from dbkit.fieldnames import NO_NAME, UnusableField, quoted_name, unusable_fields
from dbkit.pgtypes import (
    Column,
    PgType,
    Shape,
    TypeKind,
    first_difference,
    may_be_infinity,
    type_name,
)
from dbkit.queryfiles import (
    Combination,
    Query,
    QueryFileFault,
    QueryKind,
    copy_target,
)
from dbkit.sqltext import Source


@dataclass(eq=False)
class DoesNotPrepare(QueryFileFault):
    """PostgreSQL refuses the statement."""

    query: str
    message: str
    sqlstate: str
    hint: str

    def fault(self) -> str:
        return self.message + (f" (hint: {self.hint})" if self.hint else "")


@dataclass(eq=False)
class UnusableColumn(QueryError):
    """A result column has no name, or one that no field of a class can have."""

    query: str
    path: str
    position: int
    column: str
    alias: str

    def __str__(self) -> str:
        return (
            f"{self.path}: column {self.position} of {self.query} {_fault_of_name(self.column)}; "
            f"write `as {self.alias}`"
        )


@dataclass(eq=False)
class RepeatedColumn(QueryError):
    """A result column has the name of one before it."""

    query: str
    path: str
    position: int
    column: str
    alias: str

    def __str__(self) -> str:
        return (
            f"{self.path}: column {self.position} of {self.query} is the second one named "
            f"{self.column!r}; write `as {self.alias}`"
        )


@dataclass(eq=False)
class UnusableAttribute(QueryError):
    """A composite type that a query needs has an attribute that no field of a class can be."""

    query: str
    path: str
    # as in "column 'place'"
    needed_by: str
    type: str
    attribute: str
    # the statement that renames it
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.needed_by} of {self.query} needs the type {self.type}, whose "
            f"attribute {_fault_of_name(self.attribute)}; rename it with `{self.remedy}`, "
            "or leave it out"
        )


@dataclass(eq=False)
class UnusablePart(QueryError):
    """A row inside a row has a part that no field of a class can be."""

    query: str
    path: str
    column: str
    part: str
    alias: str
    is_repeated: bool

    def __str__(self) -> str:
        fault = (
            f"is the second one named {self.part!r}"
            if self.is_repeated
            else _fault_of_name(self.part)
        )
        return (
            f"{self.path}: column {self.column!r} of {self.query} is a row with a part that "
            f"{fault}; write `as {self.alias}` for it"
        )


def _fault_of_name(name: str) -> str:
    return "has no name" if name == NO_NAME else f"is named {name!r}, which Python cannot carry"


@dataclass(eq=False)
class ColumnsDiffer(QueryError):
    """The result is not the same with every combination of optional parts."""

    query: str
    path: str
    given: str
    expected: tuple[str, ...]
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.path}: with {self.given} {self.query} gives "
            f"{', '.join(self.columns) or 'nothing'}, "
            f"and without it {', '.join(self.expected) or 'nothing'}; "
            "an optional part may not change the columns"
        )


@dataclass(eq=False)
class ParametersDiffer(QueryError):
    """A parameter has another type with another combination of optional parts."""

    query: str
    path: str
    parameter: str
    types: tuple[str, str]

    def __str__(self) -> str:
        first, second = self.types
        return (
            f"{self.path}: parameter {self.parameter!r} of {self.query} is {first} in one place "
            f"and {second} in another; cast it, as in :'{self.parameter}'::{first}"
        )


@dataclass(eq=False)
class UntypedParameter(QueryError):
    """PostgreSQL gives a parameter a type that no value has, such as record."""

    query: str
    path: str
    parameter: str
    type: str
    # the type to cast it to, as far as it is known
    meant: str

    def __str__(self) -> str:
        return (
            f"{self.path}: parameter {self.parameter!r} of {self.query} is of the type "
            f"{self.type}, which no value is of; cast it, as in :'{self.parameter}'::{self.meant}"
        )


@dataclass(eq=False)
class KindDoesNotFit(QueryError):
    """The kind promises something that the statement does not do."""

    query: str
    path: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.query} is :{self.kind}, but {self.reason}"


@dataclass(eq=False)
class NeedlessRowClass(QueryError):
    """The header names a class for rows that have none."""

    query: str
    path: str
    row_class: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.query} needs no class {self.row_class}, for {self.reason}; "
            f"take out `-- row: {self.row_class}`"
        )


@dataclass(eq=False)
class UnknownNarrowing(QueryError):
    """A header line narrows a name that is neither a column nor a parameter."""

    query: str
    path: str
    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.path}: the header line for {self.name!r} belongs to no column or parameter of "
            f"{self.query}; there are {', '.join(self.known) or 'none'}"
        )


@dataclass(eq=False)
class NarrowingOfOtherThanJson(QueryError):
    """A header line names a Python type for what is not json, or infinity of what has none."""

    query: str
    path: str
    name: str
    type: str
    wanted: str

    def __str__(self) -> str:
        moments = "a date, a timestamp and an interval"
        owners = moments if self.wanted == _INFINITY else "json and jsonb"
        return (
            f"{self.path}: the header line for {self.name!r} of {self.query} names {self.wanted}, "
            f"which only {owners} can become, and this is {self.type}; take the line out"
        )


@dataclass(eq=False)
class DefaultDoesNotFit(QueryError):
    """A default is not a value of the parameter's type."""

    query: str
    path: str
    parameter: str
    default: str
    type: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.path}: the default {self.default!r} of {self.parameter!r} is no {self.type}: "
            f"{self.reason}"
        )


# what has rows of a type, and how one of their attributes is renamed
_RENAMED: dict[str, tuple[str, str]] = {
    "r": ("table", "column"),
    "p": ("table", "column"),
    "f": ("foreign table", "column"),
    "v": ("view", "column"),
    "m": ("materialized view", "column"),
    "c": ("type", "attribute"),
}
_WORDS = _NOT_NULL, _NULLABLE, _INFINITY = "not null", "nullable", "infinity"
_JSON = {"json", "jsonb"}
_ROWS = {QueryKind.ONE, QueryKind.OPTIONAL, QueryKind.MANY, QueryKind.STREAM}

# each combination, and what the server says of it
_Described: TypeAlias = Sequence[tuple[Combination, Description]]
_Casts: TypeAlias = Iterable[tuple[str, str]]  # texts, each with the type it should be of


@dataclass(eq=False)
class RowsDiffer(QueryError):
    """Two queries name one row class by `-- row:`, and their columns differ."""

    row_class: str
    path: str
    column: str
    other_path: str
    difference: str

    def __str__(self) -> str:
        return (
            f"{self.path}: column {self.column!r} {self.difference} {self.other_path}, and both "
            f"say `-- row: {self.row_class}`; make them agree, or name another row"
        )


class TypedParameter(NamedTuple):
    """A keyword of a query, with the type the server wants for it."""

    name: str
    # None for one that only switches a part on
    type: PgType | None
    nullable: bool
    default: str | None
    omittable: bool
    # the type that the header names for a json parameter
    json_type: str | None
    # whether the header lets it be infinity
    infinite: bool = False


class TypedQuery(NamedTuple):
    """A query that the server accepts in every combination, with its types."""

    query: Query
    parameters: tuple[TypedParameter, ...]
    columns: tuple[Column, ...]
    # by the json column, the dotted type that the header names
    json_types: tuple[tuple[str, str], ...]
    # the columns and the parameters that the header lets be infinity
    infinite: frozenset[str]
    described: tuple[tuple[Combination, Description], ...]

    @property
    def lost(self) -> LostProof | None:
        """Why nothing is proved of a combination, the first of which that is true."""
        return next((described.lost for _, described in self.described if described.lost), None)

    @property
    def is_lost_here(self) -> bool:
        """Whether another role, session or server could prove what is not proved."""
        return self.lost is not None and self.lost.cause.is_of_the_session

    @property
    def is_certain(self) -> bool:
        """Whether no more rows can come than the kind promises, in any combination.

        No key can promise that a row comes at all; with `:one`, none is an error.
        """
        if self.query.kind in {QueryKind.ONE, QueryKind.OPTIONAL}:
            return all(description.at_most_one for _, description in self.described)
        return True


def type_query(
    connection: psycopg.Connection[Any],
    query: Query,
    source: Source,
    catalog: Catalog | None = None,
) -> TypedQuery:
    """Ask the server about every combination of a query's parts, or refuse the query.

    `source` is the file it was read from: what the server finds wrong is pointed at there.
    `catalog` is what was learnt of the database from other queries.
    """
    typed = examine_query(connection, query, source, catalog)
    if isinstance(typed, TypedQuery):
        return typed
    code = getattr(typed[0], "sqlstate", "")
    raise no_schema_searched(connection, _shown(query), code) or typed[0]


def type_queries(
    connection: psycopg.Connection[Any], queries: Iterable[Query], sources: Mapping[str, Source]
) -> list[TypedQuery]:
    """Ask the server about many queries, or refuse the first that has a fault."""
    types: list[TypedQuery] = []
    with closing(examine_queries(connection, queries, sources)) as examined:
        for typed in examined:
            if not isinstance(typed, TypedQuery):
                raise typed[0]
            types.append(typed)
    return types


def examine_query(
    connection: psycopg.Connection[Any],
    query: Query,
    source: Source,
    catalog: Catalog | None = None,
) -> TypedQuery | list[QueryError]:
    """Ask the server about every combination of a query's parts, and give all that is wrong."""
    with closing(examine_queries(connection, [query], {query.path: source}, catalog)) as examined:
        return next(examined)


def examine_queries(
    connection: psycopg.Connection[Any],
    queries: Iterable[Query],
    sources: Mapping[str, Source],
    catalog: Catalog | None = None,
    watch: Callable[[Query, Combination, Analysis], object] | None = None,
) -> Generator[TypedQuery | list[QueryError]]:
    """Ask the server about many queries, and give each with its types, or all that is wrong.

    `sources` has the file of each path. `watch` is called with each combination and the server's
    analysis of it, before its query is given: so nobody has to have it analysed again.
    """
    catalog, queries = catalog or Catalog(connection), list(queries)
    texts = (combination.text for query in queries for combination in query.combinations)
    with closing(analyse_each(connection, catalog, texts)) as analyses:
        for query in queries:
            described: list[tuple[Combination, Description]] = []
            refused: dict[str, QueryError] = {}
            for combination, analysis in zip(query.combinations, analyses, strict=False):
                if isinstance(analysis, psycopg.Error):
                    fault = _refusal(query, combination, sources[query.path], analysis)
                    # a fault of one part is reported once, not for every combination with the part
                    refused.setdefault(str(fault), fault)
                    continue
                if isinstance(analysis.query, LostProof) and analysis.query.untyped:
                    untyped = _untyped(query, combination, analysis.query.untyped)
                    refused.setdefault(str(untyped), untyped)
                    continue
                settled = _settled(query, combination)
                description = describe_analysis(connection, catalog, analysis, settled=settled)
                described.append((combination, description))
                if watch is not None:
                    watch(query, combination, analysis)
            yield _examined(connection, catalog, query, described, [*refused.values()])


def _examined(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    query: Query,
    described: "_Described",
    refused: Sequence[QueryError],
) -> TypedQuery | list[QueryError]:
    faults: list[QueryError] = [*refused]
    if not described:
        return faults
    faults += _different_columns(query, described)
    are_agreed = not faults
    faults += _different_types(query, described)
    json_types = _json_types(query)
    columns = (
        _agreed_columns(described, _nullness(query)) if are_agreed else _all_columns(described)
    )
    parameters = tuple(_parameters(query, described, json_types))
    faults += _unusable_names(query, described)
    faults += _unusable_attributes(query, described, catalog)
    # a name in the header may be that of a column in a combination that the server refuses
    faults += () if refused else _unknown_narrowing(query, columns)
    faults += _unfit_narrowing(query, described)
    faults += _unfit_kind(query, described)
    faults += _needless_row_class(query, described)
    faults += _unfit_defaults(connection, query, described)
    if faults:
        return faults
    infinite = frozenset(name for name, form in query.narrowed if form == _INFINITY)
    wanted = tuple(json_types.items())
    return TypedQuery(query, parameters, columns, wanted, infinite, tuple(described))


def find_different_rows(queries: Iterable[TypedQuery]) -> Iterator[RowsDiffer]:
    """Find the queries whose columns are not those of the first that names the same row."""
    first: dict[str, TypedQuery] = {}
    for typed in queries:
        row_class = typed.query.row_class
        if row_class is None:
            continue
        other = first.setdefault(row_class, typed)
        difference = first_difference(typed.columns, other.columns)
        if difference is None and typed.json_types != other.json_types:
            named = dict(typed.json_types).keys() ^ dict(other.json_types).keys()
            column = min(named, default=typed.columns[0].name)
            difference = column, "has another class than in"
        names = {column.name for column in typed.columns}
        if difference is None and (unlike := (typed.infinite ^ other.infinite) & names):
            difference = min(unlike), "may be infinity in one, and not in both, here and in"
        if difference is not None:
            column, how = difference
            yield RowsDiffer(row_class, typed.query.path, column, other.query.path, how)


def _nullness(query: Query) -> dict[str, str]:
    return {name: form for name, form in query.narrowed if form in {_NOT_NULL, _NULLABLE}}


def _json_types(query: Query) -> dict[str, str]:
    return {name: form for name, form in query.narrowed if form not in _WORDS}


def _settled(query: Query, combination: Combination) -> dict[int, bool]:
    nullness = _nullness(query)
    return {
        number: nullness[name] == _NULLABLE
        for number, name in enumerate(combination.parameters, start=1)
        if name in nullness
    }


def _refusal(
    query: Query, combination: Combination, source: Source, error: psycopg.Error
) -> DoesNotPrepare:
    """Point at what the server finds wrong with a combination."""
    if not _is_of_the_statement(error):
        raise error
    offset = int(error.diag.statement_position or 1) - 1
    fault = DoesNotPrepare(
        *source.place(combination.in_file(offset)),
        query=_shown(query),
        message=error.diag.message_primary or str(error),
        sqlstate=error.sqlstate or "",
        hint=error.diag.message_hint or "",
    )
    fault.__cause__ = error
    return fault


def _untyped(query: Query, combination: Combination, untyped: Untyped) -> UntypedParameter:
    name = combination.parameters[untyped.number - 1]
    return UntypedParameter(_shown(query), query.path, name, untyped.type, untyped.meant)


def _is_of_the_statement(error: psycopg.Error) -> bool:
    """Say whether the text is at fault: not a lock, a time limit, a server that goes away."""
    if error.sqlstate is None:
        return False
    # class 54: the text is too long or too deep
    return not isinstance(error, psycopg.OperationalError) or error.sqlstate.startswith("54")


def _shown(query: Query) -> str:
    return f"{query.subject}.{query.name}"


def _different_columns(query: Query, described: _Described) -> Iterator[QueryError]:
    (_, first), *others = described
    expected = _signature(first.columns)
    changing: list[frozenset[str]] = []
    for combination, description in others:
        columns = _signature(description.columns)
        # a difference that one part makes is reported once, not for every combination with the part
        if columns != expected and not any(combination.given >= given for given in changing):
            changing.append(combination.given)
            given = ", ".join(sorted(combination.given)) or "nothing given"
            yield ColumnsDiffer(_shown(query), query.path, given, expected, columns)


def _all_columns(described: _Described) -> tuple[Column, ...]:
    """Return every column of every combination; equal names and types once."""
    columns = {
        (column.name, column.type.oid): column
        for _, description in described
        for column in description.columns
    }
    return tuple(columns.values())


def _agreed_columns(described: _Described, nullness: dict[str, str]) -> tuple[Column, ...]:
    agreed: list[Column] = []
    for number, column in enumerate(described[0][1].columns):
        columns = [description.columns[number] for _, description in described]
        nullable = [column for column in columns if column.nullable]
        match nullness.get(column.name):
            case "not null":
                agreed.append(replace(column, nullable=False, why=""))
            case "nullable":
                agreed.append(replace(column, nullable=True, why="the header says so"))
            case _:
                agreed.append(nullable[0] if nullable else column)
    return tuple(agreed)


def _signature(columns: Iterable[Column]) -> tuple[str, ...]:
    return tuple(f"{column.name} {type_name(column.type)}" for column in columns)


def _unusable_names(query: Query, described: _Described) -> Iterator[QueryError]:
    faults: dict[str, QueryError] = {}
    for _, description in described:
        for fault in _unusable_names_of(query, description.columns):
            faults.setdefault(str(fault), fault)
    yield from faults.values()


def _unusable_names_of(query: Query, columns: Sequence[Column]) -> Iterator[QueryError]:
    name = _shown(query)
    # a single value is returned without its name
    if len(columns) > 1:
        for field in unusable_fields([column.name for column in columns]):
            facts = name, query.path, field.position, field.name, field.alias
            yield RepeatedColumn(*facts) if field.is_repeated else UnusableColumn(*facts)
    for column in columns:
        for part, _, alias, is_repeated in _unusable_fields_inside(column.type, column.shape):
            yield UnusablePart(name, query.path, column.name, part, alias, is_repeated)


def _unusable_fields_inside(type_: PgType, shape: Shape | None) -> Iterator[UnusableField]:
    """Find such names in rows that the statement makes.

    Json is left out: an object with a key that no field can have is a dict all the same. So are
    types that have a name, whose attributes are renamed where the type is made.
    """
    if shape is None:
        return
    if shape.kind == "row" and type_.kind is not TypeKind.COMPOSITE:
        yield from unusable_fields([part.name for part in shape.parts])
    for part in shape.parts:
        yield from _unusable_fields_inside(part.type, part.shape)


def _unusable_attributes(
    query: Query, described: _Described, catalog: Catalog
) -> Iterator[QueryError]:
    needed_by: dict[str, PgType] = {}
    for column in _all_columns(described):
        needed_by.setdefault(f"column {column.name!r}", column.type)
    for name, type_ in _types(described).items():
        needed_by.setdefault(f"parameter {name!r}", type_)
    for needed, type_ in needed_by.items():
        for composite in dict.fromkeys(_composites(type_)):
            for field in unusable_fields([name for name, _ in composite.fields]):
                remedy = _rename(catalog, composite, field)
                yield UnusableAttribute(
                    _shown(query), query.path, needed, type_name(composite), field.name, remedy
                )


def _composites(type_: PgType) -> Iterator[PgType]:
    if type_.kind is TypeKind.COMPOSITE:
        yield type_
    for inner in (*filter(None, [type_.of]), *(field for _, field in type_.fields)):
        yield from _composites(inner)


def _rename(catalog: Catalog, composite: PgType, field: UnusableField) -> str:
    [(kind,)] = catalog.rows(
        "select relkind::text from pg_catalog.pg_class where reltype = $1", composite.oid
    )
    owner, attribute = _RENAMED[kind]
    name = quoted_name(field.name, always=True)
    return f"alter {owner} {type_name(composite)} rename {attribute} {name} to {field.alias}"


def _different_types(query: Query, described: _Described) -> Iterator[ParametersDiffer]:
    types = _types(described)
    differing: set[str] = set()
    for combination, description in described:
        for name, parameter in zip(combination.parameters, description.parameters, strict=True):
            if types[name].oid != parameter.type.oid and name not in differing:
                both = type_name(types[name]), type_name(parameter.type)
                yield ParametersDiffer(_shown(query), query.path, name, both)
                differing.add(name)


def _types(described: _Described) -> dict[str, PgType]:
    types: dict[str, PgType] = {}
    for combination, description in described:
        for name, parameter in zip(combination.parameters, description.parameters, strict=True):
            types.setdefault(name, parameter.type)
    return types


def _parameters(
    query: Query,
    described: _Described,
    json_types: dict[str, str],
) -> Iterator[TypedParameter]:
    types = _types(described)
    nullable = {
        name: all(
            description.parameters[combination.parameters.index(name)].nullable
            for combination, description in described
            if name in combination.parameters
        )
        for name in types
    }
    for parameter in query.parameters:
        yield TypedParameter(
            parameter.name,
            types.get(parameter.name),
            nullable.get(parameter.name, False),
            parameter.default,
            parameter.omittable,
            json_types.get(parameter.name),
            (parameter.name, _INFINITY) in query.narrowed,
        )


def _unknown_narrowing(query: Query, columns: tuple[Column, ...]) -> Iterator[QueryError]:
    names = (
        *(column.name for column in columns),
        *(parameter.name for parameter in query.parameters),
    )
    for name in dict(query.narrowed):
        if name not in names:
            yield UnknownNarrowing(_shown(query), query.path, name, names)


def _unfit_narrowing(query: Query, described: _Described) -> Iterator[QueryError]:
    types: list[tuple[str, PgType, Shape | None]] = [
        *((column.name, column.type, column.shape) for column in _all_columns(described)),
        *((name, type_, None) for name, type_ in _types(described).items()),
    ]
    for name, wanted in _json_types(query).items():
        json = [type_ for owner, type_, _ in types if owner == name]
        # the line is for the column and the parameter of this name; one of the two has to be json
        if json and not any(map(_holds_json, json)):
            other = type_name(json[0])
            yield NarrowingOfOtherThanJson(_shown(query), query.path, name, other, wanted)
    for name, form in query.narrowed:
        named = [(type_, shape) for owner, type_, shape in types if owner == name]
        if form == _INFINITY and named and not any(may_be_infinity(*each) for each in named):
            other = type_name(named[0][0])
            yield NarrowingOfOtherThanJson(_shown(query), query.path, name, other, form)


def _holds_json(type_: PgType) -> bool:
    match type_.kind:
        case TypeKind.DOMAIN | TypeKind.ARRAY if type_.of is not None:
            return _holds_json(type_.of)
        case _:
            return type_.name in _JSON


def _unfit_kind(query: Query, described: _Described) -> Iterator[QueryError]:
    columns = described[0][1].columns
    reason = ""
    if query.kind in _ROWS and not columns:
        reason = "the statement gives no rows; make it :exec, or add `returning`"
    elif query.kind is QueryKind.EXEC and columns:
        reason = "the statement gives rows; make it :many, or leave them out"
    elif query.kind is QueryKind.COPY:
        reason = _why_not_copied(query)
    if reason:
        yield KindDoesNotFit(_shown(query), query.path, query.kind, reason)


def _needless_row_class(query: Query, described: _Described) -> Iterator[QueryError]:
    reason = ""
    columns = described[0][1].columns
    if not columns:
        reason = f":{query.kind} gives no rows"
    elif len(columns) == 1:
        reason = "a row of one column is its value alone"
    if query.row_class and reason:
        yield NeedlessRowClass(_shown(query), query.path, query.row_class, reason)


def _why_not_copied(query: Query) -> str:
    targets = {copy_target(combination.text) for combination in query.combinations}
    if None in targets:
        return (
            "only a plain `insert into table (columns) values (…)` can be loaded by copy, "
            "with each parameter as it is"
        )
    if len(targets) > 1:
        # the copy that is sent is one, whatever the caller chooses
        return "it loads into one table and the same columns at each call; make several queries"
    return ""


def _unfit_defaults(
    connection: psycopg.Connection[Any], query: Query, described: _Described
) -> Iterator[QueryError]:
    types = _types(described)
    # not known which of two types it should be
    unsettled = {fault.parameter for fault in _different_types(query, described)}
    wanted = {
        parameter.name: (parameter.default, type_name(types[parameter.name]))
        for parameter in query.parameters
        if parameter.default is not None and parameter.name in types.keys() - unsettled
    }
    # all at once, as they nearly always fit; each by itself to tell which does not
    if wanted and _misfit(connection, wanted.values()):
        for name, (default, type_) in wanted.items():
            if error := _misfit(connection, [(default, type_)]):
                reason = error.diag.message_primary or str(error)
                yield DefaultDoesNotFit(_shown(query), query.path, name, default, type_, reason)


def _misfit(connection: psycopg.Connection[Any], casts: _Casts) -> psycopg.Error | None:
    """Return the server's error if one of the texts is no value of the type beside it."""
    values = sql.SQL(", ").join(
        sql.SQL("cast({} as {})").format(text, sql.SQL(type_))  # pyright: ignore[reportArgumentType]
        for text, type_ in casts
    )
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("select {}").format(values), prepare=False)
    except psycopg.Error as error:
        if _is_of_the_statement(error):
            return error
        raise
    return None
