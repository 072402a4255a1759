"""Prove that a statement reads and writes the rows of one tenant only."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import psycopg

from dbkit.analysis import (
    FIRST_NORMAL_OBJECT_ID,
    NESTED_TOO_DEEPLY,
    Analysis,
    Catalog,
    CmdType,
    LostProof,
    Node,
    RelKind,
    RTEKind,
    Scope,
    ScopeContext,
    analyse,
)
from dbkit.tenancy.binding import Binding, BindingContext, Crossing, written_crossings
from dbkit.tenancy.early import find_telling_calls
from dbkit.tenancy.ownership import Ownership, Reach
from dbkit.tenancy.restrictions import own_nodes
from dbkit.tenancy.tags import TENANT

_NOT_KNOWN = "it is not known which tenant's rows the statement reads or writes"
_UNFOLLOWED = Crossing("unknown", "", f"{_NOT_KNOWN}: a part of it could not be followed")


def find_crossings(  # noqa: PLR0913 - what is known already is passed on
    connection: psycopg.Connection[Any],
    text: str,
    parameters: Sequence[str],
    *,
    tenant: str,
    ownership: Ownership | None = None,
    analysis: Analysis | None = None,
) -> tuple[Crossing, ...]:
    """Return why a statement may read or write another tenant's rows.

    If nothing comes back, it is proven that the statement does not.

    `tenant` is the name of the column that holds the tenant. `parameters` are the names of `$1`,
    `$2` and so on; the parameter that has the name of the column is the tenant. The statement is
    not executed. `ownership` may be shared by several calls, as long as the schema does not change
    between them. `analysis` is the server's of the text, if it was asked already.
    """
    with connection.transaction(force_rollback=True):
        ownership = ownership or Ownership(Catalog(connection), tenant)
        query = (analysis or analyse(connection, ownership.catalog, text)).query
        if isinstance(query, LostProof):
            return (_unknown(query),)
        numbers = frozenset(
            number for number, name in enumerate(parameters, start=1) if name == tenant
        )
        try:
            return _find_in_query(BindingContext(ownership, numbers), query)
        except RecursionError:
            return (_unknown(NESTED_TOO_DEEPLY),)


def _find_in_query(context: BindingContext, query: Node) -> tuple[Crossing, ...]:
    statement = _settled(context, query)
    bindings = [*statement.with_inner()]
    crossings = [crossing for binding in bindings for crossing in _crossings_of(binding)]
    bound_queries = {id(binding.scope.query) for binding in bindings}
    for binding in bindings:
        nodes = binding.scope.query.walk() if binding.is_outermost else ()
        if any(node.kind == "QUERY" and id(node) not in bound_queries for node in nodes):
            crossings.append(_UNFOLLOWED)
    if not any(crossing.kind in {"relation", "write", "unknown"} for crossing in crossings):
        failing = context.ownership.failing
        nodes = (node for binding in bindings for node in own_nodes(binding.scope.query))
        if any(node.kind == "SUBLINK" or failing.arguments(node) for node in nodes):
            alone = _settled(replace(context, is_alone=True), query)
            crossings += find_telling_calls(alone, failing)
    # a query that is read twice has two bindings with the same crossings
    return tuple(dict.fromkeys(crossings))


def _settled(context: BindingContext, query: Node) -> Binding:
    statement = Binding(context, Scope(ScopeContext(context.ownership.catalog), query))
    statement.settle()
    return statement


def _unknown(lost: LostProof) -> Crossing:
    return Crossing("unknown", "", f"{_NOT_KNOWN}: {lost.doubt}")


def _crossings_of(binding: Binding) -> Iterator[Crossing]:
    """Yield the crossings of a query, without those of the queries within it."""
    scope = binding.scope
    written = {mark.number("rti") for mark in scope.query.children("rowMarks")}
    if scope.command in {CmdType.UPDATE, CmdType.DELETE}:
        written.add(scope.target)
    for number in binding.restrictions.conditions:
        is_global = binding.bound.get(number)
        is_crossing = is_global is None or (is_global and number in written)
        relation = scope.relation(number)
        if relation.number("rtekind") == RTEKind.RELATION:
            yield from _crossings_of_source(binding, number)
        if binding.tenant_table(number) and is_crossing:
            yield _crossing_of_relation(binding, number, is_written=is_global is not None)
        if _is_unseen_view(binding, number):
            name = scope.name(number)
            yield Crossing("unknown", name, f"{_NOT_KNOWN}: nothing is known of the view {name}")
    yield from written_crossings(binding)
    yield from _crossings_of_calls(binding)


def _crossings_of_source(binding: Binding, number: int) -> Iterator[Crossing]:
    """Yield why what is read from a relation is not the tenant's, whatever conditions follow."""
    scope, ownership = binding.scope, binding.context.ownership
    relation = scope.relation(number)
    name = scope.catalog.relation(relation.number("relid")).name
    if ownership.shows_server(relation.number("relid")):
        yield _crossing_of_server(name, "shows")
    if "tablesample" in relation and binding.tenant_table(number):
        message = f"{name} is sampled from the rows of all tenants; leave `tablesample` out"
        yield Crossing("relation", name, message)


def _is_unseen_view(binding: Binding, number: int) -> bool:
    """Say whether a relation is a view, not one of PostgreSQL's own, whose query is not known."""
    relation = binding.scope.relation(number)
    is_view = relation.word("relkind") in {RelKind.VIEW, RelKind.MATVIEW}
    is_own = relation.number("relid") < FIRST_NORMAL_OBJECT_ID
    return is_view and not is_own and number not in binding.sources


def _crossing_of_relation(binding: Binding, number: int, *, is_written: bool) -> Crossing:
    scope, ownership = binding.scope, binding.context.ownership
    relation = scope.relation(number).number("relid")
    table = binding.tenant_table(number)
    name, alias = scope.catalog.relation(relation).name, scope.name(number)
    shown = name if name == alias else f"{name} as {alias}"
    if table is not None and table.column:
        column = scope.catalog.relation(relation).attributes[table.column].name
        condition = f"{alias}.{column} = :'{ownership.tenant}'"
        if is_written:
            message = f"{shown} is written where it is everybody's, too; say `{condition}` alone"
        else:
            message = f"{shown} is not bound to a tenant; say `{condition}` where it has to hold"
    else:
        parents = " or ".join(ownership.parents(relation))
        message = (
            f"{shown} is not bound to a tenant, and is one's through {parents}; "
            "join it to that by the foreign key, and bind that"
        )
    return Crossing("relation", shown, message)


def _crossings_of_calls(binding: Binding) -> Iterator[Crossing]:
    """Yield the functions that may read or write tables and do not get the tenant."""
    ownership = binding.context.ownership
    for node in own_nodes(binding.scope.query):
        for function in ownership.functions(node):
            reach = ownership.reach(function)
            name = ownership.catalog.function(function).name
            if reach == Reach.SERVER:
                yield _crossing_of_server(f"{name}()", "reads or changes")
            arguments = [argument.child("expr") or argument for argument in node.children("args")]
            is_told = any(TENANT in binding.tags_of(argument) for argument in arguments)
            if reach == Reach.TABLES and not is_told:
                message = (
                    f"{name}() may read any tenant's rows, and its body is not seen; "
                    f"pass it :'{ownership.tenant}'"
                )
                yield Crossing("function", name, message)


def _crossing_of_server(name: str, does: str) -> Crossing:
    message = (
        f"{name} {does} what the server has for all tenants; leave it out, or write "
        "`-- allow: server-state, reason` in the header"
    )
    return Crossing("server", name, message)
