"""What is asked of each query beyond its types: every rule of the check stands here."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, LiteralString, TypeAlias

import psycopg

from dbkit.analysis import Catalog
from dbkit.check.finding import Finding
from dbkit.settings import System
from dbkit.tenancy import Ownership, find_crossings
from dbkit.typedqueries import TypedQuery

Rule: TypeAlias = Callable[[TypedQuery], Iterable[Finding]]

_COLUMN: LiteralString = """
select
from pg_catalog.pg_attribute as attribute
join pg_catalog.pg_class as relation on relation.oid = attribute.attrelid
where
    attribute.attname = $1
    and not attribute.attisdropped
    and relation.relkind in ('r', 'p')
limit 1
"""


def rules_of(
    system: System, connection: psycopg.Connection[Any], catalog: Catalog
) -> tuple[Rule, ...]:
    """Return the rules that hold for a system; what one learns of the database lasts for a run.

    A rule is called with each query that the server understands in every combination.
    """
    if system.tenant is None:
        return (_uncertain,)
    ownership = Ownership(catalog, system.tenant)
    return (_uncertain, partial(_crossing, connection, ownership))


def unknown_tenant(system: System, catalog: Catalog) -> Iterator[Finding]:
    """Find a tenant's column that no table has, for which nothing would be asked of any query."""
    if system.tenant is not None and not catalog.rows(_COLUMN, system.tenant):
        message = f"no table has the tenant's column {system.tenant!r} that the settings name"
        yield Finding("tenant", message)


def _uncertain(typed: TypedQuery) -> Iterator[Finding]:
    """Warn of a query that may give more rows than its kind promises."""
    if typed.is_certain:
        return
    query = typed.query
    many = next(combination for combination, said in typed.described if not said.at_most_one)
    reason = "more than one row may come back: no unique key is fixed by equality"
    message = f":{query.kind}, but {reason}{_where(many.given, typed)}"
    yield Finding.of_query("uncertain", message, query, is_warning=True)


def _where(given: frozenset[str], typed: TypedQuery) -> str:
    """Name the combination, where there are several."""
    if len(typed.described) == 1:
        return ""
    return f" (with {' and '.join(sorted(given))})" if given else " (with no optional part)"


def _crossing(
    connection: psycopg.Connection[Any], ownership: Ownership, typed: TypedQuery
) -> Iterator[Finding]:
    """Find what lets a query reach another tenant's rows, unless its header says why it may."""
    query = typed.query
    crossings: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    for combination, _ in typed.described:
        for fault in find_crossings(
            connection,
            combination.text,
            combination.parameters,
            tenant=ownership.tenant,
            ownership=ownership,
        ):
            crossings[fault.message].append(combination.given)
    if query.across_tenants is None:
        for reason, given in crossings.items():
            is_always = len(given) == len(typed.described)
            message = reason if is_always else f"{reason}{_where(given[0], typed)}"
            yield Finding.of_query("tenant", message, query, is_warning=False)
    elif not crossings:
        message = "it keeps to one tenant; leave the line `-- across tenants:` out"
        yield Finding.of_query("tenant", message, query, is_warning=False)
