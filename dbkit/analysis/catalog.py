"""What the system catalog says about relations, functions, operators and types."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import tuple_row

from dbkit.analysis.knownnodes import unknown_part
from dbkit.analysis.nodes import Node, read_nodes
from dbkit.analysis.oids import FIRST_GENBKI_OBJECT_ID
from dbkit.analysis.roundtrip import Answers, Command, command, exchange
from dbkit.analysis.vocabulary import RelKind

# relations of these kinds refuse a NULL in a `not null` column of every row they store
_REFUSING_NULL = frozenset({RelKind.RELATION, RelKind.PARTITIONED_TABLE, RelKind.SEQUENCE})


class Attribute(NamedTuple):
    """A column of a relation."""

    name: str
    type: int
    # storing a NULL is refused
    required: bool
    # no row stored so far has a NULL, in any partition or child table
    proven: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, a view, or anything else that has columns."""

    name: str
    kind: str
    type: int
    attributes: dict[int, Attribute]
    has_children: bool
    # the commands of which a trigger may leave rows out: "insert", "update", "delete"
    may_skip: frozenset[str]
    # there are rules besides that of a view
    ruled: bool

    @property
    def is_table(self) -> bool:
        """Whether it is a table whose rows this server stores, in partitions or not."""
        return self.kind in {RelKind.RELATION, RelKind.PARTITIONED_TABLE}


@dataclass(frozen=True, slots=True)
class CatalogFunction:
    """What the declaration of a function says."""

    oid: int
    name: str
    strict: bool
    volatile: bool
    returns_set: bool

    @property
    def builtin(self) -> bool:
        """Whether it is part of PostgreSQL, so that PostgreSQL's documentation describes it."""
        return self.oid < FIRST_GENBKI_OBJECT_ID


class UniqueIndex(NamedTuple):
    """A unique index that is checked at every moment, so that no two rows share a key."""

    # for each column of the index, the number of the attribute, or 0 for an expression
    attributes: tuple[int, ...]
    expressions: list[Node]
    condition: list[Node]
    collations: tuple[int, ...]
    # for each column of the index, the operators that it takes for equality
    equalities: tuple[frozenset[int], ...]

    @property
    def is_known(self) -> bool:
        """Whether nothing stands in its expressions and its condition that is not known."""
        return not any(map(unknown_part, [*self.expressions, *self.condition]))


class _Operator(NamedTuple):
    """What the declaration of an operator says."""

    name: str
    # the operator that takes its arguments in the other order
    commutator: int
    function: int


class _Builtins:
    """PostgreSQL's own functions, operators and types, by their oids."""

    def __init__(self) -> None:
        self.functions: dict[int, CatalogFunction] = {}
        self.operators: dict[int, _Operator] = {}
        # the type of an array of a type, 0 where there is none
        self.arrays: dict[int, int] = {}
        self.row_types: set[int] = set()


# they never change, so they are read once for a connection
_BUILTINS: WeakKeyDictionary[psycopg.Connection[Any], _Builtins] = WeakKeyDictionary()


