"""Ask the server which views, functions, triggers and policies exist, and which a file made."""

from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

# `state` differs after anything that makes or replaces the object: a new row version, or for
# a view a new version of its rule. Members of extensions are the extension's, not a file's.
_OBJECTS = """
select
    named.type,
    named.identity,
    object.state
from (
    select
        'pg_proc'::regclass as class,
        routine.oid,
        routine.pronamespace as namespace,
        format('%s %s %s', routine.oid, routine.xmin, routine.ctid) as state
    from pg_proc as routine
    union all
    select
        'pg_class'::regclass,
        view.oid,
        view.relnamespace,
        string_agg(format('%s %s %s', rule.oid, rule.xmin, rule.ctid), ',' order by rule.oid)
    from pg_class as view
    inner join pg_rewrite as rule on rule.ev_class = view.oid
    where view.relkind in ('v', 'm')
    group by view.oid, view.relnamespace
    union all
    select
        'pg_trigger'::regclass,
        trigger.oid,
        relation.relnamespace,
        format('%s %s %s', trigger.oid, trigger.xmin, trigger.ctid)
    from pg_trigger as trigger
    inner join pg_class as relation on relation.oid = trigger.tgrelid
    where not trigger.tgisinternal
    union all
    select
        'pg_policy'::regclass,
        policy.oid,
        relation.relnamespace,
        format('%s %s %s', policy.oid, policy.xmin, policy.ctid)
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


class CatalogObject(NamedTuple):
    """An object as `drop <type> <identity>` names it, and the version of its rows."""

    type: str
    identity: str
    state: str

    @property
    def key(self) -> tuple[str, str]:
        """What the object is called, whatever its version."""
        return self.type, self.identity


def catalog_objects(connection: psycopg.Connection) -> dict[tuple[str, str], CatalogObject]:
    """Return every view, routine, trigger and policy that belongs to no extension."""
    with connection.cursor(row_factory=class_row(CatalogObject)) as cursor:
        return {found.key: found for found in cursor.execute(_OBJECTS)}
