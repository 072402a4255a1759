"""Schemas, data and queries made by chance, to look for a counter-example."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import strategies as st


class Term(NamedTuple):
    """An expression that a query may use, and its type."""

    text: str
    type: str


@dataclass
class Maker:
    """One example: what is drawn so far, and how deep the query may still grow."""

    draw: Callable[[st.SearchStrategy[int]], int]
    depth: int = 3
    names: int = 0
    tables: tuple[tuple[str, tuple[tuple[str, str, bool], ...]], ...] = ()

    def pick(self, *choices: str) -> str:
        return choices[self.draw(st.integers(0, len(choices) - 1))]

    def often(self, times: int = 2) -> bool:
        """Say yes once in so many times."""
        return self.draw(st.integers(1, times)) == 1

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def schema(self) -> list[str]:
        """Make two tables, and rows with every NULL that is let in."""
        statements: list[str] = []
        for table in ("one", "two"):
            columns = [("k", "integer", self.often())]
            columns += [
                (f"{table[0]}{at}", self.pick("integer", "text"), self.often()) for at in range(3)
            ]
            self.tables += ((table, tuple(columns)),)
            key = ", primary key (k)" if columns[0][2] else ""
            shown = ", ".join(
                f"{name} {type_}{' not null' if not_null else ''}"
                for name, type_, not_null in columns
            )
            statements.append(f"create temp table {table} ({shown}{key}) on commit drop")
            for _ in range(self.draw(st.integers(0, 3))):
                row = ", ".join(self.value(type_, not_null) for _, type_, not_null in columns)
                statements.append(f"insert into {table} values ({row}) on conflict do nothing")
        return statements

    def value(self, type_: str, not_null: bool) -> str:
        if not not_null and self.often():
            return "null"
        return self.constant(type_)

    def constant(self, type_: str) -> str:
        return self.pick("0", "1", "2") if type_ == "integer" else self.pick("''", "'a'", "'b'")

    # ------------------------------------------------------------------ relations

    def relation(self, outer: list[Term]) -> tuple[str, list[Term]]:
        """Make something to select from, and say which columns it has."""
        self.depth -= 1
        try:
            kind = self.pick("table", "table", "join", "join", "select", "lateral", "values")
            if self.depth <= 0 or kind == "table":
                return self.table()
            if kind == "values":
                name = self.name()
                rows = ", ".join(
                    f"({self.value('integer', self.often())}::integer, "
                    f"{self.value('text', self.often())}::text)"
                    for _ in range(self.draw(st.integers(1, 2)))
                )
                columns = [Term(f"{name}.a", "integer"), Term(f"{name}.b", "text")]
                return f"(values {rows}) as {name} (a, b)", columns
            if kind in {"select", "lateral"}:
                name = self.name()
                text, columns = self.select([])
                return f"({text}) as {name}", [Term(f"{name}.{c}", t) for c, t in columns]
            return self.join(outer)
        finally:
            self.depth += 1

    def table(self) -> tuple[str, list[Term]]:
        table, columns = self.tables[self.draw(st.integers(0, 1))]
        name = self.name()
        return f"{table} as {name}", [Term(f"{name}.{c}", t) for c, t, _ in columns]

    def join(self, outer: list[Term]) -> tuple[str, list[Term]]:
        left, terms = self.relation(outer)
        kind = self.pick("join", "left join", "left join", "right join", "full join")
        if kind in {"join", "left join"} and self.often(4):
            name = self.name()
            text, columns = self.select(terms)
            more = [Term(f"{name}.{c}", t) for c, t in columns]
            condition = "true" if self.often() else self.condition(terms + more)
            return f"{left} {kind} lateral ({text}) as {name} on {condition}", terms + more
        right, more = self.relation(outer)
        if kind == "full join":
            condition = f"{self.column(terms, 'integer')} = {self.column(more, 'integer')}"
            return f"({left} {kind} {right} on {condition})", terms + more
        return f"({left} {kind} {right} on {self.condition(terms + more)})", terms + more

    def column(self, terms: list[Term], type_: str) -> str:
        fitting = [term.text for term in terms if term.type == type_]
        return self.pick(*fitting) if fitting else f"{self.constant(type_)}::{type_}"

    # ------------------------------------------------------------------ expressions

    def condition(  # noqa: C901, PLR0911, PLR0912 - a kind a return
        self, terms: list[Term]
    ) -> str:
        self.depth -= 1
        try:
            kinds = ["present", "equal", "greater", "in"]
            if self.depth > 0:
                kinds += ["and", "or", "not", "test", "distinct", "exists", "any", "null", "not in"]
            kind = self.pick(*kinds)
            type_ = self.pick("integer", "text")
            value = self.expression(terms, type_)
            other = self.expression(terms, type_)
            match kind:
                case "present":
                    return f"{value} is not null"
                case "null":
                    return f"{value} is null"
                case "equal":
                    return f"{value} = {other}"
                case "greater":
                    return f"{value} > {other}"
                case "in":
                    return f"{value} in ({self.constant(type_)}, {self.constant(type_)})"
                case "not in":
                    return f"{value} not in ({self.constant(type_)}, {other})"
                case "and" | "or":
                    return f"({self.condition(terms)} {kind} {self.condition(terms)})"
                case "not":
                    return f"not ({self.condition(terms)})"
                case "test":
                    test = self.pick("true", "not true", "false", "not false", "unknown")
                    return f"({self.condition(terms)}) is {test}"
                case "distinct":
                    return f"{value} is {self.pick('', 'not ')}distinct from {other}"
                case "exists":
                    return f"exists ({self.select(terms)[0]})"
                case _:
                    table, columns = self.table()
                    return f"{value} in (select {self.column(columns, type_)} from {table})"
        finally:
            self.depth += 1

    def expression(  # noqa: PLR0911 - a kind a return
        self, terms: list[Term], type_: str
    ) -> str:
        self.depth -= 1
        try:
            kinds = ["column", "column", "column", "constant"]
            if self.depth > 0:
                kinds += ["coalesce", "nullif", "case", "case", "greatest", "call", "scalar"]
            match self.pick(*kinds):
                case "constant":
                    return self.constant(type_) + f"::{type_}"
                case "column":
                    return self.column(terms, type_)
                case "call":
                    if type_ == "text":
                        inner = self.expression(terms, self.pick("text", "integer"))
                        return f"upper({inner}::text)"
                    return f"abs({self.expression(terms, 'integer')} + 1)"
                case "case":
                    otherwise = f" else {self.expression(terms, type_)}" if self.often() else ""
                    return (
                        f"case when {self.condition(terms)} "
                        f"then {self.expression(terms, type_)}{otherwise} end"
                    )
                case "scalar":
                    return self.scalar(terms, type_)
                case call:
                    values = f"{self.expression(terms, type_)}, {self.expression(terms, type_)}"
                    return f"{call}({values})"
        finally:
            self.depth += 1

    def scalar(self, terms: list[Term], type_: str) -> str:
        table, columns = self.table()
        value = self.column(columns, type_)
        value = self.pick(f"max({value})", f"coalesce(max({value}), {self.constant(type_)})")
        where = f" where {self.condition(terms + columns)}" if self.often() else ""
        return f"(select {value} from {table}{where})"

    # ------------------------------------------------------------------ queries

    def select(self, outer: list[Term]) -> tuple[str, list[Term]]:
        """Make a query of two columns, and say what they are called."""
        self.depth -= 1
        try:
            if self.depth > 0 and self.often(5):
                return self.both(outer)
            source, own = self.relation(outer)
            terms = own + outer
            where = f" where {self.condition(terms)}" if self.often() else ""
            if self.often(3):
                return self.grouped(source + where, terms)
            first, second = self.pick("integer", "text"), self.pick("integer", "text")
            values = [self.expression(terms, first), self.expression(terms, second)]
            if self.often(5):
                values[1], second = f"lag({values[0]}) over ()", first
            tail = self.pick("", "", "", " limit 1", " offset 1")
            distinct = self.pick("", "", "distinct ")
            columns = [Term("x", first), Term("y", second)]
            text = f"select {distinct}{values[0]} as x, {values[1]} as y from {source}{where}{tail}"
            return text, columns
        finally:
            self.depth += 1

    def both(self, outer: list[Term]) -> tuple[str, list[Term]]:
        kind = self.pick("union", "union all", "intersect", "except")
        arms: list[str] = []
        for _ in range(2):
            source, own = self.relation(outer)
            value, other = (self.expression(own + outer, type_) for type_ in ("integer", "text"))
            arms.append(f"(select {value} as x, {other} as y from {source})")
        return f"{arms[0]} {kind} {arms[1]}", [Term("x", "integer"), Term("y", "text")]

    def grouped(self, source: str, terms: list[Term]) -> tuple[str, list[Term]]:
        key_type = self.pick("integer", "text")
        key, other = self.expression(terms, key_type), self.column(terms, "integer")
        sets = self.pick(
            f"group by {key}", f"group by {key}, {other}", f"group by rollup ({key}, {other})",
            f"group by grouping sets (({key}), ({other}), ())", f"group by cube ({key})", "",
        )  # fmt: skip
        value = self.expression(terms, "integer")
        kept = f" filter (where {self.condition(terms)})" if self.often(4) else ""
        aggregate = self.pick(
            f"count({value})", f"sum({value}){kept}", f"max({value})", f"min({value}){kept}"
        )
        having = f" having {aggregate} {self.pick('> 0', 'is not null')}" if self.often(4) else ""
        shown = key if sets else f"max({key})"
        if sets and self.often(3):
            shown = f"coalesce({shown}, {self.constant(key_type)})"
        text = f"select {shown} as x, ({aggregate})::integer as y from {source} {sets}{having}"
        return text, [Term("x", key_type), Term("y", "integer")]

    def statement(self) -> str:
        """Make the whole statement: a query, or a change that returns something."""
        kind = self.pick("select", "select", "select", "with", "shape", "update", "delete")
        if kind == "select":
            return self.select([])[0]
        if kind == "with":
            inner, columns = self.select([])
            name = self.name()
            self.tables += ((name, tuple((c, t, False) for c, t in columns)),)
            self.tables = (self.tables[0], self.tables[-1])
            return f"with {name} as ({inner}) {self.select([])[0]}"
        if kind == "shape":
            return self.shaped()
        table, stored = self.tables[0]
        own = [Term(f"t.{c}", t) for c, t, _ in stored]
        source, more = self.relation([])
        condition = self.condition(own + more)
        back = ", ".join(
            f"{self.expression(own + more, self.pick('integer', 'text'))} as x{n}" for n in (1, 2)
        )
        if kind == "delete":
            return f"delete from {table} as t using {source} where {condition} returning {back}"
        column, type_, not_null = stored[1]
        value = f"coalesce({self.expression(own + more, type_)}, {self.constant(type_)})"
        value = value if not_null else self.expression(own + more, type_)
        text = f"update {table} as t set {column} = {value} from {source} where {condition}"
        return f"{text} returning {back}, t.{column} as x3"

    def shaped(self) -> str:
        """Make a query whose value has parts."""
        left, terms = self.table()
        right, more = self.table()
        row = right.split(" as ")[1]
        both = terms + more
        join = f"{left} {self.pick('join', 'left join', 'full join')} {right}"
        join += f" on {self.column(terms, 'integer')} = {self.column(more, 'integer')}"
        if "full" not in join:
            join += f" and {self.condition(both)}"
        where = f" where {self.condition(both)}" if self.often() else ""
        object_ = (
            f"jsonb_build_object('p', {self.expression(both, 'text')}, "
            f"'q', {self.expression(both, 'integer')}, 'r', {row})"
        )
        value = self.pick(
            f"to_jsonb({row})", object_, f"jsonb_agg({row})", f"jsonb_agg({object_})",
            f"jsonb_agg({row}) filter (where {self.condition(both)})",
            f"coalesce(jsonb_agg({object_}), '[]')",
            f"case when {self.condition(both)} then {object_} end",
            f"(select jsonb_agg(s) from ({self.select(terms)[0]}) as s)",
        )  # fmt: skip
        if "(select jsonb_agg" in value:
            return f"select {value} as v from {left}"
        return f"select {value} as v from {join}{where}"


@st.composite
def examples(draw: st.DrawFn) -> tuple[list[str], str]:
    """Give the statements that set the tables up, and a query on them."""
    maker = Maker(draw)
    maker.depth = 4
    return maker.schema(), maker.statement()