class Catalog:
    """The system catalog of a database; each fact is asked for once."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._relations: dict[int, Relation] = {}
        self._functions: dict[int, CatalogFunction] = {}
        self._builtins = _BUILTINS.setdefault(connection, _Builtins())
        # the text of the query of each view, until somebody looks into it
        self._view_texts: dict[int, str] = {}
        self._views: dict[int, Node | None] = {}
        self._index_rows: dict[int, list[tuple[str, ...]]] = {}
        self._indexes: dict[int, list[UniqueIndex]] = {}
        self._never_null_domains: frozenset[int] | None = None
        # the queries about relations that are asked together with them
        self._likely: list[LiteralString] = []
        self._asked: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
        self._types_cast_by_users: frozenset[str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no relation was asked for yet."""
        return not self._relations

    def asking(self, relations: Iterable[int], function: str = "", text: str = "") -> list[Command]:
        """Ask for relations, and for all that the body of a function names, with their views.

        What `about_relations` was told of is asked for as well, if the text makes it likely.
        """
        self._likely = [query for query, words in _ABOUT_RELATIONS if words.search(text)]
        roots, known = _array(relations), _array(self._relations)
        return [
            command(_NAMING, roots, function, known),
            command(_RELATIONS),
            command(_ATTRIBUTES),
            command(_INDEXES),
            command(_VIEWS),
            command(_CALLED, function),
            command(_NEVER_NULL_DOMAINS),
            command(_TYPES_CAST_BY_USERS),
            *(command(_of_all_named(query)) for query in self._likely),
        ]

    def unknown(self, queries: Iterable[Node]) -> frozenset[int]:
        """Return the relations of analysed queries that were not asked for yet."""
        named = {
            node.number("relid") for query in queries for node in query.walk() if "relid" in node
        }
        return frozenset(named - self._relations.keys() - {0})

    def keep(self, answers: Answers, first: int = 0) -> None:
        """Keep the answers to `asking`, of which the first has this number."""
        relations, attributes, indexes, views, functions, domains, cast = (
            answers.rows(number) for number in range(first + 1, first + 8)
        )
        columns: dict[int, dict[int, Attribute]] = {}
        for row in attributes:
            relation, number, name, type_oid = int(row[0]), int(row[1]), row[2], int(row[3])
            attribute = Attribute(name, type_oid, row[4] == "t", row[5] == "t")
            columns.setdefault(relation, {})[number] = attribute
        for oid, name, kind, row_type, has_children, skips, ruled in relations:
            number = int(oid)
            self._index_rows[number] = []
            self._relations[number] = Relation(
                name,
                kind,
                int(row_type),
                {
                    position: attribute._replace(proven=attribute.proven and kind in _REFUSING_NULL)
                    for position, attribute in columns.get(number, {}).items()
                },
                has_children == "t",
                frozenset(skips.split()),
                ruled == "t",
            )
        for oid, *index in indexes:
            self._index_rows[int(oid)].append(tuple(index))
        self._view_texts.update((int(oid), text) for oid, text in views)
        self._keep_functions(functions)
        self._never_null_domains = frozenset(int(oid) for (oid,) in domains)
        self._types_cast_by_users = frozenset(oid for (oid,) in cast)
        for number, query in enumerate(self._likely, start=first + 8):
            for oid, *_ in relations:
                self._asked[query, int(oid)] = []
            for named, *fact in answers.loaded(number, self._connection):
                self._asked[query, named].append(tuple(fact))

    @property
    def knows_builtins(self) -> bool:
        """Whether `ASKING_BUILTINS` was answered on this connection."""
        return bool(self._builtins.functions)

    def keep_builtins(self, answers: Answers, number: int) -> None:
        """Keep the answer to `ASKING_BUILTINS`."""
        builtins = self._builtins
        for kind, number_text, name, other, called, *flags in answers.rows(number):
            oid = int(number_text)
            if kind == "function":
                self._keep_functions([(number_text, name, *flags)])
            elif kind == "operator":
                builtins.operators[oid] = _Operator(name, int(other), int(called))
            else:
                builtins.arrays[oid] = int(other)
                if flags[0] == "t":
                    builtins.row_types.add(oid)

    def _keep_functions(self, rows: Iterable[Sequence[str]]) -> None:
        for oid, name, strict, volatile, returns_set in rows:
            number = int(oid)
            self._functions_of(number)[number] = CatalogFunction(
                number, name, strict == "t", volatile == "t", returns_set == "t"
            )

    def rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Run a query and return its rows as tuples, whatever row factory the connection has."""
        cursor = psycopg.RawCursor(self._connection, row_factory=tuple_row)
        with cursor:
            return cursor.execute(query, values, prepare=False).fetchall()

    def once(self, query: LiteralString, oid: int) -> list[tuple[Any, ...]]:
        """Run a query about one object, and keep its rows."""
        if (query, oid) not in self._asked:
            self._asked[query, oid] = self.rows(query, oid)
        return self._asked[query, oid]

    def relation(self, oid: int) -> Relation:
        """Return a relation and its columns."""
        if oid not in self._relations:
            self._fetch(oid)
        return self._relations[oid]

    def _fetch(self, relation: int) -> None:
        answers = exchange(self._connection, self.asking([relation]))
        if (refused := answers.refused) is not None:
            raise answers.error(refused)
        self.keep(answers)

    def function(self, oid: int) -> CatalogFunction:
        """Return a function, which may be that of an operator."""
        functions = self._functions_of(oid)
        if oid not in functions:
            [row] = self.rows(_FUNCTION, oid)
            functions[oid] = CatalogFunction(oid, *row)
        return functions[oid]

    def _functions_of(self, oid: int) -> dict[int, CatalogFunction]:
        """Return the functions among which one of this number is kept."""
        return self._builtins.functions if oid < FIRST_GENBKI_OBJECT_ID else self._functions

    def operator_name(self, oid: int) -> str:
        """Return the name of an operator, such as `||`."""
        return self._operator(oid).name

    def commuting(self, operator: int) -> tuple[int, int]:
        """Return an operator, and the one that says the same of its arguments in other order."""
        return operator, self._operator(operator).commutator

    def function_of(self, operator: int) -> int:
        """Return the function that an operator calls."""
        return self._operator(operator).function

    def _operator(self, oid: int) -> _Operator:
        known = self._builtins.operators.get(oid)
        return known or _Operator(*self.once(_OPERATOR, oid)[0])

    def refuses_null(self, domain: int) -> bool:
        """Say whether a domain, or a domain it is based on, is declared not null."""
        if self._never_null_domains is None:
            rows = self.rows(_NEVER_NULL_DOMAINS)
            self._never_null_domains = frozenset(int(oid) for (oid,) in rows)
        return domain in self._never_null_domains

    def types_cast_by_users(self) -> frozenset[str]:
        """Return the types that a function of a user casts to text, and the domains over them."""
        if self._types_cast_by_users is None:
            rows = self.rows(_TYPES_CAST_BY_USERS)
            self._types_cast_by_users = frozenset(oid for (oid,) in rows)
        return self._types_cast_by_users

    def array_of(self, element: int) -> int:
        """Return the type of an array of an element type, 0 where there is none."""
        if element in self._builtins.arrays:
            return self._builtins.arrays[element]
        rows = self.once(_ARRAY, element)
        return int(rows[0][0]) if rows else 0

    def is_row(self, type_oid: int) -> bool:
        """Say whether a type is that of rows, or a domain over one."""
        if type_oid in self._builtins.arrays:
            return type_oid in self._builtins.row_types
        return bool(self.once(_ROW_TYPE, type_oid)[0][0])

    def view(self, oid: int) -> Node | None:
        """Return the query of a view, None where no rule says it or a part of it is not known."""
        if oid not in self._views:
            self.relation(oid)
            text = self._view_texts.pop(oid, None)
            query = read_nodes(text)[0] if text is not None else None
            self._views[oid] = None if query is None or unknown_part(query) else query
        return self._views[oid]

    def unique_indexes(self, oid: int) -> list[UniqueIndex]:
        """Return the unique indexes of a table that are checked at every moment."""
        if oid not in self._indexes:
            self.relation(oid)
            indexes = map(_index, self._index_rows.pop(oid))
            self._indexes[oid] = [index for index in indexes if index.is_known]
        return self._indexes[oid]


# what other modules ask about each relation, and the words of a statement that make it likely
_ABOUT_RELATIONS: list[tuple[LiteralString, re.Pattern[str]]] = []


def about_relations(query: LiteralString, *, words: str = "") -> LiteralString:
    """Let a query about one relation, $1, be asked for all relations of a statement at once."""
    _ABOUT_RELATIONS.append((query, re.compile(words, re.IGNORECASE)))
    return query


def _of_all_named(query: LiteralString) -> LiteralString:
    """Ask the same about each relation that is named."""
    one = query.replace("$1", "named.oid")
    return _ABOUT_ALL.replace("(about)", f"({one})")


def _array(numbers: Iterable[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


def _index(row: tuple[str, ...]) -> UniqueIndex:
    attributes, collations, expressions, condition, equalities = row
    return UniqueIndex(
        tuple(map(int, attributes.split(","))),
        read_nodes(expressions) if expressions else [],
        read_nodes(condition) if condition else [],
        tuple(map(int, collations.split(","))),
        tuple(
            frozenset(int(operator) for operator in column.split(",") if operator)
            for column in equalities.split(";")
        ),
    )


_FUNCTION: LiteralString = """
select
    function.proname,
    function.proisstrict,
    function.provolatile = 'v',
    function.proretset
