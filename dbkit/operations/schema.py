"""Read the schema of a database as definitions, and compare the schemas of two databases."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg.rows import tuple_row

from dbkit.migrations import read_bookkeeping

# the server's own definition of each object; its names have their schemas because the search path
# is empty. The order of columns is left out: two histories may add the same columns in two orders
_RELATIONS: LiteralString = """
with
named as (
    select
        namespace.oid,
        namespace.nspname
    from pg_namespace as namespace
    where
        namespace.nspname not in ('pg_catalog', 'information_schema')
        and namespace.nspname !~ '^pg_(toast|temp)'
),

relation as (
    select
        class.*,
        format('%%I.%%I', named.nspname, class.relname) as shown
    from pg_class as class
    inner join named on named.oid = class.relnamespace
    where
        not exists (
            select from pg_depend as member
            where
                member.classid = 'pg_class'::regclass
                and member.objid = class.oid
                and member.deptype = 'e'
        )
        and not (class.relname = any(%(left_out)s))
        -- a sequence of a serial column goes with its table
        and not exists (
            select
            from pg_depend as owned
            inner join pg_class as owner on owner.oid = owned.refobjid
            where
                owned.classid = 'pg_class'::regclass
                and owned.objid = class.oid
                and owned.refclassid = 'pg_class'::regclass
                and owned.deptype in ('a', 'i')
                and owner.relname = any(%(left_out)s)
        )
)
"""
_OBJECTS: LiteralString = """
select
    'extension' as kind,
    quote_ident(extension.extname) as name,
    '' as definition
from pg_extension as extension
where extension.extname <> 'plpgsql'
union all
select
    case type.typtype when 'e' then 'enum' when 'd' then 'domain' else 'range' end,
    format('%%I.%%I', named.nspname, type.typname),
    concat_ws(
        ' ',
        case type.typtype when 'd' then format_type(type.typbasetype, type.typtypmod) end,
        case when type.typnotnull then 'not null' end,
        'default ' || type.typdefault,
        (
            select string_agg(quote_literal(label.enumlabel), ', ' order by label.enumsortorder)
            from pg_enum as label
            where label.enumtypid = type.oid
        ),
        (
            select string_agg(pg_get_constraintdef(held.oid), ' ' order by held.conname)
            from pg_constraint as held
            where
                held.contypid = type.oid
                and held.contype <> 'n'
        )
    )
from pg_type as type
inner join named on named.oid = type.typnamespace
where
    type.typtype in ('e', 'd', 'r')
    and not exists (
        select from pg_depend as member
        where
            member.classid = 'pg_type'::regclass
            and member.objid = type.oid
            and member.deptype = 'e'
    )
union all
select
    case relation.relkind
        when 'r' then 'table'
        when 'p' then 'table'
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'S' then 'sequence'
        when 'c' then 'composite type'
        else 'foreign table'
    end,
    relation.shown,
    concat_ws(
        ' ',
        case when relation.relkind in ('v', 'm') then pg_get_viewdef(relation.oid) end,
        case when relation.relkind = 'p' then pg_get_partkeydef(relation.oid) end,
        pg_get_expr(relation.relpartbound, relation.oid),
        case when relation.relpersistence = 'u' then 'unlogged' end,
        case when relation.relrowsecurity then 'row level security' end,
        case when relation.relforcerowsecurity then 'forced' end
    )
from relation
where relation.relkind in ('r', 'p', 'v', 'm', 'S', 'c', 'f')
union all
select
    'column',
    format('%%s.%%I', relation.shown, attribute.attname),
    concat_ws(
        ' ',
        format_type(attribute.atttypid, attribute.atttypmod),
        case when attribute.attnotnull then 'not null' end,
        case attribute.attidentity when 'a' then 'identity always' when 'd' then 'identity' end,
        case when attribute.attgenerated = '' then 'default ' else 'generated ' end
        || pg_get_expr(fallback.adbin, fallback.adrelid),
        (
            select 'collate ' || quote_ident(sorting.collname)
            from pg_collation as sorting
            inner join pg_type as type on type.oid = attribute.atttypid
            where
                sorting.oid = attribute.attcollation
                and attribute.attcollation <> type.typcollation
        )
    )
from relation
inner join pg_attribute as attribute on attribute.attrelid = relation.oid
left join pg_attrdef as fallback
    on
        fallback.adrelid = attribute.attrelid
        and fallback.adnum = attribute.attnum
where
    relation.relkind in ('r', 'p', 'f', 'c')
    and attribute.attnum > 0
    and not attribute.attisdropped
union all
select
    'constraint',
    format('%%s.%%I', relation.shown, held.conname),
    pg_get_constraintdef(held.oid)
from pg_constraint as held
inner join relation on relation.oid = held.conrelid
-- since PostgreSQL 18 a not null is one too; the column has said so
where held.contype not in ('n', 't')
union all
select
    'index',
    index.shown,
    pg_get_indexdef(index.oid)
    || case when entry.indisvalid then '' else ' not valid' end
    || case when entry.indisclustered then ' clustered' else '' end
from relation as index
inner join pg_index as entry on entry.indexrelid = index.oid
inner join relation as indexed on indexed.oid = entry.indrelid
where not exists (
    select from pg_constraint as held
    where
        held.conindid = index.oid
        and held.contype in ('p', 'u', 'x')
)
union all
select
    case routine.prokind when 'p' then 'procedure' else 'function' end,
    format(
        '%%I.%%I(%%s)',
        named.nspname, routine.proname, pg_get_function_identity_arguments(routine.oid)
    ),
    case when routine.prokind = 'a' then 'aggregate' else pg_get_functiondef(routine.oid) end
