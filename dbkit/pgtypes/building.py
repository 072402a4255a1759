"""Build a value of a Python type out of what the driver or JSON gives, and check it on the way."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from importlib import import_module
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    TypeAlias,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)
from uuid import UUID

from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

Build: TypeAlias = Callable[[Any, str], Any]

_SHOWN = 60


class Unfit(ValueError):
    """A value does not fit its type; the message says where in the value, and why."""

    def __init__(self, path: str, expected: str, value: object) -> None:
        self.expected, self.value = expected, value
        shown = repr(value)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        super().__init__(f"{path}: expected {expected}, got {shown}")


@cache
def builder(  # noqa: PLR0911 - one answer for each kind of type
    annotation: Any,  # noqa: ANN401 - a type form is not always a class
) -> Build:
    """Give what turns a plain value into one of this type.

    Plain are the values of JSON (its fractions as Decimal, so that nothing is lost) and what
    psycopg gives for a composite: a tuple of its fields. A dataclass is built from either,
    in order or by name; keys it has no field for are left out.
    """
    origin = get_origin(annotation)
    if annotation is Any or annotation is object:
        return lambda value, _: _plain(value)
    if origin in {Union, UnionType}:
        return _union(annotation)
    if origin is Literal:
        return _literal(get_args(annotation))
    if origin in {Range, Multirange}:
        return _ranges(origin, builder(get_args(annotation)[0]))
    if origin in {list, tuple, dict} or annotation in {list, tuple, dict}:
        return _container(origin or annotation, get_args(annotation))
    if is_typeddict(annotation):
        return _typed_dict(annotation)
    if isinstance(annotation, type):
        return _class(annotation)
    message = f"{annotation!r} is not a type that JSON can become"
    raise TypeError(message)


def _class(cls: type[Any]) -> Build:
    if cls in _SCALARS:
        return _SCALARS[cls]
    if hasattr(cls, "__pydantic_validator__"):
        return _with_pydantic(cls)
    if hasattr(cls, "__struct_fields__"):
        return _with_msgspec(cls)
    if is_dataclass(cls):
        return _dataclass(cls)
    if issubclass(cls, Enum):
        return _enum(cls)
    return _instance(cls)


def _dataclass(cls: type[Any]) -> Build:
    hints = get_type_hints(cls)
    parts = [
        (field.name, builder(hints[field.name]), _has_default(field))
        for field in fields(cls)
        if field.init
    ]

    def build(value: object, path: str) -> object:
        if isinstance(value, cls):
            return value
        if isinstance(value, tuple):
            values = cast("tuple[object, ...]", value)
            if len(values) != len(parts):
                raise Unfit(path, f"{len(parts)} fields of {cls.__name__}", values)
            return cls(
                *(
                    make(field, f"{path}.{name}")
                    for (name, make, _), field in zip(parts, values, strict=True)
                )
            )
        items = _object(value, path, cls.__name__)
        arguments: dict[str, Any] = {}
        for name, make, is_optional in parts:
            if name in items:
                arguments[name] = make(items[name], f"{path}.{name}")
            elif not is_optional:
                raise Unfit(path, f"{cls.__name__} with {name!r}", value)
        return cls(**arguments)

    return build


def _typed_dict(cls: Any) -> Build:  # noqa: ANN401 - a TypedDict is no class to a type checker
    parts = {name: builder(hint) for name, hint in get_type_hints(cls).items()}
    required: frozenset[str] = cls.__required_keys__

    def build(value: object, path: str) -> object:
        items = _object(value, path, cls.__name__)
        for name in required:
            if name not in items:
                raise Unfit(path, f"{cls.__name__} with {name!r}", value)
        return {
            name: make(items[name], f"{path}.{name}")
            for name, make in parts.items()
            if name in items
        }

    return build


def _container(origin: type[Any], arguments: tuple[Any, ...]) -> Build:
    if origin is dict:
        make = builder(arguments[1] if arguments else Any)
        return lambda value, path: {
            key: make(item, f"{path}.{key}") for key, item in _object(value, path, "dict").items()
        }
    if origin is list or not arguments or arguments[-1] is ...:
        make = builder(arguments[0] if arguments else Any)
        return lambda value, path: cast(
            "object",
            origin(make(item, f"{path}[{index}]") for index, item in enumerate(_list(value, path))),
        )
    makes = [builder(argument) for argument in arguments]

    def build(value: object, path: str) -> object:
        values = _list(value, path)
        if len(values) != len(makes):
            raise Unfit(path, f"{len(makes)} values", value)
        return tuple(
            make(item, f"{path}[{index}]")
            for index, (make, item) in enumerate(zip(makes, values, strict=True))
        )

    return build


def _ranges(origin: type[Any], make: Build) -> Build:
    """Build the bounds, which may be rows, of a range or of many."""
    check_range, check_ranges = _instance(Range), _instance(Multirange)

    def build_range(value: object, path: str) -> Any:  # noqa: ANN401 - a Range of whatever it is
        range_ = check_range(value, path)
        if range_.isempty:
            return range_
        lower, upper = (
            None if bound is None else make(bound, f"{path}.{name}")
            for name, bound in (("lower", range_.lower), ("upper", range_.upper))
        )
        return Range(lower, upper, range_.bounds)

    def build(value: object, path: str) -> object:
        ranges = enumerate(check_ranges(value, path))
        return Multirange([build_range(range_, f"{path}[{index}]") for index, range_ in ranges])

    return build_range if origin is Range else build


def _union(annotation: Any) -> Build:  # noqa: ANN401 - as above
    arguments = get_args(annotation)
    makes = [builder(argument) for argument in arguments if argument is not NoneType]
    nullable = NoneType in arguments
    expected = " or ".join(getattr(part, "__name__", str(part)) for part in arguments)

    def build(value: object, path: str) -> object:
        if value is None and nullable:
            return None
        if len(makes) == 1:
            return makes[0](value, path)
        for make in makes:
            try:
                return make(value, path)
            except Unfit:
                continue
        raise Unfit(path, expected, value)

    return build


def _literal(allowed: tuple[Any, ...]) -> Build:
    def build(value: object, path: str) -> object:
        for literal in allowed:
            if type(literal) is type(value) and literal == value:
                return literal
        raise Unfit(path, f"one of {', '.join(map(repr, allowed))}", value)

    return build


def _enum(cls: type[Enum]) -> Build:
    def build(value: object, path: str) -> object:
        try:
            return cls(value)
        except ValueError:
            raise Unfit(path, f"a value of {cls.__name__}", value) from None

    return build


def _instance(cls: type[Any]) -> Build:
    def build(value: object, path: str) -> object:
        if isinstance(value, cls):
            return value
        raise Unfit(path, cls.__name__, value)

    return build


def _with_pydantic(cls: type[Any]) -> Build:
    # a pydantic dataclass validates as a model does; neither is imported until one is named
    adapter = import_module("pydantic").TypeAdapter(cls)

    def build(value: object, path: str) -> object:
        try:
            return adapter.validate_python(_plain(value))
        except ValueError as error:
            raise Unfit(path, f"{cls.__name__} ({_first(error)})", value) from error

    return build


def _with_msgspec(cls: type[Any]) -> Build:
    msgspec = import_module("msgspec")

    def build(value: object, path: str) -> object:
        try:
            return msgspec.convert(_plain(value), cls)
        except msgspec.ValidationError as error:  # a ValueError only since msgspec 0.21
            raise Unfit(path, f"{cls.__name__} ({_first(error)})", value) from error

    return build


def _first(error: Exception) -> str:
    return " ".join(str(error).split())


def _scalar(cls: type[Any], *parsed: type[Any], parse: Callable[[Any], Any]) -> Build:
    """Take a value of the class as it is, and one of these others through `parse`."""

    def build(value: object, path: str) -> object:
        if type(value) is cls:
            return value
        # in Python a bool is an int, in PostgreSQL it is not
        if isinstance(value, parsed) and not isinstance(value, bool):
            try:
                return parse(value)
            except (ValueError, InvalidOperation):
                pass
        elif isinstance(value, cls) and not isinstance(value, bool):
            return value
        raise Unfit(path, cls.__name__, value)

    return build


def _bytes(text: str) -> bytes:
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    raise ValueError(text)


def _float(value: Decimal | int | str) -> float:
    if isinstance(value, str) and value not in {"NaN", "Infinity", "-Infinity"}:
        raise ValueError(value)
    return float(value)


def _decimal(value: int | str) -> Decimal:
    if isinstance(value, str) and value not in {"NaN", "Infinity", "-Infinity"}:
        raise ValueError(value)
    return Decimal(value)


def _time(text: str) -> time:
    # 24:00 is the midnight of the next day, and since Python 3.13 would become that of this one
    if text.startswith("24"):
        raise ValueError(text)
    return time.fromisoformat(text)


_SCALARS: dict[type[Any], Build] = {
    bool: _scalar(bool, parse=bool),
    int: _scalar(int, parse=int),
    float: _scalar(float, int, Decimal, str, parse=_float),
    Decimal: _scalar(Decimal, int, str, parse=_decimal),
    str: _scalar(str, parse=str),
    bytes: _scalar(bytes, str, parse=_bytes),
    UUID: _scalar(UUID, str, parse=UUID),
    datetime: _scalar(datetime, str, parse=datetime.fromisoformat),
    date: _scalar(date, str, parse=date.fromisoformat),
    time: _scalar(time, str, parse=_time),
}


def _object(value: object, path: str, expected: str) -> Mapping[str, object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    raise Unfit(path, f"an object for {expected}", value)


def _list(value: object, path: str) -> list[object] | tuple[object, ...]:
    if isinstance(value, list | tuple):
        return cast("list[object] | tuple[object, ...]", value)
    raise Unfit(path, "a list", value)


def _plain(value: object) -> object:
    """Give JSON that nobody asked the Decimals of as `json.loads` would have items it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        values = cast("list[object]", value)
        return [_plain(item) for item in values]
    if isinstance(value, dict):
        parts = cast("dict[str, object]", value)
        return {key: _plain(part) for key, part in parts.items()}
    return value


def _has_default(field: Field[object]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def named_type(dotted: str) -> Any:  # noqa: ANN401 - as above
    """Import a type by its dotted name, as a header line gives it."""
    module, _, name = dotted.rpartition(".")
    return getattr(import_module(module) if module else sys.modules["builtins"], name)
