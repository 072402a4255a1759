"""Call the queries of a folder by name, without generated code: each is typed at its first call."""

import asyncio
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, make_dataclass, replace
from functools import partial
from inspect import Parameter as Argument
from inspect import Signature, isawaitable
from itertools import chain, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeAlias, TypeVar, get_type_hints

from psycopg import AsyncConnection, Connection

from dbkit.errors import QueryError, nearest
from dbkit.pgtypes import PyType, class_name, column_type, named_type, type_name
from dbkit.queryfiles import (
    Choice,
    Combination,
    Query,
    QueryKind,
    QueryParameter,
    combination_for,
    copy_target,
    find_queries,
)
from dbkit.runtime import (
    OMITTED,
    AnyConnection,
    AsText,
    Line,
    Piece,
    SqlFile,
    Statement,
    batch,
    batch_rows,
    copy,
    execute,
    many,
    one,
    optional,
    stream,
    write_types,
)
from dbkit.sqltext import Source, decode
from dbkit.typedqueries import TypedQuery, type_query

T = TypeVar("T")


@dataclass(eq=False)
class NoQueryFolder(QueryError):
    """The folder that queries are to be loaded from is not there."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} is no folder; queries are loaded from one, as in sql/<system>"


@dataclass(eq=False)
class UnknownQuery(QueryError, KeyError):
    """No query of this name was loaded."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        meant = nearest(self.name, self.known)
        return f"unknown query {self.name!r}{meant or _all('queries', self.known)}"


@dataclass(eq=False)
class UnknownKeyword(QueryError, TypeError):
    """A query is called with a keyword that it does not take."""

    query: str
    keyword: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        meant = nearest(self.keyword, self.known)
        return f"{self.query} takes no {self.keyword!r}{meant}{_all('keywords', self.known)}"


@dataclass(eq=False)
class MissingKeyword(QueryError, TypeError):
    """A query is called without a keyword that it needs."""

    query: str
    keyword: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.query} needs {self.keyword!r}{_all('keywords', self.known)}"


@dataclass(eq=False)
class MisplacedSets(QueryError, TypeError):
    """Many sets of values are given to a query that takes one, or none to one that takes many."""

    query: str
    kind: str

    def __str__(self) -> str:
        if self.kind in {"batch", "copy"}:
            return f"{self.query} is :{self.kind} and needs its sets of values, a list of mappings"
        return f"{self.query} is :{self.kind} and takes its values as keywords; :batch takes many"


@dataclass(eq=False)
class UnequalSets(QueryError, ValueError):
    """The sets of values of one call have different names, so they need different statements."""

    query: str
    number: int
    expected: tuple[str, ...]
    found: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.query}: set {self.number} has ({', '.join(self.found)}), "
            f"where the first has ({', '.join(self.expected)})"
        )


def _all(what: str, known: tuple[str, ...]) -> str:
    return f"; {what}: {', '.join(known) or 'none'}"


Values: TypeAlias = Mapping[str, object]

_KINDS_OF_SETS = {QueryKind.BATCH, QueryKind.COPY}


def load(folder: str | Path, *, root: Path | None = None, system: str | None = None) -> "Queries":
    """Read every query file of a system's folder, `sql/<system>`; no database is asked yet.

    `root` is where the paths in messages begin, the current folder if it is not given. `system`
    is what observers are told, the folder's name if it is not given.
    """
    folder, root = Path(folder), root or Path()
    if not folder.is_dir():
        raise NoQueryFolder(str(folder))
    sources: dict[str, Source] = {}
    loaded: list[LoadedQuery] = []
    for query in find_queries(folder, root):
        if query.path not in sources:
            text = decode((root / query.path).read_bytes(), query.path)
            sources[query.path] = Source(query.path, text)
        name = folder.resolve().name if system is None else system
        loaded.append(LoadedQuery(query, sources[query.path], name))
    return Queries(loaded)