from pg_proc as routine
inner join named on named.oid = routine.pronamespace
where not exists (
    select from pg_depend as member
    where
        member.classid = 'pg_proc'::regclass
        and member.objid = routine.oid
        and member.deptype in ('e', 'i')
)
union all
select
    'trigger',
    format('%%s.%%I', relation.shown, trigger.tgname),
    pg_get_triggerdef(trigger.oid)
    || case trigger.tgenabled when 'O' then '' else format(' enabled %%s', trigger.tgenabled) end
from pg_trigger as trigger
inner join relation on relation.oid = trigger.tgrelid
where not trigger.tgisinternal
union all
select
    'policy',
    format('%%s.%%I', relation.shown, policy.polname),
    concat_ws(
        ' ',
        case when policy.polpermissive then 'permissive' else 'restrictive' end,
        policy.polcmd,
        (
            select string_agg(coalesce(role.rolname, 'public'), ', ' order by role.rolname)
            from unnest(policy.polroles) as granted (oid)
            left join pg_roles as role on role.oid = granted.oid
        ),
        'using (' || pg_get_expr(policy.polqual, policy.polrelid) || ')',
        'with check (' || pg_get_expr(policy.polwithcheck, policy.polrelid) || ')'
    )
from pg_policy as policy
inner join relation on relation.oid = policy.polrelid
union all
select
    'rule',
    format('%%s.%%I', relation.shown, rule.rulename),
    pg_get_ruledef(rule.oid)
from pg_rewrite as rule
inner join relation on relation.oid = rule.ev_class
where rule.rulename <> '_RETURN'
"""
_DEFINITIONS = f"{_RELATIONS} {_OBJECTS} order by 1, 2"
# the definitions are not computed if nobody asks for them
_NAMES = f"{_RELATIONS} select kind, name from ({_OBJECTS}) as each (kind, name, definition)"  # noqa: S608 - both are above

Schema = Mapping[str, str]
"""The definition of each object by its kind and its name, as in "table runs"."""


class Difference(NamedTuple):
    """One object that differs between two schemas."""

    name: str
    # None if the schema has no such object
    wanted: str | None
    actual: str | None

    def __str__(self) -> str:
        if self.actual is None:
            return f"{self.name} is missing"
        if self.wanted is None:
            return f"{self.name} is not expected"
        return f"{self.name} is {_short(self.actual)} instead of {_short(self.wanted)}"


def read_schema(connection: psycopg.Connection[Any], *, left_out: Iterable[str] = ()) -> Schema:
    """Read the definition of every object outside the system schemas and extensions.

    The tables of dbkit's ledgers, and those named in `left_out`, are left out with their columns,
    indexes and constraints.
    """
    rows = _read(connection, _DEFINITIONS, left_out)
    return {_shown(kind, name): _normal(text) for kind, name, text in rows}


def read_names(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Read the names that `read_schema` would have, which is quicker."""
    return frozenset(_shown(kind, name) for kind, name in _read(connection, _NAMES, ()))


def _read(
    connection: psycopg.Connection[Any], query: LiteralString, left_out: Iterable[str]
) -> list[tuple[Any, ...]]:
    names = [*read_bookkeeping(connection), *left_out]
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        # so that every name is written with its schema
        path = cursor.execute("select current_setting('search_path')").fetchone()
        cursor.execute("select set_config('search_path', 'pg_catalog', true)")
        rows = cursor.execute(query, {"left_out": names}).fetchall()
        cursor.execute("select set_config('search_path', %s, true)", path)
    return rows


def _shown(kind: str, name: str) -> str:
    return f"{kind} {name.removeprefix('public.')}"


def compare(wanted: Schema, actual: Schema) -> list[Difference]:
    """Return the objects that differ; for a table that only one has, not each of its columns."""
    differences = [
        Difference(name, wanted.get(name), actual.get(name))
        for name in {**wanted, **actual}
        if wanted.get(name) != actual.get(name)
    ]
    whole_tables = tuple(
        difference.name.partition(" ")[2] + "."
        for difference in differences
        if difference.name.startswith("table ") and None in {difference.wanted, difference.actual}
    )
    return [
        difference
        for difference in differences
        if not (whole_tables and difference.name.partition(" ")[2].startswith(whole_tables))
    ]


def _normal(definition: str) -> str:
    """Write a list of values as the server writes it after a dump and a restore."""
    return _CAST_LIST.sub(
        lambda match: "ARRAY[" + _CAST_VALUE.sub(r"(\1)::text", match[1]) + "]", definition
    )


def _short(definition: str) -> str:
    words = " ".join(definition.split()) or "plain"
    return words if len(words) <= _MAX_DEFINITION else f"{words[: _MAX_DEFINITION - 1]}…"


_MAX_DEFINITION = 160
_CAST_VALUE = re.compile(r"((?:'(?:[^']|'')*'|NULL)::character varying)")
_CAST_LIST = re.compile(
    rf"\(ARRAY\[({_CAST_VALUE.pattern}(?:, {_CAST_VALUE.pattern})*)\]\)::text\[\]"
)
