"""What a table does to a row that is written to it."""

from typing import LiteralString, NamedTuple

from dbkit.analysis.catalog import Catalog, about_relations
from dbkit.analysis.knownnodes import unknown_part
from dbkit.analysis.nodes import Node, read_nodes


class Writing(NamedTuple):
    """What a table does to a row that is written to it, or to one of its partitions or children."""

    # a trigger, or another server, may store something else than what was assigned
    may_change: bool
    # the columns that are computed from others
    generated: frozenset[int]


def writing_of(catalog: Catalog, relation: int) -> Writing:
    """Return what a table does to a row that is written to it."""
    [(may_change, generated)] = catalog.once(_WRITING, relation)
    return Writing(may_change, frozenset(generated))


def default_of(catalog: Catalog, relation: int, attribute: int) -> Node | None:
    """Return what a column gets that nothing is assigned to, None where that is not known."""
    for number, text in catalog.once(_DEFAULTS, relation):
        if number == attribute:
            [default] = read_nodes(text)
            return None if unknown_part(default) else default
    return None


# bits of tgtype: row 1, before 2, insert 4, update 16; a row that moves to another partition is
# deleted and inserted
_WRITING: LiteralString = about_relations(
    """
with recursive family as (
    select $1::oid as oid
    union
    select inhrelid
    from family
    join pg_catalog.pg_inherits on inhparent = family.oid
)
select
    exists (
        select
        from family
        join pg_catalog.pg_class as member on member.oid = family.oid
        where
            member.relkind not in ('r', 'p')
            or exists (
                select
                from pg_catalog.pg_trigger
                where
                    tgrelid = family.oid
                    and not tgisinternal
                    and tgtype & 1 <> 0
                    and tgtype & 2 <> 0
                    and tgtype & (4 | 16) <> 0
            )
    ),
    array(
        select attribute.attnum::integer
        from pg_catalog.pg_attribute as attribute
        where
            attribute.attrelid = $1
            and attribute.attnum > 0
            and exists (
                select
                from family
                join pg_catalog.pg_attribute as member
                    on member.attrelid = family.oid and member.attname = attribute.attname
                where member.attgenerated <> ''
            )
    )
""",
    words="insert|update|merge",
)
_DEFAULTS: LiteralString = about_relations(
    """
select
    adnum::integer,
    adbin::text
from pg_catalog.pg_attrdef
join pg_catalog.pg_attribute on attrelid = adrelid and attnum = adnum
where adrelid = $1 and attgenerated = '' and attidentity = ''
""",
    words="insert|merge",
)
