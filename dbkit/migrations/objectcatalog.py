"""Read from the catalog what object files made in the transaction that is open."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import psycopg
from psycopg import sql

from dbkit.migrations.definitions import Address
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
# a view stands for its rule, and an object for its parts (the row type of a view) that go with it
_DEPENDENTS = """
with recursive dependent (class, object, on_class, on_object, is_part) as (
    select root.class, root.object, root.class, root.object, false
    from unnest(%s::oid[], %s::oid[]) as root(class, object)
    union
    select
        case when rule.oid is null then entry.classid else 'pg_class'::regclass::oid end,
        coalesce(rule.ev_class, entry.objid),
        dependent.class,
        dependent.object,
        rule.oid is null and entry.deptype <> 'n'
    from dependent
    inner join pg_depend as entry
        on entry.refclassid = dependent.class
        and entry.refobjid = dependent.object
    left join pg_rewrite as rule
        on entry.classid = 'pg_rewrite'::regclass
        and rule.oid = entry.objid
        and rule.rulename = '_RETURN'
)
select
    dependent.class,
    dependent.object,
    dependent.on_class,
    dependent.on_object,
    dependent.is_part,
    pg_describe_object(dependent.class, dependent.object, 0)
from dependent
where (dependent.class, dependent.object) <> (dependent.on_class, dependent.on_object)
"""
# the server looked into the text of such a function when it was made, and remembers nothing of it
_UNCHECKED_FUNCTIONS = """
select named.type, named.identity, routine.oid
from pg_proc as routine
inner join pg_language as language on language.oid = routine.prolang
cross join lateral pg_identify_object('pg_proc'::regclass, routine.oid, 0) as named
where
    language.lanname = 'sql'
    and routine.prosqlbody is null
    and routine.pronamespace <> 'pg_catalog'::regnamespace
"""
# what depends on the same columns, of those whose table and name are words of a statement
_NEIGHBOURS = """
with needed as (
    select entry.refobjid, entry.refobjsubid
    from unnest(%(catalogs)s::oid[], %(objects)s::oid[]) as object(class, oid)
    left join pg_rewrite as rule
        on object.class = 'pg_class'::regclass
        and rule.ev_class = object.oid
    inner join pg_depend as entry
        on entry.classid = coalesce(rule.tableoid, object.class)
        and entry.objid = coalesce(rule.oid, object.oid)
        and entry.refclassid = 'pg_class'::regclass
    inner join pg_class as relation on relation.oid = entry.refobjid
    inner join pg_attribute as attribute
        on attribute.attrelid = entry.refobjid
        and attribute.attnum = entry.refobjsubid
    where
        relation.relname::text = any(%(words)s)
        and attribute.attname::text = any(%(words)s)
)
select distinct
    case when rule.oid is null then entry.classid else 'pg_class'::regclass::oid end,
    coalesce(rule.ev_class, entry.objid)
from needed
inner join pg_depend as entry
    on entry.refclassid = 'pg_class'::regclass
    and entry.refobjid = needed.refobjid
    and entry.refobjsubid = needed.refobjsubid
left join pg_rewrite as rule
    on entry.classid = 'pg_rewrite'::regclass
    and rule.oid = entry.objid
"""
_WRAP = 1 << 32


class CatalogRow(NamedTuple):
    """One row of the catalog that belongs to an object, in one of its versions."""

    address: Address
    part: int
    xmin: str


class Dependency(NamedTuple):
    """Something that depends on something else."""

    dependent: Address
    on: Address
    # whether it is a part of the other, and goes with it
    is_part: bool
    description: str


class Identity(NamedTuple):
    """An object as `drop <type> <identity>` names it."""

    type: str
    identity: str


def catalog_rows(connection: psycopg.Connection) -> frozenset[CatalogRow]:
    """Return the rows of all views, routines, triggers and policies, as they are now."""
    return frozenset(
        CatalogRow(Address(catalog, number), part, xmin)
        for catalog, number, part, xmin in connection.execute(_ROWS)
    )


def marks(connection: psycopg.Connection, books: str, paths: Iterable[str]) -> dict[str, int]:
    """Return the number of the subtransaction in which each file was noted in the ledger."""
    marked = sql.SQL(_MARKED).format(sql.Identifier(books, OBJECTS))
    return dict(connection.execute(marked, [list(paths)]).fetchall())


def made_objects(
    connection: psycopg.Connection,
    marked: Mapping[str, int],
    before: frozenset[CatalogRow],
) -> Mapping[str, tuple[Identity, ...]]:
    """Return what each file made since the rows were as `before`.

    Each file was applied in a subtransaction of its own, in which it was noted in the ledger
    first. So the catalog rows that it made have the number of that subtransaction, or a later
    one, if it had subtransactions inside.
    """
    [(top,)] = connection.execute("select pg_current_xact_id()::text::bigint")
    starts = sorted(((number - top) % _WRAP, path) for path, number in marked.items())
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
    identities = _identities(connection, {row.address for row in changed})
    made: dict[str, dict[Identity, None]] = {path: {} for _, path in starts}
    for row, offset in sorted(changed.items()):
        place = bisect_right(starts, offset, key=lambda start: start[0])
        if place and row.address in identities:
            made[starts[place - 1][1]][identities[row.address]] = None
    return {path: tuple(found) for path, found in made.items()}


def addresses(connection: psycopg.Connection) -> dict[Identity, Address]:
    """Return where in the catalog each view, routine, trigger and policy is."""
    found = _identities(connection, {row.address for row in catalog_rows(connection)})
    return {identity: address for address, identity in found.items()}


def unchecked_functions(connection: psycopg.Connection) -> dict[tuple[str, str], int]:
    """Return the functions that depend, for the server, on nothing that their text needs."""
    rows = connection.execute(_UNCHECKED_FUNCTIONS)
    return {(kind, identity): function for kind, identity, function in rows}


def neighbours(
    connection: psycopg.Connection, objects: Iterable[Address], words: Iterable[str]
) -> set[Address]:
    """Return what depends on the same columns as some objects, if the words name the columns."""
    catalogs, numbers = zip(*objects, strict=True)
    given = {"catalogs": list(catalogs), "objects": list(numbers), "words": list(words)}
    return {Address(*row) for row in connection.execute(_NEIGHBOURS, given)}


def dependents(connection: psycopg.Connection, roots: Iterable[Address]) -> list[Dependency]:
    """Return all that would be dropped with some objects, each with what it depends on."""
    catalogs, objects = zip(*roots, strict=True)
    rows = connection.execute(_DEPENDENTS, [list(catalogs), list(objects)])
    return [Dependency(Address(*row[:2]), Address(*row[2:4]), *row[4:]) for row in rows]


def _identities(connection: psycopg.Connection, objects: set[Address]) -> dict[Address, Identity]:
    catalogs, numbers = zip(*objects, strict=True) if objects else ((), ())
    rows = connection.execute(_IDENTITIES, [list(catalogs), list(numbers)])
    return {
        Address(catalog, number): Identity(kind, identity)
        for catalog, number, kind, identity in rows
    }
