"""Random statements of every form on tables of two tenants; their conditions stand in any order."""

from collections.abc import Callable
from random import Random

SCHEMA = """
create table tenants (id integer primary key, name text not null);
create table items (
    id integer primary key,
    tenant_id integer not null references tenants (id),
    ref integer,
    amount integer not null,
    value text,
    document jsonb not null
);
create index items_ref on items (ref);
create index items_tenant on items (tenant_id);
alter table items add unique (tenant_id, id);
create table orders (
    id integer primary key,
    tenant_id integer not null references tenants (id),
    item_id integer not null,
    amount integer not null,
    value text,
    foreign key (tenant_id, item_id) references items (tenant_id, id) on delete cascade
);
create table lines (
    id integer primary key,
    item_id integer not null references items (id) on delete cascade,
    amount integer not null,
    value text
);
create table shared (
    id integer primary key,
    tenant_id integer references tenants (id),
    ref integer,
    value text
);
create table countries (id integer primary key, value text not null);
create view all_items as select id, tenant_id, ref, amount, value from items;
create view item_sums as
select tenant_id, ref as id, sum(amount) as amount, min(value) as value
from items
group by tenant_id, ref;
create view first_items as
select id, tenant_id, amount, value from items order by id desc limit 4;
create function count_all() returns bigint
language plpgsql stable as $$ begin return (select count(*) from items); end $$;
"""
TABLES = ("tenants", "items", "orders", "lines", "shared", "countries")

_COLUMNS = {
    "items": ("id", "ref", "amount"),
    "orders": ("id", "item_id", "amount"),
    "lines": ("id", "item_id", "amount"),
    "shared": ("id", "ref"),
    "countries": ("id",),
    "all_items": ("id", "ref", "amount"),
    "item_sums": ("id", "amount"),
    "first_items": ("id", "amount"),
}
_OF_A_TENANT = frozenset({"items", "orders", "shared", "all_items", "item_sums", "first_items"})
_JOINS = ("join", "join", "join", "left join", "left join", "right join", "full join")


