"""Read from the catalog which objects there are, in which version, and how they are defined."""

from collections.abc import Iterable
from typing import NamedTuple

import psycopg

# `state` changes when the object is made or replaced: it holds the version of its catalog row, or
# for a view that of its rule. Objects of extensions are left out: no file of ours makes them.
_CATALOG = """
select
    object.class::oid,
    object.oid,
    named.type,
    named.identity,
    object.state
from (
    select
        'pg_proc'::regclass as class,
        routine.oid,
        routine.pronamespace as namespace,
        format('%s %s', routine.oid, routine.xmin) as state
    from pg_proc as routine
    union all
    select
        'pg_class'::regclass,
        view.oid,
        view.relnamespace,
        concat_ws(
            ' ',
            string_agg(format('%s %s', rule.oid, rule.xmin), ' ' order by rule.oid),
            view.reloptions
        )
    from pg_class as view
    inner join pg_rewrite as rule on rule.ev_class = view.oid
    where view.relkind in ('v', 'm')
    group by view.oid, view.relnamespace, view.reloptions
    union all
    select
        'pg_trigger'::regclass,
        trigger.oid,
        relation.relnamespace,
        format('%s %s', trigger.oid, trigger.xmin)
    from pg_trigger as trigger
    inner join pg_class as relation on relation.oid = trigger.tgrelid
    where not trigger.tgisinternal
    union all
    select
        'pg_policy'::regclass,
        policy.oid,
        relation.relnamespace,
        format('%s %s', policy.oid, policy.xmin)
    from pg_policy as policy
    inner join pg_class as relation on relation.oid = policy.polrelid
) as object
cross join lateral pg_identify_object(object.class, object.oid, 0) as named
inner join pg_namespace as namespace on namespace.oid = object.namespace
where
    namespace.nspname not in ('pg_catalog', 'information_schema')
    and namespace.nspname !~ '^pg_(toast|temp)'
    and not exists (
        select from pg_depend as member
        where
            member.classid = object.class
            and member.objid = object.oid
            and member.deptype = 'e'
    )
order by object.oid
"""
# what the server writes of an object, with all names in full, for the search path is empty. A
# right, a comment or an owner is no part of it. sha256: a server may be told to know no md5.
_DEFINITIONS = """
select
    object.class,
    object.oid,
    format(
        '%%s:%%s',
        current_setting('server_version_num')::integer / 10000,
        encode(sha256(convert_to(coalesce(definition.text, ''), 'UTF8')), 'hex')
    )
from unnest(%s::oid[], %s::oid[]) as object(class, oid)
cross join lateral (
    select
        case object.class
            when 'pg_class'::regclass then (
                select
                    concat_ws(' ', view.reloptions, string_agg(pg_get_ruledef(rule.oid), ' '))
                from pg_class as view
                inner join pg_rewrite as rule on rule.ev_class = view.oid
                where view.oid = object.oid
                group by view.reloptions
            )
            when 'pg_trigger'::regclass then pg_get_triggerdef(object.oid)
            when 'pg_policy'::regclass then (
                select
                    concat_ws(
                        ' ',
                        policy.polcmd,
                        policy.polpermissive,
                        array(
                            select pg_get_userbyid(nullif(role, 0))
                            from unnest(policy.polroles) as role
                            order by 1
                        ),
                        '; using', pg_get_expr(policy.polqual, policy.polrelid),
                        '; check', pg_get_expr(policy.polwithcheck, policy.polrelid)
                    )
                from pg_policy as policy
                where policy.oid = object.oid
            )
            else (
                select
                    case routine.prokind
                        when 'a' then (
                            select
                                concat_ws(
                                    ' ',
                                    pg_get_function_result(routine.oid),
                                    routine.proparallel,
                                    format_type(aggregate.aggtranstype, null),
                                    to_jsonb(aggregate) - array[
                                        'aggfnoid', 'aggtranstype', 'aggmtranstype', 'aggsortop'
                                    ]
                                )
                            from pg_aggregate as aggregate
                            where aggregate.aggfnoid = routine.oid
                        )
                        else pg_get_functiondef(routine.oid)
                    end
                from pg_proc as routine
                where routine.oid = object.oid
            )
        end as text
) as definition
"""


class Address(NamedTuple):
    """The catalog that an object is in, and its number there, as `pg_depend` has them."""

    catalog: int
    object: int


class CatalogObject(NamedTuple):
    """An object as `drop <type> <identity>` names it, and the version of its catalog row."""

    address: Address
    type: str
    identity: str
    state: str

    @property
    def key(self) -> tuple[str, str]:
        """Type and name of the object, whatever its version."""
        return self.type, self.identity


def catalog_objects(connection: psycopg.Connection) -> dict[tuple[str, str], CatalogObject]:
    """Return every view, routine, trigger and policy of the database that is no extension's."""
    return {
        (kind, identity): CatalogObject(Address(catalog, number), kind, identity, state)
        for catalog, number, kind, identity, state in connection.execute(_CATALOG)
    }


def definitions(connection: psycopg.Connection, objects: Iterable[Address]) -> dict[Address, str]:
    """Return the digests of what the server writes of objects, each with the server's version."""
    addresses = list(objects)
    if not addresses:
        return {}
    catalogs, numbers = zip(*addresses, strict=True)
    [(path,)] = connection.execute("select current_setting('search_path')")
    set_path = "select set_config('search_path', %s, true)"
    connection.execute(set_path, [""])
    rows = connection.execute(_DEFINITIONS, [list(catalogs), list(numbers)]).fetchall()
    connection.execute(set_path, [path])
    return {Address(catalog, number): definition for catalog, number, definition in rows}


def major(definition: str | None) -> str:
    """Return the version of the server that a definition was read from."""
    return (definition or "").partition(":")[0]