from pg_catalog.pg_proc as function
where function.oid = $1
"""

_OPERATOR: LiteralString = """
select
    oprname,
    oprcom::bigint,
    oprcode::bigint
from pg_catalog.pg_operator
where oid = $1
"""

_ARRAY: LiteralString = "select typarray::bigint from pg_catalog.pg_type where oid = $1"

_NEVER_NULL_DOMAINS: LiteralString = """
with recursive refusing as (
    select oid
    from pg_catalog.pg_type
    where typtype = 'd' and typnotnull
    union
    select domain.oid
    from refusing
    join pg_catalog.pg_type as domain on domain.typbasetype = refusing.oid
    where domain.typtype = 'd'
)
select oid::text
from refusing
"""

_ROW_TYPE: LiteralString = """
with recursive layer as (
    select typbasetype, typtype, typname
    from pg_catalog.pg_type
    where oid = $1
    union all
    select base.typbasetype, base.typtype, base.typname
    from layer
    join pg_catalog.pg_type as base on base.oid = layer.typbasetype
)
select coalesce(pg_catalog.bool_or(typtype = 'c' or typname = 'record'), true)
from layer
"""

# functions with an oid from 10000 on are not PostgreSQL's own
_TYPES_CAST_BY_USERS: LiteralString = """
with recursive source as (
    select castsource as oid
    from pg_catalog.pg_cast
    where casttarget = 'pg_catalog.text'::pg_catalog.regtype and castfunc >= 10000
    union
    select domain.oid
    from source
    join pg_catalog.pg_type as domain on domain.typbasetype = source.oid
)
select oid::text
from source
"""

ASKING_BUILTINS: LiteralString = """
select
    'function',
    function.oid::bigint,
    function.proname::text,
    0::bigint,
    0::bigint,
    function.proisstrict,
    function.provolatile = 'v',
    function.proretset
