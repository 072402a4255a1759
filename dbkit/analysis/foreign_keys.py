"""The foreign keys that hold for every row that a query can see."""

from typing import LiteralString, NamedTuple

from dbkit.analysis.catalog import Catalog, about_relations


class CertainKey(NamedTuple):
    """A key whose columns, where none is null, are those of a row of another table."""

    referenced: int
    # by a column and the column that it refers to, the operators for `referenced = column` and
    # for `column = referenced`
    operators: dict[tuple[int, int], tuple[int, int]]


def foreign_keys(catalog: Catalog, relation: int) -> list[CertainKey]:
    """Return the foreign keys of a table that hold whatever was done to the two tables."""
    return [
        CertainKey(
            referenced,
            {
                (column, target): (equality, commuted)
                for column, target, equality, commuted in zip(*columns, strict=True)
            },
        )
        for referenced, *columns in catalog.once(_FOREIGN_KEYS, relation)
    ]


# A deferred key may be broken for a time, and one that is not validated or not enforced for good.
# A key with a parent is that of a partition: it may speak of one partition of the table that is
# referred to, while the row is in another. Child tables have no part in a key of their parent.
# A trigger or a rule of the table may undo what `on delete cascade` does to it. Where triggers are
# disabled nobody looks, which is so for all that a subscription brings. Row-level security hides
# rows that are there. Fields that came with 18 are read through json.
_FOREIGN_KEYS: LiteralString = about_relations(
    """
with recursive part as (
    select declared.oid, declared.oid as top
    from pg_catalog.pg_constraint as declared
    where declared.conrelid = $1 and declared.contype = 'f' and declared.conparentid = 0
    union all
    select declared.oid, part.top
    from part
    join pg_catalog.pg_constraint as declared on declared.conparentid = part.oid
),
family as (
    select declared.oid as top, side.oid
    from pg_catalog.pg_constraint as declared
    cross join lateral (values (declared.conrelid), (declared.confrelid)) as side (oid)
    where declared.conrelid = $1 and declared.contype = 'f' and declared.conparentid = 0
    union
    select family.top, inhrelid
    from family
    join pg_catalog.pg_inherits on inhparent = family.oid
)
select
    declared.confrelid::bigint,
    declared.conkey::integer[],
    declared.confkey::integer[],
    declared.conpfeqop::bigint[],
    array(
        select operator.oprcom::bigint
        from pg_catalog.unnest(declared.conpfeqop) with ordinality as equality (oid, position)
        join pg_catalog.pg_operator as operator on operator.oid = equality.oid
        order by equality.position
    )
from pg_catalog.pg_constraint as declared
join pg_catalog.pg_class as referring on referring.oid = declared.conrelid
join pg_catalog.pg_class as referenced on referenced.oid = declared.confrelid
where
    declared.conrelid = $1
    and declared.contype = 'f'
    and declared.conparentid = 0
    and referring.relkind in ('r', 'p')
    and referenced.relkind in ('r', 'p')
    and not referenced.relrowsecurity
    and not exists (
        select
        from part
        join pg_catalog.pg_constraint as declared_part on declared_part.oid = part.oid
        left join pg_catalog.pg_trigger as checking on checking.tgconstraint = part.oid
        where
            part.top = declared.oid
            and (
                not declared_part.convalidated
                or declared_part.condeferrable
                or pg_catalog.to_jsonb(declared_part) -> 'conenforced' = 'false'
                or pg_catalog.to_jsonb(declared_part) -> 'conperiod' = 'true'
                or checking.tgenabled not in ('O', 'A')
            )
    )
    and not exists (
        select
        from family
        join pg_catalog.pg_class as member on member.oid = family.oid
        where
            family.top = declared.oid
            and (
                member.relkind = 'f'
                or exists (
                    select
                    from pg_catalog.pg_subscription_rel
                    where srrelid = family.oid
                )
            )
    )
    and (
        referring.relkind = 'p'
        or not exists (select from pg_catalog.pg_inherits where inhparent = referring.oid)
    )
    and (
        (declared.confdeltype in ('a', 'r') and declared.confupdtype in ('a', 'r'))
        or not exists (
            select
            from family
            where
                family.top = declared.oid
                and (
                    exists (
                        select
                        from pg_catalog.pg_trigger
                        where tgrelid = family.oid and not tgisinternal and tgtype & 2 <> 0
                    )
                    or exists (
                        select
                        from pg_catalog.pg_rewrite
                        where ev_class = family.oid and ev_type <> '1'
                    )
                )
        )
    )
""",
    words="left|right|full",
)
