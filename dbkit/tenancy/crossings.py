"""Prove of a statement that it reads and writes the rows of one tenant alone."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from dbkit.analysis import Catalog, CmdType, Node, Scope, ScopeContext, analyse, parse
from dbkit.tenancy.binding import Asked, Binding, Crossing, change_faults
from dbkit.tenancy.ownership import Ownership
from dbkit.tenancy.restrictions import own_nodes
from dbkit.tenancy.tags import TENANT


def unbound(
    connection: psycopg.Connection[Any],
    text: str,
    parameters: Sequence[str],
    *,
    tenant: str,
    ownership: Ownership | None = None,
) -> tuple[Crossing, ...]:
    """Return why a statement may read or write another tenant's rows; nothing is the proof.

    `parameters` are the names of `$1`, `$2` and so on, of which the one called like the tenant's
    column is the tenant. The statement is not executed. `ownership` is what was learnt of this
    database from other statements, where nothing changes it meanwhile.
    """
    with connection.transaction(force_rollback=True):
        ownership = ownership or Ownership(Catalog(connection), tenant)
        signature = parse(connection, text)
        query = analyse(connection, ownership.catalog, text, signature.parameters)
        if isinstance(query, str):
            return (_unknown(query),)
        numbers = frozenset(
            number for number, name in enumerate(parameters, start=1) if name == tenant
        )
        try:
            return _unbound(Asked(ownership, numbers), query)
        except RecursionError:
            return (_unknown("not analysed: it is nested too deeply"),)


def _unbound(asked: Asked, query: Node) -> tuple[Crossing, ...]:
    statement = Binding(asked, Scope(ScopeContext(asked.ownership.catalog), query))
    statement.settle()
    everything = [*_all(statement)]
    faults = [fault for one in everything for fault in _faults(one)]
    seen = {id(one.scope.query) for one in everything}
    for one in everything:
        within = one.scope.query.walk() if one.is_outermost else ()
        if any(node.kind == "QUERY" and id(node) not in seen for node in within):
            faults.append(_unknown("a part of it could not be followed"))
    # a query that is read twice is at fault once
    return tuple(dict.fromkeys(faults))


def _unknown(why: str) -> Crossing:
    message = f"it is not known which tenant's rows the statement reads or writes: {why}"
    return Crossing("unknown", "", message)


def _all(binding: Binding) -> Iterator[Binding]:
    yield binding
    for one in binding.inner:
        yield from _all(one)


def _faults(binding: Binding) -> Iterator[Crossing]:
    scope = binding.scope
    written = {one.number("rti") for one in scope.query.children("rowMarks")}
    if scope.command in {CmdType.UPDATE, CmdType.DELETE}:
        written.add(scope.target)
    for number in binding.restrictions.conditions:
        status = binding.owned.get(number)
        if binding.table(number) and (status is None or (status and number in written)):
            yield _relation_fault(binding, number, is_written=status is not None)
    yield from change_faults(binding)
    yield from _calls(binding)


def _relation_fault(binding: Binding, number: int, *, is_written: bool) -> Crossing:
    scope, ownership = binding.scope, binding.asked.ownership
    relation = scope.relation(number).number("relid")
    owned = binding.table(number)
    called, alias = scope.catalog.relation(relation).name, scope.name(number)
    shown = called if called == alias else f"{called} as {alias}"
    if owned is not None and owned.column:
        column = scope.catalog.relation(relation).attributes[owned.column].name
        condition = f"{alias}.{column} = :'{ownership.tenant}'"
        if is_written:
            message = f"{shown} is written where it is everybody's, too; say `{condition}` alone"
        else:
            message = f"{shown} is not bound to a tenant; say `{condition}` where it has to hold"
    else:
        through = " or ".join(ownership.parents(relation))
        message = (
            f"{shown} is not bound to a tenant, and is one's through {through}; "
            "join it to that by the foreign key, and bind that"
        )
    return Crossing("relation", shown, message)


def _calls(binding: Binding) -> Iterator[Crossing]:
    """Find the functions that may do anything, and are not told which tenant to do it for."""
    ownership = binding.asked.ownership
    for node in own_nodes(binding.scope.query):
        for function in node.functions():
            arguments = [one.child("expr") or one for one in node.children("args")]
            if not ownership.is_opaque(function):
                continue
            if not any(TENANT in binding.tags(one) for one in arguments):
                name = ownership.catalog.function(function).name
                message = (
                    f"{name}() may read any tenant's rows, and its body is not seen; "
                    f"pass it :'{ownership.tenant}'"
                )
                yield Crossing("function", name, message)
