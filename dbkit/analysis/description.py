"""Ask the server what a statement takes and gives, and prove which of it is never null."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import psycopg

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.dimensions import output_dimensions, with_dimensions, with_parts
from dbkit.analysis.lostproof import NESTED_TOO_DEEPLY, LostProof
from dbkit.analysis.nodes import Node
from dbkit.analysis.parameters import nullable_parameters, parameter_dimensions
from dbkit.analysis.probe import Analysis, Signature, analyse_each
from dbkit.analysis.proof import Proof
from dbkit.analysis.rows import at_most_one
from dbkit.analysis.scope import Scope, ScopeContext, reads_only_in
from dbkit.analysis.shapes import Shapes
from dbkit.analysis.typecatalog import TypeCatalog
from dbkit.pgtypes import Column, PgType, TypeKind


@dataclass(frozen=True, slots=True)
class DescribedParameter:
    """The type of one parameter, and whether it may be null."""

    type: PgType
    nullable: bool


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of one statement without executing it."""

    parameters: tuple[DescribedParameter, ...]
    columns: tuple[Column, ...]
    # at most one row comes back: a unique key is compared with a value
    at_most_one: bool = False
    # a row always comes back: of an aggregate without `group by`, of an insert of one row
    at_least_one: bool = False
    # the outermost query has an `order by`; None where the statement could not be analysed
    is_ordered: bool | None = None
    # why nothing is proved, None where something could be
    lost: LostProof | None = None


_NOTHING: Mapping[int, bool] = {}


def describe(
    connection: psycopg.Connection[Any],
    text: str,
    *,
    settled: Mapping[int, bool] | None = None,
    catalog: Catalog | None = None,
) -> Description:
    """Return the types of a statement's parameters and columns, and which of them may be null.

    The parameters are written `$1`, `$2` and so on. The statement is not executed, and all that
    is done to analyse it is rolled back, to a savepoint if a transaction is open.

    `settled` overrules the analysis: by a parameter's number, whether it may be null. `catalog`
    may be shared by several calls, as long as the schema does not change between them. If the
    server cannot analyse the statement, all columns and parameters may be null, and each column's
    `why` says the reason.
    """
    settling = [settled] if settled else None
    [described] = describe_many(connection, [text], settled=settling, catalog=catalog)
    if isinstance(described, psycopg.Error):
        raise described
    return described


def describe_many(
    connection: psycopg.Connection[Any],
    texts: Iterable[str],
    *,
    settled: Iterable[Mapping[int, bool]] | None = None,
    catalog: Catalog | None = None,
) -> list[Description | psycopg.Error]:
    """Describe many statements in a few round trips; give the server's error for one it refuses.

    `settled` has one mapping for each statement.
    """
    catalog = catalog or Catalog(connection)
    settling = repeat(_NOTHING) if settled is None else settled
    with closing(analyse_each(connection, catalog, texts)) as analyses:
        return [
            analysis
            if isinstance(analysis, psycopg.Error)
            else describe_analysis(connection, catalog, analysis, settled=numbers)
            for analysis, numbers in zip(analyses, settling, strict=False)
        ]


def describe_analysis(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    analysis: Analysis,
    *,
    settled: Mapping[int, bool] | None = None,
) -> Description:
    """Return the same for a statement that the server has analysed, as long as that holds."""
    types, signature, query = TypeCatalog(connection, catalog), analysis.signature, analysis.query
    if isinstance(query, LostProof):
        return _unproven(types, signature, query)
    try:
        return _proven(catalog, types, signature, query, settled or {})
    except RecursionError:
        return _unproven(types, signature, NESTED_TOO_DEEPLY)


def _proven(
    catalog: Catalog,
    types: TypeCatalog,
    signature: Signature,
    query: Node,
    settled: Mapping[int, bool],
) -> Description:
    numbers = range(1, len(signature.parameters) + 1)
    optional = nullable_parameters(catalog, query)
    nullable = frozenset(number for number in numbers if settled.get(number, number in optional))
    scope = Scope(ScopeContext(catalog, nullable, reads_only=reads_only_in(query)), query)
    proof, shapes = Proof.results_of(scope), Shapes(types)
    columns: list[Column] = []
    for position, (name, oid) in enumerate(signature.columns, 1):
        doubt = proof.output_doubt(scope, position)
        shape = shapes.of_output(scope, position)
        type_ = types.find(oid)
        if type_.kind is TypeKind.ARRAY:
            type_ = with_dimensions(type_, output_dimensions(scope, position))
        columns.append(Column(name, with_parts(type_, shape), bool(doubt), doubt, shape))
    return Description(
        _parameters(types, signature, nullable, parameter_dimensions(catalog, query)),
        tuple(columns),
        bool(columns) and at_most_one(scope),
        bool(columns) and scope.has_certain_row(),
        # an `order by` of a sub-select, a `with` query or a view does not order the result
        "sortClause" in query,
    )


def _unproven(types: TypeCatalog, signature: Signature, lost: LostProof) -> Description:
    everything = frozenset(range(1, len(signature.parameters) + 1))
    columns = (Column(name, types.find(oid), True, lost.doubt) for name, oid in signature.columns)
    return Description(_parameters(types, signature, everything, {}), tuple(columns), lost=lost)


def _parameters(
    types: TypeCatalog,
    signature: Signature,
    nullable: frozenset[int],
    dimensions: Mapping[int, int],
) -> tuple[DescribedParameter, ...]:
    return tuple(
        DescribedParameter(
            with_dimensions(types.find(oid), dimensions.get(number, 1)), number in nullable
        )
        for number, oid in enumerate(signature.parameters, 1)
    )