class Generated:
    """One statement in the making; the same seed makes the same one."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)  # noqa: S311 - statements, not secrets
        self._count = 0
        # how often a table is bound: a statement that binds each is what the proof is about
        self._care = self._chance.choice([0.6, 0.9, 0.97, 1.0, 1.0])

    def statement(self) -> str:
        """Make a statement."""
        forms: list[Callable[[], str]] = [
            self._query, self._query, self._query, self._query, self._set_operation, self._with,
            self._recursive, self._update, self._delete, self._insert, self._conflict,
            self._merge, self._changed,
        ]  # fmt: skip
        return self._one_of(forms)()

    def _one_of(self, choices: list[Callable[[], str]]) -> Callable[[], str]:
        return self._chance.choice(choices)

    def _happens(self, probability: float) -> bool:
        return self._chance.random() < probability

    def _alias(self) -> str:
        self._count += 1
        return f"x{self._count}"

    # queries

    def _query(self) -> str:
        source, seen = self._source(self._chance.randrange(1, 4), [])
        where = self._where(seen)
        alias, table = self._chance.choice(seen)
        column = f"{alias}.{self._chance.choice(_COLUMNS[table])}"
        match self._chance.randrange(6):
            case 0:
                return (
                    f"select {column} as n, count(*) as m, max({self._text(seen)}) from {source} "
                    f"where {where} group by {column} having {self._having(column, seen)}"
                )
            case 1:
                aggregate = self._chance.choice(
                    [
                        "count(*)",
                        f"sum({column})",
                        f"array_agg({column} order by {column})",
                        f"count(*) filter (where {self._condition(seen)})",
                        f"min({self._number(seen)})",
                    ]
                )
                return f"select {aggregate} as n from {source} where {where}"
            case 2:
                number = self._number(seen)
                return f"select distinct {column} as n, {number} from {source} where {where}"
            case 3:
                window = f"sum({column}) over (partition by {alias}.id)"
                return f"select {column} as n, {window} from {source} where {where}"
            case _:
                end = f" order by {self._number(seen)}, 1" if self._happens(0.2) else ""
                return (
                    f"select {column} as n, {self._number(seen)} from {source} where {where}{end}"
                )

    def _rows(self) -> str:
        """Make a query of a tenant and two numbers, for others to read."""
        table = self._chance.choice(sorted(_OF_A_TENANT))
        alias = self._alias()
        conditions = self._bindings([(alias, table)]) if self._happens(0.6) else []
        if self._happens(0.4):
            conditions.append(self._condition([(alias, table)]))
        where = " and ".join(self._shuffled(conditions)) or "true"
        columns = _COLUMNS[table]
        number = f"{alias}.{self._chance.choice(columns)}"
        if self._happens(0.2):
            number = self._number([(alias, table)])
        text = f"select {alias}.tenant_id, {alias}.id, {number} as amount, {alias}.value"
        text += f" from {table} as {alias} where {where}"
        match self._chance.randrange(8):
            case 0:
                text += f" order by {alias}.id limit {self._chance.choice([1, 3])}"
            case 1:
                text += f" order by {alias}.id offset 1"
            case 2:
                text = text.replace("select ", "select distinct ", 1)
            case 3:
                other = self._chance.choice(["items", "orders", "shared"])
                second = self._alias()
                mine = " and ".join(self._bindings([(second, other)])) or "true"
                words = self._chance.choice(["union", "union all", "except", "intersect"])
                text += f" {words} select {second}.tenant_id, {second}.id, 1, {second}.value"
                text += f" from {other} as {second} where {mine}"
            case _:
                pass
        return text

    def _set_operation(self) -> str:
        words = self._chance.choice(["union", "union all", "except", "intersect", "except all"])
        arms: list[str] = []
        for _ in range(2):
            source, seen = self._source(self._chance.randrange(1, 3), [])
            alias, table = self._chance.choice(seen)
            column = f"{alias}.{self._chance.choice(_COLUMNS[table])}"
            arms.append(f"select {column} as n from {source} where {self._where(seen)}")
        return f"({arms[0]}) {words} ({arms[1]})"

    def _with(self) -> str:
        words = self._chance.choice(["", "materialized ", "not materialized "])
        name = self._alias()
        seen = [(name, "all_items")]
        again = f", {self._lateral(seen)} as z" if self._happens(0.3) else ""
        inner = self._rows().replace("select ", "select ", 1)
        return (
            f"with {name} (tenant_id, id, amount, value) as {words}({inner}) "
            f"select {name}.id, {name}.amount, {self._number([(name, 'first_items')])} "
            f"from {name}{again} where {self._where([(name, 'first_items')])}"
        )

    def _recursive(self) -> str:
        step = self._alias()
        mine = self._chance.choice(
            ["i.tenant_id = t.tenant_id", "i.tenant_id = :tenant_id", "i.amount = 2"]
        )
        first = " and ".join(self._bindings([("b", "items")])) or "true"
        return (
            "with recursive t (id, tenant_id, n) as ("
            f"select b.id, b.tenant_id, 1 from items as b where {first} "
            f"union select i.id, i.tenant_id, t.n + 1 from items as i join t on i.ref = t.id "
            f"where {mine} and t.n < 4) "
            f"select t.id, t.n, {step}.id from t left join lines as {step} on {step}.item_id = t.id"
        )

    # sources

    def _source(
        self, size: int, before: list[tuple[str, str]]
    ) -> tuple[str, list[tuple[str, str]]]:
        text, seen = self._relation(before)
        for _ in range(size - 1):
            right, added = self._relation([*before, *seen])
            join = self._chance.choice(_JOINS)
            if "lateral" in right:
                join = self._chance.choice(["join", "left join"])
            on = [self._link(seen, added)]
            if join != "join" or self._happens(0.3):
                on += self._bindings(added)
            if self._happens(0.2):
                on.append(self._condition(added))
            text = f"{text} {join} {right} on {' and '.join(self._shuffled(on))}"
            seen = [*seen, *added]
        return text, seen

    def _relation(self, before: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
        alias = self._alias()
        kind = self._chance.random()
        if kind < 0.12:
            return f"({self._rows()}) as {alias} (tenant_id, id, amount, value)", [
                (alias, "first_items")
            ]
        if kind < 0.2 and before:
            return f"{self._lateral(before)} as {alias} (tenant_id, id, amount, value)", [
                (alias, "first_items")
            ]
        if kind < 0.23 and any(table == "items" for _, table in before):
            item = next(name for name, table in before if table == "items")
            elements = f"jsonb_array_elements({item}.document -> 'list') as e (value)"
            columns = "e.value::integer as id, e.value::text as value"
            return f"lateral (select {columns} from {elements}) as {alias}", [(alias, "countries")]
        table = self._chance.choice(
            ["items", "items", "items", "orders", "orders", "lines", "lines", "shared", *_COLUMNS]
        )
        return f"{table} as {alias}", [(alias, table)]

    def _lateral(self, before: list[tuple[str, str]]) -> str:
        outer, table = self._chance.choice(before)
        alias = self._alias()
        conditions = [f"{alias}.ref = {outer}.id"]
        if table in _OF_A_TENANT and self._happens(0.6):
            conditions.append(f"{alias}.tenant_id = {outer}.tenant_id")
        elif self._happens(self._care):
            conditions.append(f"{alias}.tenant_id = :tenant_id")
        if self._happens(0.3):
            conditions.append(self._condition([(alias, "items")]))
        end = f" order by {alias}.id limit 1" if self._happens(0.5) else ""
        number = self._number([(alias, "items")])
        return (
            f"lateral (select {alias}.tenant_id, {alias}.id, {number}, {alias}.value from items "
            f"as {alias} where {' and '.join(self._shuffled(conditions))}{end})"
        )

    def _link(self, seen: list[tuple[str, str]], added: list[tuple[str, str]]) -> str:
        alias, table = self._chance.choice(added)
        other, second = self._chance.choice(seen)
        if table == "lines" and second == "items":
            return f"{alias}.item_id = {other}.id"
        if second == "lines" and table == "items":
            return f"{other}.item_id = {alias}.id"
        if table in _OF_A_TENANT and second in _OF_A_TENANT and self._happens(0.5):
            return f"{alias}.tenant_id = {other}.tenant_id"
        column = self._chance.choice(_COLUMNS[table])
        return f"{alias}.{column} = {other}.{self._chance.choice(_COLUMNS[second])}"

    # conditions

    def _shuffled(self, conditions: list[str]) -> list[str]:
        return self._chance.sample(conditions, len(conditions))

    def _where(self, seen: list[tuple[str, str]]) -> str:
        conditions = self._bindings(seen)
        conditions += [self._condition(seen) for _ in range(self._chance.choice([0, 0, 1, 1, 2]))]
        words = " or " if self._happens(0.05) else " and "
        return words.join(self._shuffled(conditions)) or "true"

    def _bindings(self, seen: list[tuple[str, str]]) -> list[str]:
        """Bind the tables, each perhaps, and most of them as it should be."""
        bound: list[str] = []
        for alias, table in seen:
            if not self._happens(self._care):
                continue
            if table == "lines":
                owned = f"from items as o where o.id = {alias}.item_id and o.tenant_id = :tenant_id"
                keys = "select id from items where tenant_id = :tenant_id"
                bound.append(
                    self._chance.choice(
                        [f"{alias}.item_id in ({keys})", f"exists (select {owned})"]
                    )
                )
            elif table in _OF_A_TENANT:
                bound.append(self._binding(alias, table))
        return bound

    def _binding(self, alias: str, table: str) -> str:
        own = f"{alias}.tenant_id = :tenant_id"
        if self._happens(0.85):
            return own
        return self._chance.choice(
            [
                f"({own} or {alias}.tenant_id is null)",
                f"{alias}.tenant_id = (select id from tenants where id = :tenant_id)",
                f"{alias}.tenant_id in (select tenant_id from items where tenant_id = :tenant_id)",
                f"({own} or ({own} and {alias}.id = 1))",
                f"{alias}.tenant_id is not distinct from :tenant_id",
                f"not ({alias}.tenant_id <> :tenant_id)",
                f"coalesce({alias}.tenant_id, :tenant_id) = :tenant_id",
                f"{alias}.tenant_id = any(array[:tenant_id::integer, 2])",
                f"({own} or {alias}.id in (select max(id) from {table}))",
                f"{alias}.tenant_id between :tenant_id and :tenant_id + 1",
                f"case when {alias}.id > 0 then {own} end",
            ]
        )

    def _having(self, column: str, seen: list[tuple[str, str]]) -> str:
        return self._chance.choice(
            ["true", "count(*) > 0", f"{column} > 1", f"max({column}) > 1", self._condition(seen)]
            if len(seen) == 1 and column.endswith(".id")
            else ["true", "count(*) > 0", f"{column} > 1", f"max({column}) > 1"]
        )

    def _condition(self, seen: list[tuple[str, str]]) -> str:
        alias, table = self._chance.choice(seen)
        column = f"{alias}.{self._chance.choice(_COLUMNS[table])}"
        value = f"{alias}.value"
        inner = self._alias()
        mine = f"{inner}.tenant_id = :tenant_id"
        if table in _OF_A_TENANT and self._happens(0.4):
            mine = f"{inner}.tenant_id = {alias}.tenant_id"
        items, orders = f"items as {inner} where {mine}", f"orders as {inner} where {mine}"
        safe = [
            f"{column} > 1",
            f"{value} = '7'",
            f"{value} is not null",
            f"lower({value}) <> 'z'",
            f"{value} like '%7%'",
            f"{column} in (1, 2, 3, 501)",
            f"{column} = any(array[1, 2, 502])",
            f"exists (select from {items} and {inner}.ref = {column})",
            f"not exists (select from {orders} and {inner}.amount = {column})",
            f"{column} in (select {inner}.ref from {items})",
            f"{column} <> all(select {inner}.amount from {orders})",
            f"{column} < (select max({inner}.id) from {items})",
            f"({column} > 2 or {value} = '7')",
        ]
        telling = [
            f"{value}::integer > 2",
            f"10 / {column} > 1",
            f"{column} + 2147483000 > 1",
            f"'7' ~ {value}",
            f"{value} like '7\\'",
            f"{column} = {value}::integer",
            f"coalesce({value}::integer, 0) < 9",
            f"{column} in (select {inner}.value::integer from {items})",
            f"exists (select from {items} and {inner}.value::integer = {column})",
            f"{value} = (select {inner}.value from {items} and {inner}.ref = 2)",
            f"case when {column} = 501 then 1 / :zero::integer end is null",
        ]
        if table in _OF_A_TENANT:
            telling.append(
                f"case when {alias}.tenant_id = :tenant_id then {value}::integer > 2 end"
            )
        # what reads more than the tree shows
        opaque = [
            "count_all() > 6",
            "length(query_to_xml('select id from items', true, true, '')::text) > 700",
            "(select count(*) from pg_largeobject) > 0",
            "length(lo_get(4711)) > 0",
        ]
        kind = self._chance.random()
        return self._chance.choice(safe if kind < 0.72 else telling if kind < 0.96 else opaque)

    def _number(self, seen: list[tuple[str, str]]) -> str:
        alias, table = self._chance.choice(seen)
        column = f"{alias}.{self._chance.choice(_COLUMNS[table])}"
        inner = self._alias()
        mine = f"{inner}.tenant_id = :tenant_id"
        if table in _OF_A_TENANT and self._happens(0.5):
            mine = f"{inner}.tenant_id = {alias}.tenant_id"
        return self._chance.choice(
            [
                column,
                column,
                f"10 / {column}",
                f"{alias}.value::integer",
                f"(select count(*) from items as {inner} where {mine} and {inner}.ref = {column})",
                f"(select sum({inner}.value::integer) from items as {inner} where {mine})",
                f"(select {inner}.amount from orders as {inner} where {mine} order by 1 limit 1)",
                f"(select count(*) from lines as {inner} where {inner}.item_id = {column})",
            ]
        )

    def _text(self, seen: list[tuple[str, str]]) -> str:
        alias, _ = self._chance.choice(seen)
        return f"{alias}.value"

    # what is written

    def _update(self) -> str:
        table = self._chance.choice(["items", "orders", "lines"])
        seen = target = [("t", table)]
        source = ""
        if self._happens(0.5):
            source, added = self._source(self._chance.randrange(1, 3), [])
            source, seen = f" from {source}", [*seen, *added]
        # which of several rows of the source counts is left open, so no value is taken from it
        assigned = self._chance.choice(
            [
                f"amount = {self._number(target)}",
                "value = '8'",
                "value = lower(t.value)",
                "amount = t.amount + 1",
                "amount = default" if self._happens(0.1) else "value = null",
            ]
        )
        returning = self._chance.choice(
            ["", " returning t.id", f" returning {self._number(target)}"]
        )
        return f"update {table} as t set {assigned}{source} where {self._where(seen)}{returning}"

    def _delete(self) -> str:
        table = self._chance.choice(["items", "orders", "lines", "shared"])
        seen = [("t", table)]
        source = ""
        if self._happens(0.4):
            source, added = self._source(1, [])
            source, seen = f" using {source}", [*seen, *added]
        returning = self._chance.choice(["", " returning t.id, t.value"])
        return f"delete from {table} as t{source} where {self._where(seen)}{returning}"

    def _insert(self) -> str:
        source, seen = self._source(self._chance.randrange(1, 3), [])
        where = self._where(seen)
        alias, table = self._chance.choice(seen)
        number = self._number(seen)
        items = [name for name, kind in seen if kind == "items"]
        if items and self._happens(0.4):
            return (
                f"insert into lines (id, item_id, amount, value) select 9000 + {alias}.id, "
                f"{items[0]}.id, 1, 'n' from {source} where {where} returning item_id"
            )
        tenant = f"{alias}.tenant_id" if table in _OF_A_TENANT else ":tenant_id"
        tenant = self._chance.choice([tenant, ":tenant_id"])
        return (
            "insert into items (id, tenant_id, ref, amount, value, document) "
            f"select 9000 + {alias}.id, {tenant}, {number}, 1, '1', '{{}}' from {source} "
            f"where {where} returning ref"
        )

    def _conflict(self) -> str:
        key = self._chance.choice(["(id)", "(id)", "(tenant_id, id)"])
        number = self._chance.choice([1, 3, 9001])
        guard = self._chance.choice(
            [
                "",
                " where items.tenant_id = excluded.tenant_id",
                " where items.tenant_id = :tenant_id",
                " where items.value::integer > 1 and items.tenant_id = :tenant_id",
                " where excluded.tenant_id = :tenant_id",
            ]
        )
        assigned = self._chance.choice(
            ["value = '9'", "amount = items.amount + excluded.amount", "value = excluded.value"]
        )
        return (
            "insert into items (id, tenant_id, ref, amount, value, document) "
            f"values ({number}, :tenant_id, 1, 1, '1', '{{}}') on conflict {key} "
            f"do update set {assigned}{guard} returning id, value"
        )

    def _merge(self) -> str:
        on = ["t.id = s.id"]
        if self._happens(self._care):
            on.append(
                self._chance.choice(["t.tenant_id = :tenant_id", "t.tenant_id = s.tenant_id"])
            )
        if self._happens(0.2):
            on.append(self._condition([("t", "items")]))
        matched = self._chance.choice(
            [
                "when matched then update set value = s.value",
                "when matched then delete",
                "when matched and t.amount > 1 then update set amount = s.amount",
                "when matched and t.value::integer > 2 then delete",
                "",
            ]
        )
        into = "when not matched then insert (id, tenant_id, ref, amount, value, document)"
        inserted = self._chance.choice(
            [
                "",
                f"{into} values (9000 + s.id, :tenant_id, 1, 1, s.value, '{{}}')",
                f"{into} values (9000 + s.id, s.tenant_id, 1, 1, s.value, '{{}}')",
            ]
        )
        if not matched and not inserted:
            matched = "when matched then do nothing"
        return (
            f"merge into items as t using ({self._rows()}) as s (tenant_id, id, amount, value) "
            f"on {' and '.join(self._shuffled(on))} {matched} {inserted}"
        )

    def _changed(self) -> str:
        """Make a query of what another part of the statement changes."""
        change = self._one_of([self._update, self._delete])()
        change = change.split(" returning ")[0] + " returning t.id, t.amount"
        source, seen = self._source(1, [])
        return (
            f"with c as ({change}) select c.id, c.amount, {self._number(seen)} from c "
            f"left join {source} on {' and '.join(['true', *self._bindings(seen)])}"
        )