class Queries(Mapping[str, "LoadedQuery"]):
    """The queries of a system by `subject.name`."""

    def __init__(self, loaded: Iterable["LoadedQuery"]) -> None:
        self._loaded = {query.name: query for query in loaded}

    def __getitem__(self, name: str) -> "LoadedQuery":
        try:
            return self._loaded[name]
        except KeyError:
            raise UnknownQuery(name, tuple(self._loaded)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)


class CallValues(NamedTuple):
    """Which combination of a query is meant, and the value of each parameter."""

    given: frozenset[str]
    chosen: tuple[tuple[str, str], ...]
    values: Values

    def bound(self, statement: Statement[Any]) -> list[object]:
        """Put the values in the order of the statement's parameters."""
        return [self.values[name] for name in statement.takes]


class LoadedQuery:
    """A query as a function: `query(connection, project="aismr")`.

    A `:batch` or `:copy` takes its sets of values, as mappings, after the connection. With an
    `AsyncConnection` every call is awaited, that of a `:stream` for the stream itself.
    """

    def __init__(self, query: Query, source: Source, system: str) -> None:
        self.query = query
        self.system = system
        self.name = f"{query.subject}.{query.name}"
        self.__name__ = query.name
        self.__doc__ = query.documentation
        self.__signature__ = _signature(query)
        self.source = source
        self._statements: dict[tuple[object, ...], Statement[Any]] = {}

    def __repr__(self) -> str:
        return f"<{self.name}{self.__signature__}>"

    def __call__(
        self,
        connection: AnyConnection,
        sets: Iterable[Values] | None = None,
        /,
        **values: object,
    ) -> Any:  # noqa: ANN401 - what comes back is known to the database alone
        """Run the query, in the transaction that the connection is in or begins."""
        if (sets is not None) is not (self.query.kind in _KINDS_OF_SETS):
            raise MisplacedSets(self.name, self.query.kind)
        if sets is None:
            call = self.call(values)
        else:
            remaining = iter(sets)
            head = list(islice(remaining, 1))
            sets = chain(head, remaining)
            call = self._call_of_sets(head, values)
        if isinstance(connection, AsyncConnection):
            return self._awaited(connection, call, sets)
        return self._run(connection, self.statement(connection, call), call, sets)

    def call(self, values: Values) -> CallValues:
        """Find the combination for these values, or refuse a value by its name."""
        self._refuse_unknown(values, self._names)
        values = _without_omitted(values)
        for keyword in _keywords(self.query):
            if not _can_be_left_out(keyword) and keyword.name not in values:
                raise MissingKeyword(self.name, keyword.name, self._names)
        return self._call(values)

    def _call_of_sets(self, head: list[Values], shared: Values) -> CallValues:
        """Find the combination for many sets of values, which all have the names of the first."""
        if not head:
            self._refuse_unknown(shared, self._names)
            return self._call(_without_omitted(shared))
        self._refuse_unknown(
            head[0],
            tuple(parameter.name for parameter in self.query.parameters if not parameter.flag),
        )
        return self.call({**shared, **head[0]})

    def _call(self, values: Values) -> CallValues:
        query = self.query
        flags = {parameter.name for parameter in query.parameters if parameter.flag}
        defaults = {
            parameter.name: AsText(parameter.default)
            for parameter in query.parameters
            if parameter.default is not None
        }
        return CallValues(
            # in psql any value switches a part on; in Python, False switches it off
            frozenset(name for name in values if name not in flags or values[name] is not False),
            tuple(
                (choice.name, str(values[choice.name]))
                for choice in query.choices
                if choice.name in values
            ),
            {**defaults, **values},
        )

    def statement(self, connection: Connection[Any], call: CallValues) -> Statement[Any]:
        """Give the statement of a combination, typed by the connection's database."""
        key = _key(connection, call)
        if key not in self._statements:
            combination = combination_for(self.query, call.given, dict(call.chosen))
            forget = partial(self._statements.pop, key, None)
            self._statements[key] = make_statement(
                connection,
                self.query,
                combination,
                self.source,
                system=self.system,
                forget=forget,
            )
        return self._statements[key]

    async def _awaited(
        self,
        connection: AsyncConnection[Any],
        call: CallValues,
        sets: Iterable[Values] | None,
    ) -> object:
        statement = self._statements.get(_key(connection, call))
        if statement is None:
            statement = await in_thread(connection, lambda lent: self.statement(lent, call))
        result: Any = self._run(connection, statement, call, sets)
        return await result if isawaitable(result) else result

    def _run(
        self,
        connection: Any,  # noqa: ANN401 - blocking or async, and so is the result
        statement: Statement[Any],
        call: CallValues,
        sets: Iterable[Values] | None,
    ) -> Any:  # noqa: ANN401 - as above
        if sets is not None:
            rows = self._in_order(statement, sets, call.values)
            gives_rows = bool(statement.gives)
            return _RUN_SETS[self.query.kind, gives_rows](connection, statement, rows)
        return _RUN[self.query.kind](connection, statement, call.bound(statement))

    def _in_order(
        self, statement: Statement[Any], sets: Iterable[Values], shared: Values
    ) -> Iterator[list[object]]:
        names: set[str] = set()
        for number, set_ in enumerate(sets, start=1):
            own = _without_omitted(set_)
            if number == 1:
                names = set(own)
            if set(own) != names:
                raise UnequalSets(self.name, number, tuple(sorted(names)), tuple(sorted(own)))
            values = {**shared, **own}
            yield [values[name] for name in statement.takes]

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(keyword.name for keyword in _keywords(self.query))

    def _refuse_unknown(self, values: Values, known: tuple[str, ...]) -> None:
        for name in values:
            if name not in known:
                raise UnknownKeyword(self.name, name, known)


