"""Hold a query file against a database: every combination of its parts, typed and made to agree."""

from collections.abc import Iterable
from dataclasses import replace
from keyword import iskeyword
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from dbkit.errors.querycheck import (
    ColumnsDiffer,
    DefaultDoesNotFit,
    DoesNotPrepare,
    KindDoesNotFit,
    ParametersDiffer,
    RepeatedColumn,
    UnknownNarrowing,
    UnnamedColumn,
)
from dbkit.queries.describing import describe
from dbkit.queries.model import Column, Description, Kind, PgType, Query, Variant
from dbkit.queries.pytypes import type_name
from dbkit.sqltext import Source

_NOT_NULL, _NULLABLE = "not null", "nullable"
_ROWS = {Kind.ONE, Kind.OPTIONAL, Kind.MANY, Kind.STREAM}


class CheckedParameter(NamedTuple):
    """A keyword of a query, with the type the server wants for it."""

    name: str
    # None for one that only switches a part on
    type: PgType | None
    nullable: bool
    default: str | None
    omittable: bool
    # what a json parameter is made from, where the header names a type
    json_type: str | None


class CheckedQuery(NamedTuple):
    """A query that the server understands in every combination, and what it said."""

    query: Query
    parameters: tuple[CheckedParameter, ...]
    columns: tuple[Column, ...]
    # of a json column the dotted type that the header names
    json_types: tuple[tuple[str, str], ...]
    described: tuple[tuple[Variant, Description], ...]

    @property
    def is_certain(self) -> bool:
        """Whether no more rows can come than the kind promises, in any combination."""
        if self.query.kind is Kind.ONE:
            return all(one.at_most_one and one.at_least_one for _, one in self.described)
        if self.query.kind is Kind.OPTIONAL:
            return all(one.at_most_one for _, one in self.described)
        return True


def check_query(connection: psycopg.Connection[Any], query: Query, source: Source) -> CheckedQuery:
    """Ask the server about every combination of a query's parts, or refuse the query.

    `source` is the file it was read from: what the server finds wrong is pointed at there.
    """
    shown = f"{query.subject}.{query.name}"
    narrowed = dict(query.narrowed)
    described = tuple(
        (variant, _describe(connection, shown, variant, source, narrowed))
        for variant in query.variants
    )
    columns = _agreed_columns(query, shown, described, narrowed)
    types = _agreed_types(query, shown, described)
    parameters = tuple(_parameters(query, types, described, narrowed))
    _refuse_unknown_narrowing(query, shown, columns, narrowed)
    _refuse_unfit_kind(query, shown, columns)
    for parameter in parameters:
        _refuse_unfit_default(connection, query, shown, parameter)
    json_types = tuple(
        (name, kind) for name, kind in query.narrowed if kind not in {_NOT_NULL, _NULLABLE}
    )
    return CheckedQuery(query, parameters, columns, json_types, described)


def _describe(
    connection: psycopg.Connection[Any],
    shown: str,
    variant: Variant,
    source: Source,
    narrowed: dict[str, str],
) -> Description:
    settled = {
        number: narrowed[name] == _NULLABLE
        for number, name in enumerate(variant.parameters, start=1)
        if narrowed.get(name) in {_NOT_NULL, _NULLABLE}
    }
    try:
        return describe(connection, variant.text, settled=settled)
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        offset = int(error.diag.statement_position or 1) - 1
        raise DoesNotPrepare(
            *source.place(_in_file(variant, offset)),
            query=shown,
            message=error.diag.message_primary or str(error),
            sqlstate=error.sqlstate,
            hint=error.diag.message_hint or "",
        ) from error


def _in_file(variant: Variant, offset: int) -> int:
    start, place = 0, 0
    for piece_start, piece_place in variant.pieces:
        if piece_start > offset:
            break
        start, place = piece_start, piece_place
    return place + offset - start


