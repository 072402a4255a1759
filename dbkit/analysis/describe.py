"""Ask the server what a statement takes and gives, and prove which of it is never null."""

from collections.abc import Mapping
from typing import Any

import psycopg

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.description import DescribedParameter, Description
from dbkit.analysis.nodes import Node
from dbkit.analysis.nulls import Proof
from dbkit.analysis.parameters import nullable_parameters
from dbkit.analysis.probe import Signature, analyse, parse
from dbkit.analysis.rows import at_most_one
from dbkit.analysis.scope import Scope, Setting
from dbkit.analysis.shapes import Shapes
from dbkit.analysis.typecatalog import TypeCatalog
from dbkit.pgtypes import Column


def describe(
    connection: psycopg.Connection[Any],
    text: str,
    *,
    settled: Mapping[int, bool] | None = None,
    catalog: Catalog | None = None,
) -> Description:
    """Return the types of a statement's parameters and columns, and which of them may be null.

    The text has `$1`, `$2` and so on. It is not executed, and what it takes to find out is
    rolled back: to a savepoint, where a transaction is open. `settled` says of parameters,
    by their number, whether they may be null. `catalog` is what was learnt of this database
    from other statements, where nothing changes it meanwhile. Where the server cannot analyse the
    statement, everything may be null, and `why` tells the reason.
    """
    with connection.transaction(force_rollback=True):
        catalog = catalog or Catalog(connection)
        types = TypeCatalog(connection, catalog)
        signature = parse(connection, text)
        query = analyse(connection, catalog, text, signature.parameters)
        if isinstance(query, str):
            return _unproven(types, signature, query)
        try:
            return _proven(catalog, types, signature, query, settled or {})
        except RecursionError:
            return _unproven(types, signature, "not analysed: it is nested too deeply")


def _proven(
    catalog: Catalog,
    types: TypeCatalog,
    signature: Signature,
    query: Node,
    settled: Mapping[int, bool],
) -> Description:
    numbers = range(1, len(signature.parameters) + 1)
    found = nullable_parameters(catalog, query)
    nullable = frozenset(one for one in numbers if settled.get(one, one in found))
    scope = Scope(Setting(catalog, nullable), query)
    proof, shapes = Proof.results_of(scope), Shapes(types)
    columns: list[Column] = []
    for place, (name, oid) in enumerate(signature.columns, 1):
        doubt = proof.output(scope, place)
        shape = shapes.of_output(scope, place)
        columns.append(Column(name, types.find(oid), bool(doubt), doubt, shape))
    return Description(
        _parameters(types, signature, nullable),
        tuple(columns),
        bool(columns) and at_most_one(scope),
        bool(columns) and scope.certain_row(),
        # that of a sub-select, a `with` query or a view promises nothing of what is made of it
        "sortClause" in query,
    )


def _unproven(types: TypeCatalog, signature: Signature, why: str) -> Description:
    everything = frozenset(range(1, len(signature.parameters) + 1))
    columns = (Column(name, types.find(oid), True, why) for name, oid in signature.columns)
    return Description(_parameters(types, signature, everything), tuple(columns))


def _parameters(
    types: TypeCatalog, signature: Signature, nullable: frozenset[int]
) -> tuple[DescribedParameter, ...]:
    return tuple(
        DescribedParameter(types.find(oid), number in nullable)
        for number, oid in enumerate(signature.parameters, 1)
    )
