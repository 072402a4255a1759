"""Read from the catalog what object files made in the transaction that is open."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import psycopg
from psycopg import sql

from dbkit.migrations.ledger import OBJECTS

# a row that was made or replaced has another `xmin` than before, also if it says the same: the
# server writes it anew. Of a view it is the row of its rule. The trigger of a partition belongs
# to that of its table.
_ROWS = """
with ours as (
    select namespace.oid
    from pg_namespace as namespace
    where
        namespace.nspname not in ('pg_catalog', 'information_schema')
        and namespace.nspname !~ '^pg_(toast|temp)'
)
select
    'pg_proc'::regclass::oid as class,
    routine.oid as object,
    routine.oid as part,
    routine.xmin::text
from pg_proc as routine
inner join ours on ours.oid = routine.pronamespace
union all
select
    'pg_class'::regclass::oid,
    view.oid,
    rule.oid,
    rule.xmin::text
from pg_rewrite as rule
inner join pg_class as view on view.oid = rule.ev_class
inner join ours on ours.oid = view.relnamespace
where view.relkind in ('v', 'm')
union all
select
    'pg_trigger'::regclass::oid,
    trigger.oid,
    trigger.oid,
    trigger.xmin::text
from pg_trigger as trigger
where not trigger.tgisinternal and trigger.tgparentid = 0
union all
select
    'pg_policy'::regclass::oid,
    policy.oid,
    policy.oid,
    policy.xmin::text
from pg_policy as policy
"""
_MARKED = """
select
    path,
    xmin::text::bigint as number
from {}
where path = any(%s)
"""
_IN_PROGRESS = """
select number
from unnest(%s::bigint[]) as number
where pg_xact_status(number::text::xid8) = 'in progress'
"""
_IDENTITIES = """
select
    object.class,
    object.object,
    named.type,
    named.identity
from unnest(%s::oid[], %s::oid[]) as object(class, object)
cross join lateral pg_identify_object(object.class, object.object, 0) as named
where not exists (
    select from pg_depend as member
    where
        member.classid = object.class
        and member.objid = object.object
        and member.deptype = 'e'
)
"""
_WRAP = 1 << 32


class CatalogRow(NamedTuple):
    """One row of the catalog that belongs to an object, in one of its versions."""

    # the catalog that the object is in, and its number there
    # ("class" is the word of `pg_depend`)
    catalog: int
    object: int
    part: int
    xmin: str


class Identity(NamedTuple):
    """An object as `drop <type> <identity>` names it."""

    type: str
    identity: str


def catalog_rows(connection: psycopg.Connection) -> frozenset[CatalogRow]:
    """Return the rows of all views, routines, triggers and policies, as they are now."""
    return frozenset(CatalogRow(*row) for row in connection.execute(_ROWS))


def made_objects(
    connection: psycopg.Connection,
    books: str,
    paths: Iterable[str],
    before: frozenset[CatalogRow],
) -> Mapping[str, tuple[Identity, ...]]:
    """Return what each file made since the rows were as `before`.

    Each file was applied in a subtransaction of its own, in which its row of the ledger was
    written first. So the catalog rows that it made have the same transaction number as that row,
    or a later one, if it had subtransactions inside.
    """
    marked = sql.SQL(_MARKED).format(sql.Identifier(books, OBJECTS))
    [(top,)] = connection.execute("select pg_current_xact_id()::text::bigint")
    starts = sorted(
        ((number - top) % _WRAP, path) for path, number in connection.execute(marked, [list(paths)])
    )
    rows = catalog_rows(connection) - before
    changed = {row: (int(row.xmin) - top) % _WRAP for row in rows}
    # those of a transaction that began before this one are far ahead in the circle of numbers
    changed = {row: offset for row, offset in changed.items() if offset < _WRAP // 2}
    inside = set(changed.values()) - {start for start, _ in starts}
    if inside:
        # what another session made meanwhile is committed
        running = connection.execute(_IN_PROGRESS, [[top + offset for offset in inside]])
        others = inside - {number - top for (number,) in running}
        changed = {row: offset for row, offset in changed.items() if offset not in others}
    identities = _identities(connection, {(row.catalog, row.object) for row in changed})
    made: dict[str, dict[Identity, None]] = {path: {} for _, path in starts}
    for row, offset in sorted(changed.items()):
        place = bisect_right(starts, offset, key=lambda start: start[0])
        identity = identities.get((row.catalog, row.object))
        if place and identity is not None:
            made[starts[place - 1][1]][identity] = None
    return {path: tuple(found) for path, found in made.items()}


def _identities(
    connection: psycopg.Connection, objects: set[tuple[int, int]]
) -> dict[tuple[int, int], Identity]:
    catalogs, numbers = zip(*objects, strict=True) if objects else ((), ())
    rows = connection.execute(_IDENTITIES, [list(catalogs), list(numbers)])
    return {(catalog, number): Identity(kind, identity) for catalog, number, kind, identity in rows}
