"""Statements made by chance on the relations of a world."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.analysis.fuzzing.worlds import ARRAY, INTEGER, TEXT, Relation, World

_JOINS = ("join", "join", "left join", "left join", "right join", "full join")
_PARAMETER = re.compile(r"\$\?::(integer|text)")
_LATERAL_JOINS = ("cross join lateral", "join lateral", "left join lateral", "left join lateral")


@dataclass(frozen=True, slots=True)
class Source:
    """A relation of a query, by its alias."""

    alias: str
    columns: dict[str, str]
    keys: tuple[tuple[str, ...], ...] = ()

    def terms(self, type_: str) -> list[str]:
        """Return the columns of a type."""
        return [f"{self.alias}.{name}" for name, own in self.columns.items() if own == type_]


@dataclass
class Writer:
    """One statement: what it has so far, and how deep it may still grow."""

    world: World
    depth: int = 3
    names: int = 0
    # the types of $1, $2 and so on
    parameters: list[str] = field(default_factory=list[str])
    # the `with` queries that can be read
    ctes: list[Relation] = field(default_factory=list[Relation])

    def pick(self, *choices: str) -> str:
        return self.world.chance.choice(choices)

    def odds(self, share: float) -> bool:
        return self.world.odds(share)

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def deeper(self, write: Callable[[], str], otherwise: str) -> str:
        """Write something that may grow, if the statement is not yet deep."""
        if self.depth <= 0:
            return otherwise
        self.depth -= 1
        try:
            return write()
        finally:
            self.depth += 1

    # ------------------------------------------------------------------ values

    def constant(self, type_: str) -> str:
        if type_ == TEXT:
            return self.pick("'a'", "'b'", "''")
        return self.pick("0", "1", "1", "2") if type_ == INTEGER else "(array[1])"

    def parameter(self, type_: str) -> str:
        # numbered at the end, because not all that is written stays
        return f"$?::{type_}"

    def column(self, sources: list[Source], type_: str) -> str:
        terms = [term for source in sources for term in source.terms(type_)]
        return self.pick(*terms) if terms else f"{self.constant(type_)}::{type_}"

    def value(self, sources: list[Source], type_: str) -> str:
        """Write a value of a type."""
        kind = self.world.chance.random()
        if kind < 0.45 or type_ == ARRAY:
            return self.column(sources, type_)
        if kind < 0.6:
            return f"{self.constant(type_)}::{type_}"
        if kind < 0.65:
            return self.parameter(type_)
        return self.deeper(lambda: self._compound(sources, type_), self.column(sources, type_))

    def _compound(self, sources: list[Source], type_: str) -> str:
        one, two = self.value(sources, type_), self.value(sources, type_)
        kind = self.world.chance.random()
        if kind < 0.12:
            return self.scalar(sources, type_)
        if kind < 0.35:
            condition = self.condition(sources)
            return self.pick(
                f"case when {condition} then {one} else {two} end",
                f"case when {condition} then {one} end",
            )
        if kind < 0.6:
            return self.pick(
                f"coalesce({one}, {two})", f"coalesce({one}, {self.constant(type_)})",
                f"nullif({one}, {two})", f"greatest({one}, {two})",
                f"case {one} when {two} then {one} else {two} end",
            )  # fmt: skip
        if type_ == INTEGER:
            array = self.column(sources, ARRAY)
            return self.pick(
                f"abs({one})", f"({one} + {two})", f"next_of({one}::integer)", f"same({one}::integer)",
                f"hollow({one}::integer)", f"({one})::small::integer", f"({one})::bigint::integer",
                f"length({one}::text)", "rolled()", f"rolled_of({one}::integer)",
                f"({one})::smaller", f"({array})[1]", f"cardinality({array})",
            )  # fmt: skip
        return self.pick(
            f"lower({one})", f"({one} || {two})", f"({one})::varchar", f"({one})::varchar(1)",
            f"concat({one}, {two})", f"substring({one} from 'a')", f'({one} collate "C")',
        )  # fmt: skip

    def scalar(self, sources: list[Source], type_: str) -> str:
        text, inner = self.source([])
        value = self.column([inner], type_)
        where = self.where([inner], sources)
        if type_ != ARRAY and self.odds(0.6):
            return f"(select {self.pick('max', 'min')}({value}) from {text}{where})"
        limit = self.pick(
            "", " limit 1", " limit no_rows(1)", " limit page(1)", " limit all", " offset 0"
        )
        inside = self.pick(value, value, "1" if type_ == INTEGER else "'x'")
        whence = "" if self.odds(0.3) and "." not in inside else f" from {text}{where}"
        return f"(select {inside}{whence}{limit})"

    # ------------------------------------------------------------------ conditions

    def where(self, own: list[Source], outer: list[Source], share: float = 0.8) -> str:
        if not own or not self.odds(share):
            return ""
        return f" where {self.conditions(own, outer)}"

    def conditions(self, own: list[Source], outer: list[Source]) -> str:
        parts = [
            self.keyed(source, [*own, *outer]) for source in own if source.keys and self.odds(0.65)
        ]
        if not parts or self.odds(0.25):
            parts.append(self.condition([*own, *outer]))
        return " and ".join(parts)

    def keyed(self, source: Source, sources: list[Source]) -> str:
        """Write that all columns of a key have a value."""
        key = self.world.chance.choice(source.keys)
        parts: list[str] = []
        for column in key:
            type_ = source.columns[column]
            others = [other for other in sources if other is not source]
            value = (
                self.value(others, type_)
                if others and self.odds(0.55)
                else self.pick(self.constant(type_), self.constant(type_), self.parameter(type_))
            )
            term = f"{source.alias}.{column}"
            if type_ == TEXT and self.odds(0.25):
                term, value = f"lower({term})", f"lower({value})"
            elif type_ == INTEGER and self.odds(0.1):
                term = self.pick(
                    f"coalesce({term}, 0)", f"next_of({term}::integer)", f"({term} + 0)"
                )
            parts.append(f"{term} = {value}" if self.odds(0.7) else f"{value} = {term}")
            if self.odds(0.1):
                parts.append(f"{source.alias}.{self.pick(*source.columns)} is not null")
        return " and ".join(parts)

    def condition(self, sources: list[Source]) -> str:
        type_ = self.pick(INTEGER, INTEGER, TEXT)
        one, two = self.column(sources, type_), self.value(sources, type_)
        simple = self.pick(
            f"{one} = {two}", f"{one} > {two}", f"{one} is not null", f"{two} is null",
            f"{one} in ({self.constant(type_)}, {two})", f"{one} is distinct from {two}",
            f"{one} not in ({self.constant(type_)}, {two})", f"{one} = any (array[{two}])",
            "random() < 0.5", f"{one} is not distinct from {two}", f"{one} = all ('{{}}')",
        )  # fmt: skip
        return self.deeper(lambda: self._compound_condition(sources, simple), simple)

    def _compound_condition(self, sources: list[Source], simple: str) -> str:
        kind = self.world.chance.random()
        if kind < 0.4:
            return simple
        other = self.condition(sources)
        if kind < 0.8:
            test = self.pick("true", "not true", "false", "not false", "unknown", "not unknown")
            return self.pick(
                f"({simple} or {other})", f"({simple} and {other})", f"not ({simple})",
                f"({simple}) is {test}",
            )  # fmt: skip
        text, inner = self.source([])
        where = self.where([inner], sources)
        if kind < 0.9:
            return f"{self.pick('', 'not ')}exists (select from {text}{where})"
        type_ = self.pick(INTEGER, TEXT)
        operator = self.pick("in", "not in", "= all", "> any")
        left = self.column(sources, type_)
        return f"{left} {operator} (select {self.column([inner], type_)} from {text}{where})"

    # ------------------------------------------------------------------ relations

    def source(self, outer: list[Source]) -> tuple[str, Source]:
        """Write one relation that does not refer to others of its query."""
        kind, name = self.world.chance.random(), self.name()
        if self.ctes and kind < 0.25:
            relation = self.world.chance.choice(self.ctes)
            return f"{relation.name} as {name}", Source(name, relation.columns, relation.keys)
        if kind < 0.7 or self.depth <= 0:
            relation = self.world.chance.choice(self.world.relations)
            sample = ""
            if relation.name in {"d", "p", "h", "m"} and self.odds(0.04):
                sample = " tablesample bernoulli (60)"
            source = Source(name, relation.columns, relation.keys)
            return f"{relation.name} as {name}{sample}", source
        if kind < 0.85:
            text, columns = self.query(outer)
            return f"({text}) as {name}", _source_of(name, columns)
        if kind < 0.93:
            rows = [
                f"({self.value([], INTEGER)}::integer, {self.value([], TEXT)}::text)"
                for _ in range(self.world.chance.choice((1, 1, 2)))
            ]
            columns = {"x": INTEGER, "y": TEXT}
            return f"(values {', '.join(rows)}) as {name} (x, y)", _source_of(name, columns)
        return self.call(name, [])

    def call(self, name: str, sources: list[Source]) -> tuple[str, Source]:
        """Write a function in `from`."""
        argument = f"({self.value(sources, INTEGER)})::integer"
        choices: list[tuple[str, dict[str, str]]] = [
            (f"abs({argument}) as {name} (x)", {"x": INTEGER}),
            (f"next_of({argument}) with ordinality as {name} (x, z)", {"x": INTEGER}),
            (f"several({argument}) as {name} (x)", {"x": INTEGER}),
            (f"generate_series(1, {argument}) as {name} (x)", {"x": INTEGER}),
            (f"pairs({argument}) as {name} (x, y)", {"x": INTEGER, "y": TEXT}),
            (f"pair({argument}) as {name} (x, y)", {"x": INTEGER, "y": TEXT}),
            (f"rolled_of({argument}) as {name} (x)", {"x": INTEGER}),
            (
                f"rows from (abs({argument}), several(1)) as {name} (x, z)",
                {"x": INTEGER, "z": INTEGER},
            ),
            (
                f"rows from (abs({argument}), next_of(1)) as {name} (x, z)",
                {"x": INTEGER, "z": INTEGER},
            ),
            (f"unnest(array[{argument}, 2]) with ordinality as {name} (x, o)", {"x": INTEGER}),
            (
                f"unnest(array[{argument}], array['a', null]) as {name} (x, y)",
                {"x": INTEGER, "y": TEXT},
            ),
            (
                f"jsonb_to_record(jsonb_build_object('x', {argument})) as {name} (x integer, y text)",
                {"x": INTEGER, "y": TEXT},
            ),
        ]
        text, columns = self.world.chance.choice(choices)
        return text, _source_of(name, columns)

    def lateral(self, sources: list[Source]) -> tuple[str, Source]:
        """Write a relation that refers to those beside it."""
        name, kind = self.name(), self.world.chance.random()
        if kind < 0.3:
            return self.call(name, sources)
        if kind < 0.45:
            row = f"{self.value(sources, INTEGER)}::integer, {self.value(sources, TEXT)}::text"
            more = "" if self.odds(0.7) else f", ({self.column(sources, INTEGER)}, 'a')"
            return f"(values ({row}){more}) as {name} (x, y)", _source_of(
                name, {"x": INTEGER, "y": TEXT}
            )
        if self.depth <= 0:
            return f"(select {self.column(sources, INTEGER)} as x) as {name}", _source_of(
                name, {"x": INTEGER}
            )
        text, columns = self.query(sources)
        return f"({text}) as {name}", _source_of(name, columns)

    def sources(self, outer: list[Source]) -> tuple[str, list[Source]]:
        """Write what stands after `from`."""
        text, first = self.source(outer)
        everything = nearby = [first]
        for _ in range(self.world.chance.choice((0, 0, 1, 1, 2))):
            if self.odds(0.35):
                kind = self.pick(*_LATERAL_JOINS)
                added, source = self.lateral(everything)
                both = [*nearby, source]
                on = "" if "cross" in kind else f" on {self.join_condition(both, source)}"
                text = f"{text} {kind} {added}{on}"
            elif self.odds(0.2):
                added, source = self.source(outer)
                text, both = f"{text}, {added}", [source]
            else:
                kind = self.pick(*_JOINS)
                added, source = self.source(outer)
                both = [*nearby, source]
                if kind == "full join":
                    on = f"{self.column(nearby, INTEGER)} = {self.column([source], INTEGER)}"
                else:
                    on = self.join_condition(both, source)
                text = f"{text} {kind} {added} on {on}"
            everything, nearby = [*everything, source], both
        return text, everything

    def join_condition(self, sources: list[Source], source: Source) -> str:
        if self.odds(0.15):
            return "true"
        keyed = source.keys and self.odds(0.6)
        return self.keyed(source, sources) if keyed else self.condition(sources)

    # ------------------------------------------------------------------ queries

    def query(self, outer: list[Source]) -> tuple[str, dict[str, str]]:
        """Write a query whose columns have a name and a simple type."""
        self.depth -= 1
        try:
            if self.depth > 0 and self.odds(0.1):
                return self.combined(outer)
            text, own = self.sources(outer)
            where = self.where(own, outer)
            everything = [*own, *outer]
            if self.odds(0.15):
                return self.grouped(f"{text}{where}", everything)
            columns = {"c1": INTEGER, "c2": self.pick(INTEGER, TEXT)}
            values = [
                self.value(own if self.odds(0.6) else everything, t) for t in columns.values()
            ]
            shown = ", ".join(f"{v} as {n}" for n, v in zip(columns, values, strict=True))
            distinct = "distinct " if self.odds(0.08) else ""
            return f"select {distinct}{shown} from {text}{where}{self.tail('c1')}", columns
        finally:
            self.depth += 1

    def tail(self, key: str) -> str:
        """Write what bounds the number of rows."""
        order = f" order by {key}" if self.odds(0.3) else ""
        if self.odds(0.6):
            return order
        return self.pick(
            f"{order} limit 1", f"{order} limit 1", f"{order} limit 2", f"{order} limit 0",
            f"{order} limit all", f"{order} limit null", f"{order} limit page(1)",
            f"{order} limit no_rows(1)", f"{order} limit abs(1)", f"{order} limit (select 1)",
            f"{order} limit 1::smallint", f"{order} limit 1 + 0", f"{order} limit 0.6",
            f"{order} limit length('aa')", f"{order} limit '1'", f"{order} offset 0",
            f"{order} offset 1", f"{order} offset 0 limit 1", f" order by {key} fetch first row with ties",
            f"{order} fetch first row only", f"{order} fetch first (page(1)) rows only",
            f" order by {key} fetch first (1) rows with ties", f"{order} limit page(1::smallint)",
        )  # fmt: skip

    def combined(self, outer: list[Source]) -> tuple[str, dict[str, str]]:
        arms: list[str] = []
        for _ in range(2):
            text, own = self.sources(outer)
            everything = [*own, *outer]
            arms.append(
                f"(select {self.value(everything, INTEGER)} as c1, {self.value(everything, TEXT)} as c2"
                f" from {text}{self.where(own, outer)}{self.tail('1')})"
            )
        operator = self.pick("union", "union all", "intersect", "except", "except all")
        return f"{arms[0]} {operator} {arms[1]}{self.tail('1')}", {"c1": INTEGER, "c2": TEXT}

    def grouped(self, source: str, sources: list[Source]) -> tuple[str, dict[str, str]]:
        key, other = self.column(sources, INTEGER), self.column(sources, INTEGER)
        groups = self.pick(
            f" group by {key}", f" group by {key}, {other}", f" group by rollup ({key}, {other})",
            f" group by cube ({key})", f" group by grouping sets (({key}), ({other}), ())", "", "",
            f" group by {key}, grouping sets (({other}), ())",
        )  # fmt: skip
        value = self.value(sources, INTEGER)
        aggregate = self.pick(
            f"count({value})::integer", f"max({value})", f"sum({value})::integer",
            f"min({value}) filter (where {self.condition(sources)})", "count(*)::integer",
        )  # fmt: skip
        having = f" having {aggregate} {self.pick('> 0', 'is not null')}" if self.odds(0.2) else ""
        shown = key if groups else f"max({key})"
        shown = self.pick(shown, shown, f"coalesce({shown}, 0)")
        text = f"select {shown} as c1, {aggregate} as c2 from {source}{groups}{having}"
        return f"{text}{self.tail('1')}", {"c1": INTEGER, "c2": INTEGER}

    # ------------------------------------------------------------------ statements

    def statement(self) -> str:
        """Write a whole statement, with its parameters numbered."""
        return _PARAMETER.sub(self._numbered, self._statement())

    def _numbered(self, match: re.Match[str]) -> str:
        self.parameters.append(match[1])
        return f"${len(self.parameters)}::{match[1]}"

    def _statement(self) -> str:
        prefix = self.with_queries() if self.odds(0.25) else ""
        kind = self.world.chance.random()
        if kind < 0.3:
            return prefix + self.query([])[0]
        if kind < 0.5:
            return prefix + self.shown()
        if kind < 0.75:
            return prefix + self.chained()
        return prefix + self.change()

    def with_queries(self) -> str:
        parts: list[str] = []
        for _ in range(self.world.chance.choice((1, 1, 2))):
            name = self.name()
            kind = self.world.chance.random()
            if kind < 0.35:
                text, columns = self.change(), {"r1": INTEGER, "r2": TEXT}
            elif kind < 0.45:
                step = self.pick("c1 + 1", "nullif(c1, 1) + 1", "abs(c1) + 1")
                text = f"select 1 as c1, 'a' as c2 union all select {step}, c2 from {name} where c1 < 3"
                columns = {"c1": INTEGER, "c2": TEXT}
                name = f"recursive {name}" if not parts else name
                if parts:
                    text = "select 1 as c1, 'a' as c2"
            else:
                text, columns = self.query([])
            how = self.pick("", "", " materialized", " not materialized") if kind >= 0.45 else ""
            parts.append(f"{name} as{how} ({text})")
            self.ctes.append(Relation(name.split()[-1], columns, tuple((c,) for c in columns)))
        return f"with {', '.join(parts)} "

    def shown(self) -> str:
        """Write a query with columns of every kind."""
        text, own = self.sources([])
        columns = [self.output(own) for _ in range(self.world.chance.randint(1, 4))]
        shown = ", ".join(f"{column} as o{n}" for n, column in enumerate(columns, 1))
        lock = ""
        if self.odds(0.06) and "join" not in text:
            lock = self.pick(" for update skip locked", " for share")
        return f"select {shown} from {text}{self.where(own, [])}{lock or self.tail('1')}"

    def chained(self) -> str:
        """Write relations that each have a key equal to a constant or to a column of another."""
        chance = self.world.chance
        first = chance.choice(self.world.relations)
        name = self.name()
        text, own = f"{first.name} as {name}", [Source(name, first.columns, first.keys)]
        loose = list(own)
        for _ in range(chance.choice((1, 1, 2, 2))):
            if self.odds(0.6):
                added, source = self.single(own)
                kind = self.pick("cross join lateral", "left join lateral")
                text += f" {kind} {added}{'' if 'cross' in kind else ' on true'}"
                own.append(source)
                continue
            relation, name = chance.choice(self.world.relations), self.name()
            source = Source(name, relation.columns, relation.keys)
            own.append(source)
            if self.odds(0.4):
                text += f" cross join {relation.name} as {name}"
                loose.append(source)
            else:
                kind = self.pick("join", "left join", "left join", "right join")
                more = f" and {self.condition(own)}" if self.odds(0.4) else ""
                text += f" {kind} {relation.name} as {name} on {self.linked(source, own)}{more}"
        links = [self.linked(source, own) for source in loose if self.odds(0.85)]
        where = f" where {' and '.join(links)}" if links else ""
        return f"select {self.value(own, INTEGER)} as o1, {self.value(own, TEXT)} as o2 from {text}{where}"

    def linked(self, source: Source, sources: list[Source]) -> str:
        """Write that a key is equal to a constant, or to a column of another relation."""
        others = [other for other in sources if other is not source]
        parts: list[str] = []
        for column in self.world.chance.choice(source.keys):
            type_ = source.columns[column]
            value = self.column(others, type_)
            if not others or self.odds(0.25):
                value = self.constant(type_)
            elif self.odds(0.3):
                value = f"coalesce({value}, {self.constant(type_)})"
            parts.append(f"{source.alias}.{column} = {value}")
        return " and ".join(parts)

    def single(self, sources: list[Source]) -> tuple[str, Source]:
        """Write a relation that has one row for each row of those beside it."""
        name, chance = self.name(), self.world.chance
        one, two = self.column(sources, INTEGER), self.column(sources, TEXT)
        relation = chance.choice(self.world.relations)
        inner = Source("i", relation.columns, relation.keys)
        where = f" where {self.condition([inner, *sources])}" if self.odds(0.6) else ""
        text = self.pick(
            f"(select i.id as x, i.s as y from {relation.name} as i{where} limit 1)",
            f"(select i.t as x, i.s as y from {relation.name} as i{where} order by 1 limit 1)",
            f"(select max(i.id) as x, min(i.s) as y from {relation.name} as i{where})",
            f"(select count(*)::integer as x, max({two}) as y from {relation.name} as i{where})",
            f"(select {one} as x, {two} as y)",
            f"(select i.id as x, i.s as y from {relation.name} as i where"
            f" {self.linked(inner, [inner, *sources])})",
            f"(select rolled() as x, {two} as y)",
            "(select rolled() as x, 'a'::text as y)",
            "(select 1 as x, 'a'::text as y)",
            f"(values ({one}, {two}))",
            f"(values ({one} + 0, lower({two})), (1, 'a'))",
            f"(select a as x, b as y from pair(({one})::integer))",
            f"pair(({one})::integer)",
            "rows from (rolled_of(1), lower('A'))",
        )
        return f"{text} as {name} (x, y)", _source_of(name, {"x": INTEGER, "y": TEXT})

    def output(self, sources: list[Source]) -> str:
        one, two = self.value(sources, INTEGER), self.value(sources, TEXT)
        array, own = self.column(sources, ARRAY), self.world.chance.choice(sources)
        row, kind = own.alias, self.world.chance.random()
        part = self.pick(f"jsonb_build_object('p', {one}, 'q', {two})", f"to_jsonb({row})")
        if kind < 0.3:
            return self.pick(one, two)
        if kind < 0.4:
            return self.deeper(lambda: self._nested(sources), one)
        if kind < 0.5:
            order = self.column(sources, INTEGER)
            return self.pick(
                f"lag({one}) over ()", f"first_value({one}) over (order by {order})",
                f"sum({one}) over (order by {order} rows 1 preceding)", "row_number() over ()",
                f"max({one}) over (partition by {order})", f"lead({one}, 1, {one}) over ()",
            )  # fmt: skip
        if kind < 0.53:
            return "json_build_object('foo')"
        return self.pick(
            array, f"{array} || {one}", f"array[{one}, {self.value(sources, INTEGER)}]",
            f"array[array[{one}], array[2]]", f"array[{array}]", f"({array})[1:2]",
            f"array_to_string({array}, ',')", part, part,
            f"jsonb_build_object('r', {row}, 'n', {one})", f"row({one}, {two})", row,
            f"({row}).{self.pick(*own.columns)}", f"row_to_json({row})",
            f"({one})::numeric(5, 1)", f"coalesce({part}, '{{}}')",
            f"case when {self.condition(sources)} then {part} end", f"several({one}::integer)",
            f"jsonb_build_array({one}, {row})", f"array[{row}]",
        )  # fmt: skip

    def _nested(self, sources: list[Source]) -> str:
        query = self.query(sources)[0]
        return self.pick(
            f"(select jsonb_agg(s) from ({query}) as s)", f"array(select c1 from ({query}) as s)",
            f"(select array_agg(s.c1) from ({query}) as s)", f"exists ({query})",
            f"(select s from ({query}) as s limit 1)", f"(select count(*) from ({query}) as s)",
            f"(select coalesce(jsonb_agg(to_jsonb(s)), '[]') from ({query}) as s)",
        )  # fmt: skip

    def change(self) -> str:
        """Write a change of rows that returns two columns."""
        targets = [r for r in self.world.relations if r.is_target and not r.name.startswith("only")]
        relation = self.world.chance.choice(targets)
        target = Source("tg", relation.columns, relation.keys)
        kind = self.pick("insert", "insert", "update", "update", "delete", "merge")
        if kind == "merge" and not relation.name.startswith("v"):
            return self.merge(relation, target)
        if kind == "insert":
            return self.insert(relation, target)
        text, own = self.sources([])
        joined = self.odds(0.6)
        everything = [target, *own] if joined else [target]
        where = self.where(everything, [], 0.95)
        back = self.returning(everything, "tg")
        if kind == "delete":
            using = f" using {text}" if joined else ""
            return f"delete from {relation.name} as tg{using}{where}{back}"
        column = self.pick("t", "s")
        value = self.value(everything, relation.columns[column])
        source = f" from {text}" if joined else ""
        return f"update {relation.name} as tg set {column} = {value}{source}{where}{back}"

    def insert(self, relation: Relation, target: Source) -> str:
        columns = "id, t, s"
        kind = self.world.chance.random()
        rows = ", ".join(
            f"({self.value([], INTEGER)}, {self.value([], INTEGER)}, {self.value([], TEXT)})"
            for _ in range(self.world.chance.choice((1, 1, 1, 2)))
        )
        if kind < 0.55:
            source = f"values {rows}"
        elif kind < 0.65:
            source = "values (generate_series(1, 2), 1, 'a')"
        else:
            text, own = self.sources([])
            source = (
                f"select {self.value(own, INTEGER)}, {self.value(own, INTEGER)}, {self.value(own, TEXT)}"
                f" from {text}{self.where(own, [])}"
            )
        conflict = self.pick(
            "", "", " on conflict do nothing", " on conflict (id) do nothing",
            " on conflict (id) do update set t = 2", " on conflict (id) do update set s = excluded.s",
            " on conflict (id) do update set t = excluded.t where tg.s = 'a'",
        )  # fmt: skip
        back = self.returning([target], "tg")
        return f"insert into {relation.name} as tg ({columns}) {source}{conflict}{back}"

    def merge(self, relation: Relation, target: Source) -> str:
        text, source = self.source([])
        both = [target, source]
        actions = [
            f"when matched and {self.condition(both)} then update set t = {self.value(both, INTEGER)}",
            "when matched then delete",
            f"when not matched then insert (id, t, s) values ({self.value([source], INTEGER)}, 1, 'a')",
        ]
        if self.world.version >= 17:
            actions.append(f"when not matched by source then {self.pick('delete', 'do nothing')}")
        chosen = " ".join(self.world.chance.sample(actions, self.world.chance.randint(1, 3)))
        back = self.returning(both, "tg") if self.world.version >= 17 else ""
        on = self.keyed(target, both)
        return f"merge into {relation.name} as tg using {text} on {on} {chosen}{back}"

    def returning(self, sources: list[Source], target: str) -> str:
        one, two = self.value(sources, INTEGER), self.value(sources, TEXT)
        if self.odds(0.6):
            one = f"{target}.{self.pick('id', 't')}"
        if self.odds(0.5):
            two = f"{target}.s"
        if self.world.version >= 18 and self.odds(0.3):
            one, two = f"{self.pick('old', 'new')}.id", f"{self.pick('old', 'new')}.s"
        return f" returning {one} as r1, {two} as r2"


def _source_of(name: str, columns: dict[str, str]) -> Source:
    return Source(name, columns, tuple((column,) for column in columns))