from pg_catalog.pg_proc as function
where function.oid < 10000
union all
select
    'operator',
    operator.oid::bigint,
    operator.oprname::text,
    operator.oprcom::bigint,
    operator.oprcode::bigint,
    false,
    false,
    false
from pg_catalog.pg_operator as operator
where operator.oid < 10000
union all
select
    'type',
    type.oid::bigint,
    type.typname::text,
    type.typarray::bigint,
    0::bigint,
    type.typtype = 'c' or type.typname = 'record',
    false,
    false
from pg_catalog.pg_type as type
where type.oid < 10000
"""

# $1 has relations, $2 the name of a function, whose body names more, and views name more; without
# those of $3. They are kept in a setting for the queries that follow in the round trip
_NAMING: LiteralString = """
with recursive named as (
    (
        select relation.oid
        from pg_catalog.unnest($1::oid[]) as relation (oid)
        union
        select found.number[1]::oid
        from pg_catalog.pg_proc as function
        cross join lateral pg_catalog.regexp_matches(
            function.prosqlbody::text, ':relid ([0-9]+) ', 'g'
        ) as found (number)
        where function.proname = $2
    )
    union
    select depend.refobjid
    from named
    join pg_catalog.pg_rewrite as rule on rule.ev_class = named.oid
    join pg_catalog.pg_depend as depend
        on depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        and depend.objid = rule.oid
    where depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
)
select
    pg_catalog.set_config(
        'dbkit.named',
        coalesce(pg_catalog.array_agg(named.oid)::text, '{}'),
        true
    )
from named
where named.oid <> 0 and named.oid <> all($3::oid[])
"""

# the functions, and those of the operators, that the body of a function and the views call
_CALLED: LiteralString = """
with naming as (
    select
        'pg_catalog.pg_proc'::pg_catalog.regclass as class,
        function.oid
    from pg_catalog.pg_proc as function
    where function.proname = $1
    union all
    select
        'pg_catalog.pg_rewrite'::pg_catalog.regclass,
        rule.oid
    from pg_catalog.pg_rewrite as rule
    where rule.ev_class = any(pg_catalog.current_setting('dbkit.named')::oid[])
),
called as (
    select coalesce(operator.oprcode::oid, depend.refobjid) as oid
    from naming
    join pg_catalog.pg_depend as depend
        on depend.classid = naming.class and depend.objid = naming.oid
    left join pg_catalog.pg_operator as operator
        on operator.oid = depend.refobjid
        and depend.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
    where
        depend.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        or operator.oid is not null
)
select
    function.oid::text,
    function.proname::text,
    function.proisstrict,
    function.provolatile = 'v',
    function.proretset
from pg_catalog.pg_proc as function
where function.oid in (select oid from called)
"""

_ABOUT_ALL: LiteralString = """
select
    named.oid::bigint,
    found.*
from pg_catalog.unnest(pg_catalog.current_setting('dbkit.named')::oid[]) as named (oid)
cross join lateral (about) as found
"""

_VIEWS: LiteralString = """
select
    ev_class::text,
    ev_action::text
from pg_catalog.pg_rewrite
where
    ev_class = any(pg_catalog.current_setting('dbkit.named')::oid[])
    and ev_type = '1'
    and is_instead