_RUN: dict[QueryKind, Any] = {
    QueryKind.ONE: one,
    QueryKind.OPTIONAL: optional,
    QueryKind.MANY: many,
    QueryKind.STREAM: stream,
    QueryKind.EXEC: execute,
}
# also by whether rows come back
_RUN_SETS: dict[tuple[QueryKind, bool], Any] = {
    (QueryKind.BATCH, False): batch,
    (QueryKind.BATCH, True): batch_rows,
    (QueryKind.COPY, False): copy,
    (QueryKind.COPY, True): copy,
}


def _keywords(query: Query) -> list[QueryParameter | Choice]:
    return [*query.parameters, *query.choices]


def _without_omitted(values: Values) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not OMITTED}


def _can_be_left_out(keyword: QueryParameter | Choice) -> bool:
    is_flag = isinstance(keyword, QueryParameter) and keyword.flag
    return is_flag or keyword.omittable or keyword.default is not None


def _key(connection: AnyConnection, call: CallValues) -> tuple[object, ...]:
    wire = connection.pgconn
    # with another role or search path, the same names may be other tables
    return (wire.host, wire.port, wire.db, wire.user, wire.options, call.given, call.chosen)


def _signature(query: Query) -> Signature:
    """Make the signature that a notebook shows."""
    arguments = [Argument("connection", Argument.POSITIONAL_ONLY)]
    if query.kind in _KINDS_OF_SETS:
        arguments.append(Argument("sets", Argument.POSITIONAL_ONLY))
    for keyword in _keywords(query):
        default: object = keyword.default
        if default is None:
            default = OMITTED if _can_be_left_out(keyword) else Argument.empty
        arguments.append(Argument(keyword.name, Argument.KEYWORD_ONLY, default=default))
    return Signature(arguments)


def make_statement(  # noqa: PLR0913 - all that a statement is made of
    connection: Connection[Any],
    query: Query,
    combination: Combination,
    source: Source,
    *,
    system: str,
    forget: Callable[[], object],
) -> Statement[Any]:
    """Ask the server about one combination, and make the statement that generated code would have.

    A row is a named tuple, the parts of a row or of json inside it are dataclasses. `forget` is
    called when the database turns out to have changed.
    """
    typed = type_query(connection, replace(query, combinations=(combination,)), source)
    types = {
        parameter.name: (parameter.name, type_name(parameter.type), parameter.nullable)
        for parameter in typed.parameters
        if parameter.type is not None
    }
    return Statement(
        SqlFile(f"{query.subject}.{query.name}", query.path, system=system),
        tuple(_pieces(combination, source)),
        takes=write_types(types[name] for name in combination.parameters),
        gives=write_types(
            (column.name, type_name(column.type), column.nullable) for column in typed.columns
        ),
        into=dict(_classes(typed)),
        row=_row(typed),
        copied=copy_target(combination.text) if query.kind is QueryKind.COPY else None,
        infinite=tuple(typed.infinite),
        forget=forget,
    )


