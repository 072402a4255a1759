"""Make a statement to run of one combination of a query, typed by the database at hand."""

from collections import namedtuple
from collections.abc import Callable, Iterable
from dataclasses import make_dataclass, replace
from types import SimpleNamespace
from typing import Any, get_type_hints

import psycopg

from dbkit.pgtypes import PyType, class_name, column_type, named_type, type_name
from dbkit.queryfiles import Combination, Query
from dbkit.runtime import BoundParameter, Result, Statement, lines_of
from dbkit.sqltext import Source
from dbkit.typedqueries import CheckedQuery, check_query


def make_statement(
    connection: psycopg.Connection[Any],
    query: Query,
    combination: Combination,
    source: Source,
    *,
    forget: Callable[[], object],
) -> Statement[Any]:
    """Ask the server about one combination, and make of it what generated code would hold.

    A row is a named tuple, the parts of a row or of json inside it are dataclasses. `forget` is
    called when the database turns out to have changed.
    """
    checked = check_query(connection, replace(query, combinations=(combination,)), source)
    types = {one.name: type_name(one.type) for one in checked.parameters if one.type is not None}
    return Statement(
        query=f"{query.subject}.{query.name}",
        path=query.path,
        text=combination.text,
        lines=lines_of(combination.pieces, source.text),
        parameters=tuple(BoundParameter(name, types[name]) for name in combination.parameters),
        columns=tuple(_results(checked)),
        row=_row(checked),
        forget=forget,
    )


def _row(checked: CheckedQuery) -> Callable[..., Any] | None:
    if len(checked.columns) == 1:
        return None
    names = [column.name for column in checked.columns]
    name = class_name(checked.query.name, ())
    # a name that begins with `_` is no field of a named tuple; it is reached by its place
    return namedtuple(name, names, rename=True)  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple] - the fields are the server's


def _results(checked: CheckedQuery) -> Iterable[Result]:
    json_types = dict(checked.json_types)
    classes = _Classes()
    for column in checked.columns:
        found = column_type(column, json_type=json_types.get(column.name), name_class=classes.name)
        into = classes.resolve(found) if found.converted else None
        yield Result(column.name, type_name(column.type), into)


class _Classes:
    """The classes that generated code would spell out."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[tuple[str, str], ...]] = {}
        self._known: dict[str, Any] = {}

    def name(self, suggested: str, fields: tuple[tuple[str, str], ...]) -> str:
        """Name a class, and two that differ differently."""
        # not to be taken for one that is imported
        name = f"_{class_name(suggested, fields)}"
        while self._fields.setdefault(name, fields) != fields:
            name += "_"
        return name

    def resolve(self, found: PyType) -> Any:  # noqa: ANN401 - a type form is not always a class
        """Turn an annotation into the type it means."""
        for dotted in found.imports:
            self._known[dotted.rpartition(".")[2]] = named_type(dotted)
        for made in found.classes:
            fields = [(name, self._meant(annotation)) for name, annotation in made.fields]
            if made.name not in self._known:
                self._known[made.name] = make_dataclass(
                    made.name.strip("_"), fields, frozen=True, slots=True
                )
        return self._meant(found.annotation)

    def _meant(self, annotation: str) -> Any:  # noqa: ANN401 - as above
        holder = SimpleNamespace(__annotations__={"it": annotation})
        return get_type_hints(holder, self._known)["it"]
