"""Plan a package: the classes of each module, and what each function takes and gives."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, count
from typing import NamedTuple

from dbkit.codegen.errors import ClashingNames
from dbkit.codegen.literals import write_default
from dbkit.codegen.pieces import WrittenStatement, write_statement
from dbkit.pgtypes import (
    Column,
    Fields,
    PgType,
    PyType,
    TypeKind,
    are_fields,
    class_name,
    column_type,
    parameter_type,
    python_type,
    type_name,
)
from dbkit.queryfiles import Choice, Query, QueryKind, copy_target, row_class_name
from dbkit.sqltext import Source
from dbkit.typedqueries import TypedParameter, TypedQuery

# the module of the classes and types that several queries have in common
ROWS = "rows"
# an enum with more text than this gets a name in rows.py
_LONGEST_LITERAL = 40
_LITERAL = re.compile(
    r"""Literal\[(?P<labels>(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\]'"])*)\]"""
)
# the first ending that matches is taken; a singular that ends like a plural stays
_PLURALS = (
    *((ending, ending) for ending in ("ss", "us", "is", "series", "news")),
    ("ies", "y"),
    *((f"{ending}es", ending) for ending in ("ss", "us", "x", "ch", "sh")),
    ("s", ""),
)


class Expression(NamedTuple):
    """An annotation or a default as Python source, and the dotted names that it needs."""

    text: str
    imports: frozenset[str] = frozenset()


class PlannedKeyword(NamedTuple):
    """A keyword of a function, or a field of a set of values."""

    name: str
    type: Expression
    default: Expression | None = None


class PlannedClass(NamedTuple):
    """A frozen dataclass."""

    name: str
    documentation: str
    fields: tuple[PlannedKeyword, ...]


class PlannedColumn(NamedTuple):
    """A column, as the statement needs it."""

    name: str
    type: str
    nullable: bool
    into: Expression | None


@dataclass(frozen=True, slots=True)
class PlannedFunction:
    """One query as a function."""

    query: Query
    statement: WrittenStatement
    # of `$1`, of `$2` and so on: its keyword, its type, and whether it may be null
    takes: tuple[tuple[str, str, bool], ...]
    gives: tuple[PlannedColumn, ...]
    # the class of a row, or the type of the only column; None if no rows come back
    row: Expression | None
    row_class: Expression | None
    # the function's own keywords; the others are fields of a set of values
    keywords: tuple[PlannedKeyword, ...]
    # for a query with many sets of values, the class of one set
    sets: str | None
    flags: tuple[str, ...]
    # for :copy, the table with its columns, and the value that each gets
    copied: tuple[str, tuple[int, ...]] | None
    # the values and the columns that may be infinity
    infinite: tuple[str, ...]


@dataclass(slots=True)
class PlannedModule:
    """All that a module will hold."""

    classes: dict[str, PlannedClass] = field(default_factory=dict[str, PlannedClass])
    # name and right side
    aliases: dict[str, Expression] = field(default_factory=dict[str, Expression])
    functions: list[PlannedFunction] = field(default_factory=list[PlannedFunction])
    # what each name stands for, to explain a clash
    meanings: dict[str, str] = field(default_factory=dict[str, str])

    def claim(self, name: str, meaning: str) -> None:
        """Take a name, or refuse it if something else has it."""
        other = self.meanings.setdefault(name, meaning)
        if other != meaning:
            raise ClashingNames(name, other, meaning)


@dataclass(slots=True)
class PlannedPackage:
    """The module of each subject, and that of the classes they share."""

    rows: PlannedModule = field(default_factory=PlannedModule)
    subjects: dict[str, PlannedModule] = field(default_factory=dict[str, PlannedModule])


def plan_package(queries: Iterable[TypedQuery], sources: Mapping[str, Source]) -> PlannedPackage:
    """Plan the package of a system's queries, in the order of subject and name."""
    package = PlannedPackage()
    for typed in queries:
        module = package.subjects.setdefault(typed.query.subject, PlannedModule())
        module.claim(typed.query.name, f"the query {typed.query.subject}.{typed.query.name}")
        planner = _Planner(package.rows, module, typed)
        module.functions.append(planner.function(sources[typed.query.path]))
    if package.rows.meanings and ROWS in package.subjects:
        raise ClashingNames(ROWS, "the subject of that name", "what several queries have in common")
    return package


class _Planner:
    """Plans one query; its names come from the query, its row class or the database."""

    def __init__(self, rows: PlannedModule, module: PlannedModule, typed: TypedQuery) -> None:
        self._rows = rows
        self._module = module
        self._typed = typed
        self._query = typed.query
        self._name = f"{self._query.subject}.{self._query.name}"
        shared = self._query.row_class
        # the module of the row class has the classes of nested values, too
        self._row_module = rows if shared else module
        self._row_name = shared or row_class_name(self._query.name)
        # the fields of each class of a value inside the row
        self._inner: dict[str, Fields] = {}

    def function(self, source: Source) -> PlannedFunction:
        """Plan the function, and add the classes that it needs."""
        query, typed = self._query, self._typed
        statement = write_statement(query, source)
        types = {
            parameter.name: (parameter.name, type_name(parameter.type), parameter.nullable)
            for parameter in typed.parameters
            if parameter.type is not None
        }
        row, row_class, gives = self._row()
        flags = tuple(parameter.name for parameter in query.parameters if parameter.flag)
        keywords = self._keywords()
        sets: str | None = None
        if query.kind in {QueryKind.BATCH, QueryKind.COPY}:
            shared = _choosing_keywords(query)
            sets = self._sets([keyword for keyword in keywords if keyword.name not in shared])
            keywords = [keyword for keyword in keywords if keyword.name in shared]
        is_copied = query.kind is QueryKind.COPY
        return PlannedFunction(
            query,
            statement,
            tuple(types[name] for name in statement.names),
            gives,
            row,
            row_class,
            tuple(keywords),
            sets,
            tuple(name for name in flags if any(name == keyword.name for keyword in keywords)),
            copy_target(query.combinations[0].text) if is_copied else None,
            tuple(sorted(typed.infinite)),
        )

    def _row(self) -> tuple[Expression | None, Expression | None, tuple[PlannedColumn, ...]]:
        columns = self._typed.columns
        annotations = [self._column_annotations(column) for column in columns]
        gives = tuple(
            PlannedColumn(column.name, type_name(column.type), column.nullable, into)
            for column, (_, into) in zip(columns, annotations, strict=True)
        )
        if len(columns) <= 1:
            return (annotations[0][0] if annotations else None), None, gives
        fields = tuple(
            PlannedKeyword(column.name, annotation)
            for column, (annotation, _) in zip(columns, annotations, strict=True)
        )
        if self._query.row_class:
            meaning = f"the row that queries share by `-- row: {self._row_name}`"
            documentation = f"A row of the queries that say `-- row: {self._row_name}`."
        else:
            meaning = f"a row of {self._name}"
            documentation = f"A row of `{self._query.name}`."
        self._add_class(self._row_module, self._row_name, meaning, documentation, fields)
        row = self._named(self._row_module, self._row_name)
        return row, row, gives

    def _column_annotations(self, column: Column) -> tuple[Expression, Expression | None]:
        json_type = dict(self._typed.json_types).get(column.name)

        def annotate(column: Column) -> tuple[Expression, bool]:
            type_ = column_type(
                column,
                json_type=json_type,
                infinity=column.name in self._typed.infinite,
                name_class=partial(self._inner_name, column.name),
                name_type=self._type_name,
            )
            for part in type_.classes:
                fields = tuple(
                    PlannedKeyword(name, Expression(text, type_.imports))
                    for name, text in part.fields
                )
                meaning = f"a part of a row of {self._row_meaning}"
                self._add_class(
                    self._row_module, part.name, meaning, "A value inside a row.", fields
                )
            local = frozenset(self._dotted(self._row_module, part.name) for part in type_.classes)
            return Expression(type_.annotation, type_.imports | local), type_.converted

        annotation, is_converted = annotate(column)
        if not is_converted:
            return annotation, None
        # nothing is built from a NULL
        return annotation, annotate(replace(column, nullable=False))[0]

    @property
    def _row_meaning(self) -> str:
        return self._row_name if self._query.row_class else self._name

    def _inner_name(self, column: str, suggested: str, fields: Fields) -> str:
        """Name the class of a value inside a row: `GetRunStep` for the steps of `GetRunRow`."""
        base = self._row_name
        if not self._query.row_class:
            base = base.removesuffix("Row")
        is_own = suggested == column
        words = [column] if is_own else [suggested, column, f"{column}_{suggested}"]
        candidates = [f"{base}{class_name(_singular(word), ())}" for word in words]
        numbered = (f"{candidates[-1]}{number}" for number in count(2))
        return next(
            name
            for name in chain(candidates, numbered)
            if self._inner.setdefault(name, fields) == fields
        )

    def _type_name(self, type_: PgType) -> str | None:
        """Name the class of a composite type or of an enum, one for the whole package."""
        if type_.kind is TypeKind.ENUM:
            literal = python_type(type_).annotation
            if len(literal) <= _LONGEST_LITERAL:
                return None
        elif not are_fields([name for name, _ in type_.fields]):
            return None
        name = class_name(type_.name, ())
        if self._rows.meanings.get(name) == (meaning := f"the type {type_name(type_)}"):
            return self._dotted(self._rows, name)
        self._rows.claim(name, meaning)
        if type_.kind is TypeKind.ENUM:
            self._rows.aliases[name] = Expression(
                python_type(type_).annotation, frozenset({"typing.Literal"})
            )
            return self._dotted(self._rows, name)
        # a field of a composite value may be null, even if the table says not null
        annotations = [
            (field, python_type(inner, name_type=self._type_name).or_none())
            for field, inner in type_.fields
        ]
        fields = tuple(
            PlannedKeyword(field, _expression(annotation)) for field, annotation in annotations
        )
        documentation = f"A value of the type {type_name(type_)}."
        self._rows.classes[name] = PlannedClass(name, documentation, fields)
        return self._dotted(self._rows, name)

    def _sets(self, keywords: list[PlannedKeyword]) -> str:
        name = f"{row_class_name(self._query.name).removesuffix('Row')}Values"
        documentation = f"One set of values for `{self._query.name}`."
        meaning = f"the values of {self._name}"
        self._add_class(self._module, name, meaning, documentation, tuple(keywords))
        return name

    def _keywords(self) -> list[PlannedKeyword]:
        keywords = [
            keyword
            for parameter in self._typed.parameters
            if (keyword := self._parameter(parameter)) is not None
        ]
        keywords += [self._choice(choice) for choice in self._query.choices]
        # required keywords come first, those that may be left out last
        return sorted(keywords, key=_rank)

    def _parameter(self, parameter: TypedParameter) -> PlannedKeyword | None:
        if parameter.type is None:
            # it is not in the statement, and switches nothing
            if not parameter.omittable or parameter.default is not None:
                return None
            return PlannedKeyword(parameter.name, Expression("bool"), Expression("False"))
        annotation = _expression(
            parameter_type(
                parameter.type,
                nullable=parameter.nullable,
                json_type=parameter.json_type,
                infinity=parameter.infinite,
                name_type=self._type_name,
            )
        )
        if parameter.default is not None:
            return PlannedKeyword(
                parameter.name, *_with_default(parameter.default, parameter, annotation)
            )
        keyword = PlannedKeyword(parameter.name, annotation)
        return _omittable(keyword) if parameter.omittable else keyword

    def _choice(self, choice: Choice) -> PlannedKeyword:
        literal = Expression(
            f"Literal[{', '.join(map(repr, choice.allowed))}]", frozenset({"typing.Literal"})
        )
        if len(literal.text) > _LONGEST_LITERAL:
            base = row_class_name(self._query.name).removesuffix("Row")
            name = f"{base}{class_name(choice.name, ())}"
            self._module.claim(name, f"what {choice.name!r} of {self._name} may be")
            self._module.aliases[name] = literal
            literal = Expression(name)
        if choice.default is not None:
            return PlannedKeyword(choice.name, literal, Expression(repr(choice.default)))
        keyword = PlannedKeyword(choice.name, literal)
        return _omittable(keyword) if choice.omittable else keyword

    def _add_class(
        self,
        module: PlannedModule,
        name: str,
        meaning: str,
        documentation: str,
        fields: tuple[PlannedKeyword, ...],
    ) -> None:
        module.claim(name, meaning)
        module.classes[name] = PlannedClass(name, documentation, fields)

    def _named(self, module: PlannedModule, name: str) -> Expression:
        return Expression(name, frozenset({self._dotted(module, name)}))

    def _dotted(self, module: PlannedModule, name: str) -> str:
        return f".{ROWS}.{name}" if module is self._rows else name


def labels_of(literal: str) -> Iterator[str] | None:
    """Give the labels of an annotation, None if it is anything but one Literal."""
    match = _LITERAL.fullmatch(literal)
    return iter(ast.literal_eval(f"({match['labels']},)")) if match else None


def _choosing_keywords(query: Query) -> set[str]:
    """Return the keywords that choose which text is sent, and so are the same for all sets."""
    switches = {keyword.name for keyword in query.parameters if keyword.omittable}
    return switches | {choice.name for choice in query.choices}


def _singular(noun: str) -> str:
    for ending, singular in _PLURALS:
        if noun.endswith(ending):
            return noun.removesuffix(ending) + singular
    return noun


def _expression(annotation: PyType) -> Expression:
    return Expression(annotation.annotation, annotation.imports)


def _omittable(keyword: PlannedKeyword) -> PlannedKeyword:
    annotation = keyword.type
    imports = annotation.imports | {"dbkit.runtime.Omitted"}
    # None stays at the end of the union
    bare = annotation.text.removesuffix(" | None")
    wider = Expression(f"{bare} | Omitted{annotation.text[len(bare) :]}", imports)
    return keyword._replace(
        type=wider, default=Expression("OMITTED", frozenset({"dbkit.runtime.OMITTED"}))
    )


def _with_default(
    text: str, parameter: TypedParameter, annotation: Expression
) -> tuple[Expression, Expression]:
    value = write_default(text, parameter.type)
    if value is not None:
        return annotation, Expression(value, frozenset({"decimal.Decimal"}))
    as_text = frozenset({"dbkit.runtime.AsText"})
    # only PostgreSQL can read this text, so it is sent as psql would send it
    return Expression(f"{annotation.text} | AsText", annotation.imports | as_text), Expression(
        f"AsText({text!r})", as_text
    )


def _rank(keyword: PlannedKeyword) -> int:
    if keyword.default is None:
        return 0
    return 2 if keyword.default.text == "OMITTED" else 1
