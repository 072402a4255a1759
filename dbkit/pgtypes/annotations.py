"""Say which Python type a PostgreSQL type is, as generated code writes it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from keyword import iskeyword
from typing import NamedTuple, TypeAlias

from dbkit.pgtypes.column import Column, Shape
from dbkit.pgtypes.pgtype import PgType, TypeKind, has_infinity, holds_infinity

Fields: TypeAlias = tuple[tuple[str, str], ...]
Namer: TypeAlias = Callable[[str, Fields], str]
# the dotted name of the class of a composite type or an enum; None for one that is written out
TypeNamer: TypeAlias = Callable[[PgType], str | None]

_SCALARS: dict[str, str] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "int"),
    **dict.fromkeys(("float4", "float8"), "float"),
    **dict.fromkeys(("time", "timetz"), "datetime.time"),
    **dict.fromkeys(("timestamp", "timestamptz"), "datetime.datetime"),
    "bool": "bool",
    "numeric": "decimal.Decimal",
    "bytea": "bytes",
    "uuid": "uuid.UUID",
    "date": "datetime.date",
    "interval": "datetime.timedelta",
    "inet": "dbkit.pgtypes.Inet",
    "cidr": "dbkit.pgtypes.Cidr",
}
# in JSON these are text, which cannot be read back without loss or guessing
_TEXT_IN_JSON = frozenset({"interval", "inet", "cidr", "oid", "vector"})
# and these are lists there
_LISTS_IN_JSON = frozenset({"int2vector", "oidvector"})
_JSON = frozenset({"json", "jsonb"})
_PYTYPES = "dbkit.pgtypes"
_WORD = re.compile(r"[^\W_]+")


class NestedClass(NamedTuple):
    """A frozen slotted dataclass to generate, for a composite type or a value of known parts."""

    name: str
    # the name and the annotation of each field, in order
    fields: Fields


@dataclass(frozen=True, slots=True)
class PyType:
    """A Python type: its text in generated code, and what the text needs."""

    annotation: str
    # dotted, as in "uuid.UUID"
    imports: frozenset[str] = frozenset()
    # a class stands after the classes of its fields
    classes: tuple[NestedClass, ...] = ()
    # the driver's value is not of this type yet, so `runtime` has to convert it
    converted: bool = False

    def or_none(self) -> "PyType":
        """Return this type or None."""
        if self.annotation in {"Json", "None"}:
            return self
        return PyType(f"{self.annotation} | None", self.imports, self.classes, self.converted)

    def inside(self, template: str, *imports: str) -> "PyType":
        """Return a type with this one inside, as in `list[{}]`."""
        annotation = template.format(self.annotation)
        return PyType(annotation, self.imports | {*imports}, self.classes, self.converted)


def class_name(suggested: str, _: Fields) -> str:
    """Name a class for a table or a type: `step_runs` becomes `StepRuns`."""
    name = "".join(word[0].upper() + word[1:] for word in _WORD.findall(suggested))
    return name if name.isidentifier() and not iskeyword(name) else f"Row{name}"


def column_type(
    column: Column,
    *,
    json_type: str | None = None,
    infinity: bool = False,
    name_class: Namer = class_name,
    name_type: TypeNamer | None = None,
) -> PyType:
    """Give the type of a result column, None included where the column is nullable."""
    ask = _Ask(name_class, parameter=False, in_json=False, name_type=name_type, infinity=infinity)
    return _column(column, ask, column.name, json_type=json_type)


def parameter_type(  # noqa: PLR0913 - as below
    type_: PgType,
    *,
    nullable: bool = False,
    json_type: str | None = None,
    infinity: bool = False,
    name_class: Namer = class_name,
    name_type: TypeNamer | None = None,
) -> PyType:
    """Return the type of a parameter: wider than that of a column, if all of it can be sent."""
    ask = _Ask(name_class, parameter=True, in_json=False, name_type=name_type, infinity=infinity)
    python = _typed(type_, ask, json_type)
    return python.or_none() if nullable else python


def python_type(  # noqa: PLR0913 - each of them is told by name, and rarely
    type_: PgType,
    *,
    shape: Shape | None = None,
    element_nullable: bool = True,
    json_type: str | None = None,
    parameter: bool = False,
    name_class: Namer = class_name,
    name_type: TypeNamer | None = None,
) -> PyType:
    """Give the Python type of a PostgreSQL type.

    An enum is a `Literal` of its labels: the value stays the plain string it is in psql, in
    JSON and in Python, there is no class to import, and a wrong label is a type error.
    An array's elements may be None unless the caller has proof. An array whose elements are
    arrays has several dimensions, for which PostgreSQL has no type of its own.
    What an extension brings is a string, in PostgreSQL's own text form.
    """
    ask = _Ask(
        name_class,
        parameter=parameter,
        in_json=False,
        element_nullable=element_nullable,
        name_type=name_type,
    )
    if shape is not None and not parameter:
        return _shaped(type_, shape, ask, "")
    return _typed(type_, ask, json_type)


class _Ask(NamedTuple):
    name_class: Namer
    parameter: bool
    in_json: bool
    element_nullable: bool = True
    name_type: TypeNamer | None = None
    # whether the header lets it be infinity
    infinity: bool = False


def _column(column: Column, ask: _Ask, name: str, *, json_type: str | None) -> PyType:
    if column.shape is not None and json_type is None:
        python = _shaped(column.type, column.shape, ask, name)
    else:
        python = _typed(column.type, ask, json_type)
    return python.or_none() if column.nullable else python


def _shaped(type_: PgType, shape: Shape, ask: _Ask, name: str) -> PyType:
    """Give the type of a value whose parts are known.

    A class is called for the table or the alias that its parts come from, and where there is
    none for `name`, that of the column or of the key that has the value.
    """
    in_json = ask.in_json or type_.name in _JSON
    inner = ask._replace(parameter=False, in_json=in_json, element_nullable=True)
    if shape.kind == "list":
        (element,) = shape.parts
        elements = _column(element, inner, name, json_type=None).inside("list[{}]")
        return _converted(elements) if in_json else elements
    parts = [_column(part, inner, part.name, json_type=None) for part in shape.parts]
    names = [part.name for part in shape.parts]
    if are_fields(names):
        return _dataclass(shape.name or name or "row", names, parts, ask)
    # some key cannot be the name of a field
    return _json(ask) if in_json else _tuple(parts)


def _typed(  # noqa: PLR0911 - one answer for each kind of type
    type_: PgType, ask: _Ask, json_type: str | None
) -> PyType:
    match type_.kind:
        case TypeKind.DOMAIN if type_.of is not None:
            return _typed(type_.of, ask, json_type)
        case TypeKind.ARRAY if type_.of is not None:
            return _array(type_.of, _typed(type_.of, ask, json_type), ask)
        case TypeKind.ENUM | TypeKind.COMPOSITE if dotted := _named(type_, ask):
            name = dotted.rpartition(".")[2]
            return PyType(name, frozenset({dotted}), converted=type_.kind is TypeKind.COMPOSITE)
        case TypeKind.ENUM:
            labels = ", ".join(map(repr, type_.labels))
            return PyType(f"Literal[{labels}]", frozenset({"typing.Literal"}))
        case TypeKind.COMPOSITE:
            return _composite(type_, ask)
        case TypeKind.RANGE | TypeKind.MULTIRANGE if type_.of is not None and not ask.in_json:
            kind = "Range" if type_.kind is TypeKind.RANGE else "Multirange"
            module = f"psycopg.types.{kind.lower()}.{kind}"
            return _typed(type_.of, ask._replace(parameter=False), None).inside(
                kind + "[{}]", module
            )
        case TypeKind.PSEUDO if type_.name == "record":
            return _json(ask) if ask.in_json else PyType("tuple[object, ...]")
        case _ if ask.in_json and (type_.is_cast_to_json or type_.name in _LISTS_IN_JSON):
            return _json(ask)
        case _:
            scalar = _scalar(type_.name, ask, json_type)
            if not ask.infinity or not has_infinity(type_) or scalar.annotation == "str":
                return scalar
            return scalar.inside("{} | Infinity", f"{_PYTYPES}.Infinity")


def _named(type_: PgType, ask: _Ask) -> str | None:
    # the class of a type is one for all queries: it has no infinity, and is not that of its json
    is_other = (ask.infinity and holds_infinity(type_)) or (
        ask.in_json and _is_other_in_json(type_)
    )
    return None if is_other or ask.name_type is None else ask.name_type(type_)


def _is_other_in_json(type_: PgType) -> bool:
    """Whether a type, or one that it is made of, is another Python type in json."""
    if type_.kind in {TypeKind.RANGE, TypeKind.MULTIRANGE} or type_.is_cast_to_json:
        return True
    inner = [field for _, field in type_.fields] + ([type_.of] if type_.of else [])
    return type_.name in _TEXT_IN_JSON | _LISTS_IN_JSON or any(map(_is_other_in_json, inner))


def _scalar(name: str, ask: _Ask, json_type: str | None) -> PyType:
    if name in _JSON:
        return _json(ask) if json_type is None else _dotted(json_type)
    if name == "vector" and not ask.in_json:
        if ask.parameter:
            return PyType("Sequence[float]", frozenset({"collections.abc.Sequence"}))
        return PyType("list[float]")
    if ask.in_json and name in _TEXT_IN_JSON:
        return PyType("str")
    if ask.parameter and name == "numeric":
        return PyType("Decimal | float", frozenset({"decimal.Decimal"}))
    dotted = _SCALARS.get(name, "str")
    imports = frozenset([dotted] if "." in dotted else ())
    return PyType(dotted.rpartition(".")[2], imports)


def _array(of: PgType, element: PyType, ask: _Ask) -> PyType:
    is_nested = of.kind is TypeKind.ARRAY
    # a part of an array of several dimensions is never null, but what is in it may be
    if ask.element_nullable and not is_nested:
        element = element.or_none()
    if ask.parameter:
        return element.inside("Sequence[{}]", "collections.abc.Sequence")
    # PostgreSQL holds no column to its number of dimensions, so the values are looked at
    return _converted(element.inside("list[{}]")) if is_nested else element.inside("list[{}]")


def _composite(type_: PgType, ask: _Ask) -> PyType:
    # a field of a composite value may be null, even if the table says not null
    inner = ask._replace(parameter=False, element_nullable=True)
    parts = [_typed(field, inner, None).or_none() for _, field in type_.fields]
    names = [name for name, _ in type_.fields]
    # a parameter has no class of its own
    if are_fields(names) and not (ask.parameter and ask.infinity):
        return _dataclass(type_.name, names, parts, ask)
    return _json(ask) if ask.in_json else _tuple(parts)


def _dataclass(suggested: str, names: list[str], parts: list[PyType], ask: _Ask) -> PyType:
    fields = tuple((name, part.annotation) for name, part in zip(names, parts, strict=True))
    name = ask.name_class(suggested, fields)
    return PyType(
        name,
        frozenset[str]().union(*(part.imports for part in parts)),
        (*(inner for part in parts for inner in part.classes), NestedClass(name, fields)),
        converted=True,
    )


def _tuple(parts: list[PyType]) -> PyType:
    inside = ", ".join(part.annotation for part in parts) or "()"
    return PyType(
        f"tuple[{inside}]",
        frozenset[str]().union(*(part.imports for part in parts)),
        tuple(inner for part in parts for inner in part.classes),
        converted=True,
    )


def _json(ask: _Ask) -> PyType:
    name = "JsonLike" if ask.parameter else "Json"
    return PyType(name, frozenset({f"{_PYTYPES}.{name}"}))


def _dotted(dotted: str) -> PyType:
    """Name a type of the user's own: the class alone is written, its module imported."""
    return PyType(dotted.rpartition(".")[2], frozenset({dotted}), converted=True)


def _converted(type_: PyType) -> PyType:
    return PyType(type_.annotation, type_.imports, type_.classes, converted=True)


def are_fields(names: list[str]) -> bool:
    """Whether these can be the fields of a class."""
    usable = all(
        name.isidentifier() and not iskeyword(name) and not name.startswith("__") for name in names
    )
    return bool(names) and usable and len(set(names)) == len(names)