"""

_RELATIONS: LiteralString = """
select
    relation.oid::text,
    relation.relname::text,
    relation.relkind::text,
    relation.reltype,
    exists (
        select from pg_catalog.pg_inherits where inhparent = relation.oid
    ),
    -- bits of tgtype: row 1, before 2, insert 4, delete 8, update 16, instead of 64
    pg_catalog.concat_ws(
        ' ',
        case when pg_catalog.bool_or(fires.type & 4 <> 0) then 'insert' end,
        case when pg_catalog.bool_or(fires.type & 8 <> 0) then 'delete' end,
        case when pg_catalog.bool_or(fires.type & 16 <> 0) then 'update' end
    ),
    exists (
        select
        from pg_catalog.pg_rewrite
        where ev_class = relation.oid and ev_type <> '1'
    )
from pg_catalog.pg_class as relation
left join lateral (
    with recursive family as (
        select relation.oid
        union
        select inhrelid
        from family
        join pg_catalog.pg_inherits on inhparent = family.oid
    )
    select tgtype::integer as type
    from family
    join pg_catalog.pg_trigger on tgrelid = family.oid
    where not tgisinternal and tgtype & 1 <> 0 and tgtype & (2 | 64) <> 0
    union all
    -- triggers that the other server of a foreign table may have: insert, delete, update
    select 4 | 8 | 16
    from family
    join pg_catalog.pg_class as member on member.oid = family.oid
    where member.relkind = 'f'
) as fires on true
where
    relation.oid = any(pg_catalog.current_setting('dbkit.named')::oid[])
group by relation.oid, relation.relname, relation.relkind, relation.reltype
"""

# before 18 a child table may drop not null; since 18 not null may be not valid or not inherited
_ATTRIBUTES: LiteralString = """
select
    attribute.attrelid::text,
    attribute.attnum,
    attribute.attname::text,
    attribute.atttypid::text,
    attribute.attnotnull,
    attribute.attnotnull and not exists (
        select
        from pg_catalog.unnest(inheriting.members) as family (oid)
        join pg_catalog.pg_class as child on child.oid = family.oid
        left join pg_catalog.pg_attribute as member
            on member.attrelid = family.oid and member.attname = attribute.attname
        where
            member.attnotnull is not true
            or child.relkind = 'f'
            or exists (
                select
                from pg_catalog.pg_constraint as declared
                where
                    declared.conrelid = family.oid
                    and declared.contype = 'n'
                    and member.attnum = any(declared.conkey)
                    and not declared.convalidated
            )
    )
from pg_catalog.unnest(pg_catalog.current_setting('dbkit.named')::oid[]) as named (oid)
cross join lateral (
    with recursive family as (
        select named.oid
        union
        select inhrelid
        from family
        join pg_catalog.pg_inherits on inhparent = family.oid
    )
    select pg_catalog.array_agg(family.oid) as members
    from family
) as inheriting
join pg_catalog.pg_attribute as attribute on attribute.attrelid = named.oid
where
    attribute.attnum > 0
    and not attribute.attisdropped
order by attribute.attrelid, attribute.attnum
"""

# strategy 3 of a btree is the operator =
_INDEXES: LiteralString = """
select
    index.indrelid::text,
    pg_catalog.array_to_string((index.indkey::int2[])[0:index.indnkeyatts - 1], ','),
    pg_catalog.array_to_string((index.indcollation::oid[])[0:index.indnkeyatts - 1], ','),
    coalesce(index.indexprs::text, ''),
    coalesce(index.indpred::text, ''),
    (
        select
            pg_catalog.string_agg(
                (
                    select coalesce(pg_catalog.string_agg(amopopr::oid::text, ','), '')
                    from pg_catalog.pg_amop
                    where amopfamily = class.opcfamily and amopstrategy = 3
                ),
                ';' order by part.position
            )
        from pg_catalog.unnest(index.indclass::oid[]) with ordinality as part (oid, position)
        join pg_catalog.pg_opclass as class on class.oid = part.oid
    )
from pg_catalog.pg_index as index
join pg_catalog.pg_class as relation on relation.oid = index.indexrelid
where
    index.indrelid = any(pg_catalog.current_setting('dbkit.named')::oid[])
    and index.indisunique
    and index.indisvalid
    and index.indimmediate
    and not index.indisexclusion
    and relation.relam = (select oid from pg_catalog.pg_am where amname = 'btree')
order by index.indrelid, index.indnkeyatts, index.indexrelid
"""