def _agreed_columns(
    query: Query,
    shown: str,
    described: tuple[tuple[Variant, Description], ...],
    narrowed: dict[str, str],
) -> tuple[Column, ...]:
    (_, first), *others = described
    expected = _signature(first.columns)
    for variant, description in others:
        if _signature(description.columns) != expected:
            given = ", ".join(sorted(variant.given)) or "nothing given"
            found = _signature(description.columns)
            raise ColumnsDiffer(shown, query.path, given, expected, found)
    _refuse_unusable_names(query, shown, first.columns)
    agreed: list[Column] = []
    for place, column in enumerate(first.columns):
        doubts = [one for _, said in described if (one := said.columns[place]).nullable]
        match narrowed.get(column.name):
            case "not null":
                agreed.append(replace(column, nullable=False, why=""))
            case "nullable":
                agreed.append(replace(column, nullable=True, why="the header says so"))
            case _:
                agreed.append(doubts[0] if doubts else column)
    return tuple(agreed)


def _signature(columns: Iterable[Column]) -> tuple[str, ...]:
    return tuple(f"{column.name} {type_name(column.type)}" for column in columns)


def _refuse_unusable_names(query: Query, shown: str, columns: tuple[Column, ...]) -> None:
    seen: set[str] = set()
    for place, column in enumerate(columns, start=1):
        # a single value is handed over without its name
        if len(columns) > 1 and (not column.name.isidentifier() or iskeyword(column.name)):
            raise UnnamedColumn(shown, query.path, column.name, place)
        if column.name in seen:
            raise RepeatedColumn(shown, query.path, column.name)
        seen.add(column.name)


def _agreed_types(
    query: Query, shown: str, described: tuple[tuple[Variant, Description], ...]
) -> dict[str, PgType]:
    types: dict[str, PgType] = {}
    for variant, description in described:
        for name, parameter in zip(variant.parameters, description.parameters, strict=True):
            known = types.setdefault(name, parameter.type)
            if known.oid != parameter.type.oid:
                both = type_name(known), type_name(parameter.type)
                raise ParametersDiffer(shown, query.path, name, both)
    return types


def _parameters(
    query: Query,
    types: dict[str, PgType],
    described: tuple[tuple[Variant, Description], ...],
    narrowed: dict[str, str],
) -> Iterable[CheckedParameter]:
    nullable = {
        name: all(
            said.parameters[variant.parameters.index(name)].nullable
            for variant, said in described
            if name in variant.parameters
        )
        for name in types
    }
    for parameter in query.parameters:
        said = narrowed.get(parameter.name)
        yield CheckedParameter(
            parameter.name,
            types.get(parameter.name),
            nullable.get(parameter.name, False),
            parameter.default,
            parameter.omittable,
            None if said in {None, _NOT_NULL, _NULLABLE} else said,
        )


def _refuse_unknown_narrowing(
    query: Query, shown: str, columns: tuple[Column, ...], narrowed: dict[str, str]
) -> None:
    known = (
        *(column.name for column in columns),
        *(parameter.name for parameter in query.parameters),
    )
    for name in narrowed:
        if name not in known:
            raise UnknownNarrowing(shown, query.path, name, known)


def _refuse_unfit_kind(query: Query, shown: str, columns: tuple[Column, ...]) -> None:
    if query.kind in _ROWS and not columns:
        reason = "the statement gives no rows; make it :exec, or add `returning`"
        raise KindDoesNotFit(shown, query.path, query.kind, reason)
    if query.kind is Kind.EXEC and columns:
        reason = "the statement gives rows; make it :many, or leave them out"
        raise KindDoesNotFit(shown, query.path, query.kind, reason)
    if query.kind is Kind.COPY and not query.variants[0].text.lstrip().lower().startswith("insert"):
        reason = "only a plain `insert into table (columns) values (…)` can be loaded by copy"
        raise KindDoesNotFit(shown, query.path, query.kind, reason)


def _refuse_unfit_default(
    connection: psycopg.Connection[Any], query: Query, shown: str, parameter: CheckedParameter
) -> None:
    if parameter.default is None or parameter.type is None:
        return
    wanted = type_name(parameter.type)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(
                sql.SQL("select cast({} as {})").format(
                    sql.Literal(parameter.default),
                    sql.SQL(wanted),  # pyright: ignore[reportArgumentType] - the server's own name of a type
                )
            )
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        raise DefaultDoesNotFit(
            shown,
            query.path,
            parameter.name,
            parameter.default,
            wanted,
            error.diag.message_primary or str(error),
        ) from error
