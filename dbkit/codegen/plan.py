"""Plan a module: which classes its queries share, and what each function takes and gives."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from dbkit.codegen.literals import default
from dbkit.codegen.naming import Classes, Fields
from dbkit.pgtypes import Column, MadeClass, PyType, column_type, parameter_type, type_name
from dbkit.queryfiles import Choice, QueryKind
from dbkit.typedqueries import CheckedParameter, CheckedQuery

# longer ones stand above the functions, under a name of their own
_LONGEST_LITERAL = 40
_LONGEST_VALUE = 30
_MOST_NAMED = 2
_LITERAL = re.compile(
    r"""Literal\[(?P<labels>(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\]'"])*)\]"""
)


class Typed(NamedTuple):
    """An annotation, and the dotted names that it is made of."""

    text: str
    imports: frozenset[str] = frozenset()


class PlannedKeyword(NamedTuple):
    """A keyword of a function."""

    name: str
    type: Typed
    default: Typed | None = None
    # it only says whether a part is in, and False leaves it out
    is_flag: bool = False


class PlannedField(NamedTuple):
    """A field of a class."""

    name: str
    type: Typed
    default: Typed | None = None


class PlannedClass(NamedTuple):
    """A frozen dataclass."""

    name: str
    documentation: str
    fields: tuple[PlannedField, ...]


class Gives(NamedTuple):
    """A column as the statement has to know it."""

    name: str
    type: str
    into: Typed | None


@dataclass(frozen=True, slots=True)
class PlannedFunction:
    """One query as a function."""

    checked: CheckedQuery
    # one row, or the value of the only column; None where no rows come
    row: Typed | None
    row_class: str | None
    columns: tuple[Gives, ...]
    keywords: tuple[PlannedKeyword, ...]
    # for a query that takes many sets of values the class of one
    sets: str | None
    switches: tuple[str, ...]
    choices: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """All that a module will hold."""

    classes: dict[str, PlannedClass] = field(default_factory=dict[str, PlannedClass])
    # name and right side
    aliases: dict[str, Typed] = field(default_factory=dict[str, Typed])
    functions: list[PlannedFunction] = field(default_factory=list[PlannedFunction])


def plan_module(checked: Iterable[CheckedQuery]) -> Plan:
    """Plan the module of one subject's queries."""
    queries = list(checked)
    planner = _Planner(Classes(one.query.name for one in queries))
    for one in queries:
        planner.plan.functions.append(planner.function(one))
    return planner.plan


class _Planner:
    def __init__(self, names: Classes) -> None:
        self.plan = Plan()
        self._names = names
        self._aliased: dict[str, str] = {}
        # the queries that have a class in common
        self._sharing: dict[str, list[str]] = {}

    def function(self, checked: CheckedQuery) -> PlannedFunction:
        query = checked.query
        json_types = dict(checked.json_types)
        found = [self._column(column, json_types.get(column.name)) for column in checked.columns]
        types = [typed for typed, _ in found]
        row: Typed | None = None
        row_class: str | None = None
        if len(types) == 1:
            row = self._short(types[0], f"{query.name}_{checked.columns[0].name}")
        elif types:
            row_class = self._row(checked, types)
            row = Typed(row_class)
        keywords = self._keywords(checked)
        switches = tuple(
            name
            for name, is_omittable, given in (
                *((one.name, one.omittable, one.default) for one in query.parameters),
                *((one.name, one.omittable, one.default) for one in query.choices),
            )
            if is_omittable and given is None
        )
        sets: str | None = None
        if query.kind in {QueryKind.BATCH, QueryKind.COPY}:
            once = {*switches, *(one.name for one in query.choices)}
            sets = self._sets(checked, [one for one in keywords if one.name not in once])
            keywords = [one for one in keywords if one.name in once]
        return PlannedFunction(
            checked,
            row,
            row_class,
            tuple(
                Gives(column.name, type_name(column.type), into)
                for column, (_, into) in zip(checked.columns, found, strict=True)
            ),
            tuple(keywords),
            sets,
            switches,
            tuple(one.name for one in query.choices),
        )

    def _column(self, column: Column, json_type: str | None) -> tuple[Typed, Typed | None]:
        def name_class(suggested: str, fields: Fields) -> str:
            # a part that the tree has no name for is called for its column
            return self._names.inner(column.name if suggested == "row" else suggested, fields)

        found = column_type(column, json_type=json_type, name_class=name_class)
        typed = self._typed(found, column.name)
        if not found.converted:
            return typed, None
        # a NULL of the column itself is never built from
        bare = replace(column, nullable=False)
        built = column_type(bare, json_type=json_type, name_class=name_class)
        return typed, self._typed(built, column.name)

    def _row(self, checked: CheckedQuery, types: list[Typed]) -> str:
        columns = [column.name for column in checked.columns]
        json_types = dict(checked.json_types)
        key = tuple(
            (name, f"{typed.text} {json_types.get(name, '')}")
            for name, typed in zip(columns, types, strict=True)
        )
        name = self._names.row(checked.query.name, key)
        sharing = self._sharing.setdefault(name, [])
        sharing.append(f"`{checked.query.name}`")
        fields = tuple(PlannedField(one, typed) for one, typed in zip(columns, types, strict=True))
        said = f"A row of {' and '.join(sharing)}."
        if len(sharing) > _MOST_NAMED:
            said = f"A row of {sharing[0]} and {len(sharing) - 1} others."
        self.plan.classes[name] = PlannedClass(name, said, fields)
        return name

    def _sets(self, checked: CheckedQuery, keywords: list[PlannedKeyword]) -> str:
        name = self._names.other(f"{checked.query.name}_values")
        said = f"One set of values for `{checked.query.name}`."
        fields = tuple(PlannedField(one.name, one.type, one.default) for one in keywords)
        self.plan.classes[name] = PlannedClass(name, said, fields)
        return name

    def _keywords(self, checked: CheckedQuery) -> list[PlannedKeyword]:
        found = [
            keyword
            for parameter in checked.parameters
            if (keyword := self._parameter(parameter)) is not None
        ]
        found += [self._choice(choice) for choice in checked.query.choices]
        # what has to be given comes first, what may be left out last
        return sorted(found, key=_place)

    def _parameter(self, parameter: CheckedParameter) -> PlannedKeyword | None:
        name = parameter.name
        if parameter.type is None:
            # it stands nowhere; without a part to switch it would say nothing
            if not parameter.omittable or parameter.default is not None:
                return None
            return PlannedKeyword(name, Typed("bool"), Typed("False"), is_flag=True)
        typed = self._named(
            self._typed(
                parameter_type(
                    parameter.type,
                    nullable=parameter.nullable,
                    json_type=parameter.json_type,
                    name_class=self._names.inner,
                ),
                name,
            ),
            name,
        )
        if parameter.default is not None:
            return PlannedKeyword(name, *_with_default(parameter.default, parameter, typed))
        return (
            _omittable(PlannedKeyword(name, typed))
            if parameter.omittable
            else PlannedKeyword(name, typed)
        )

    def _choice(self, choice: Choice) -> PlannedKeyword:
        text = f"Literal[{', '.join(map(repr, choice.allowed))}]"
        typed = self._typed(PyType(text, frozenset({"typing.Literal"})), choice.name)
        if choice.default is not None:
            return PlannedKeyword(choice.name, typed, Typed(repr(choice.default)))
        keyword = PlannedKeyword(choice.name, typed)
        return _omittable(keyword) if choice.omittable else keyword

    def _typed(self, found: PyType, name: str) -> Typed:
        """Take a type over, with the classes it needs and names for its long parts."""
        for made in found.classes:
            self._made(made, found.imports)
        return Typed(self._shortened(found.annotation, name), found.imports)

    def _made(self, made: MadeClass, imports: frozenset[str]) -> None:
        if made.name not in self.plan.classes:
            fields = tuple(
                PlannedField(name, Typed(self._shortened(text, name), imports))
                for name, text in made.fields
            )
            self.plan.classes[made.name] = PlannedClass(made.name, "A value inside a row.", fields)

    def _shortened(self, text: str, name: str) -> str:
        def alias(found: re.Match[str]) -> str:
            if len(found[0]) <= _LONGEST_LITERAL:
                return found[0]
            return self._alias(Typed(found[0], frozenset({"typing.Literal"})), name)

        return _LITERAL.sub(alias, text)

    def _short(self, typed: Typed, name: str) -> Typed:
        if len(typed.text) <= _LONGEST_VALUE:
            return typed
        return Typed(self._alias(typed, name), typed.imports)

    def _named(self, typed: Typed, name: str) -> Typed:
        """Give a name to a union that would break the line of its parameter."""
        bare = typed.text.removesuffix(" | None")
        if len(bare) <= _LONGEST_LITERAL:
            return typed
        alias = self._alias(Typed(bare, typed.imports), name)
        return Typed(alias + typed.text[len(bare) :], typed.imports)

    def _alias(self, typed: Typed, name: str) -> str:
        if typed.text not in self._aliased:
            self._aliased[typed.text] = self._names.other(name)
            self.plan.aliases[self._aliased[typed.text]] = typed
        return self._aliased[typed.text]


def labels_of(literal: str) -> Iterator[str] | None:
    """Give the labels of an annotation that is a Literal and nothing else."""
    found = _LITERAL.fullmatch(literal)
    return iter(ast.literal_eval(f"({found['labels']},)")) if found else None


def _omittable(keyword: PlannedKeyword) -> PlannedKeyword:
    typed = keyword.type
    imports = typed.imports | {"dbkit.runtime.Omitted"}
    # None stands at the end of a union
    bare = typed.text.removesuffix(" | None")
    wider = Typed(f"{bare} | Omitted{typed.text[len(bare) :]}", imports)
    return keyword._replace(
        type=wider, default=Typed("OMITTED", frozenset({"dbkit.runtime.OMITTED"}))
    )


def _with_default(text: str, parameter: CheckedParameter, typed: Typed) -> tuple[Typed, Typed]:
    written = default(text, parameter.type)
    if written is not None:
        return typed, Typed(written, frozenset({"decimal.Decimal"}))
    as_text = frozenset({"dbkit.runtime.AsText"})
    # PostgreSQL alone can read it, so it goes there as psql would send it
    return Typed(f"{typed.text} | AsText", typed.imports | as_text), Typed(
        f"AsText({text!r})", as_text
    )


def _place(keyword: PlannedKeyword) -> int:
    if keyword.default is None:
        return 0
    return 2 if keyword.default.text == "OMITTED" else 1