def _pieces(combination: Combination, source: Source) -> Iterator[Piece]:
    """Give each piece of the text, after its line in the file."""
    starts = [start for start, _ in combination.pieces]
    ends = [*starts[1:], len(combination.text)]
    for (start, offset), end in zip(combination.pieces, ends, strict=True):
        yield Line(source.position(offset).line)
        yield combination.text[start:end]


def _row(typed: TypedQuery) -> Callable[..., Any] | None:
    if len(typed.columns) == 1:
        return None
    names = [column.name for column in typed.columns]
    name = class_name(typed.query.name, ())
    # a named tuple has no field that begins with `_`; such a column is read by its position
    return namedtuple(name, names, rename=True)  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple] - the fields are the server's


def _classes(typed: TypedQuery) -> Iterator[tuple[str, Any]]:
    """Make the classes that generated code would spell out, for the columns that become one."""
    json_types = dict(typed.json_types)
    classes = _Classes()
    for column in typed.columns:
        annotation = column_type(
            column,
            json_type=json_types.get(column.name),
            infinity=column.name in typed.infinite,
            name_class=classes.name,
        )
        if annotation.converted:
            yield column.name, classes.resolve(annotation)


class _Classes:
    """The classes that generated code would spell out."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[tuple[str, str], ...]] = {}
        self._types: dict[str, Any] = {}

    def name(self, suggested: str, fields: tuple[tuple[str, str], ...]) -> str:
        """Name a class; classes with different fields get different names."""
        # the underscore keeps it apart from an imported class
        name = f"_{class_name(suggested, fields)}"
        while self._fields.setdefault(name, fields) != fields:
            name += "_"
        return name

    def resolve(self, pytype: PyType) -> Any:  # noqa: ANN401 - a type form is not always a class
        """Turn an annotation into the type it means."""
        for dotted in pytype.imports:
            self._types[dotted.rpartition(".")[2]] = named_type(dotted)
        for nested in pytype.classes:
            fields = [(name, self._evaluate(annotation)) for name, annotation in nested.fields]
            if nested.name not in self._types:
                self._types[nested.name] = make_dataclass(
                    nested.name.strip("_"), fields, frozen=True, slots=True
                )
        return self._evaluate(pytype.annotation)

    def _evaluate(self, annotation: str) -> Any:  # noqa: ANN401 - as above
        holder = SimpleNamespace(__annotations__={"it": annotation})
        return get_type_hints(holder, self._types)["it"]


async def in_thread(connection: AsyncConnection[Any], work: Callable[[Connection[Any]], T]) -> T:
    """Run a blocking function on the session of an async connection, in its open transaction.

    It runs in a thread. Meanwhile the connection is locked, and the event loop goes on.
    """
    async with connection.lock:
        task = asyncio.create_task(asyncio.to_thread(_lend, connection, work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # the thread cannot be stopped, and uses the wire until it ends
            await asyncio.wait([task])
            raise


def _lend(connection: AsyncConnection[Any], work: Callable[[Connection[Any]], T]) -> T:
    pgconn = connection.pgconn
    handlers = pgconn.notice_handler, pgconn.notify_handler
    borrowed: Connection[Any] = Connection(pgconn)
    # both connections would give their prepared statements the same names
    borrowed.prepare_threshold = None
    try:
        pgconn.notice_handler, pgconn.notify_handler = handlers
        return work(borrowed)
    finally:
        # the wire stays open for the other connection; without this, psycopg warns of that
        del borrowed.pgconn
