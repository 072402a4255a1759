"""A query as generated code holds it: the script psql runs, and the types it was found to have."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from dbkit.errors import EditedQuery
from dbkit.queryfiles import combination_for, parse_queries
from dbkit.runtime import BoundParameter, Result, Statement, lines_of
from dbkit.runtime.omitted import OMITTED
from dbkit.sqltext import Source, decode

T = TypeVar("T")


class Origin(NamedTuple):
    """Where a module was generated from: a system, and the folder its files' paths begin in."""

    system: str
    root: Path


class _Picked(NamedTuple, Generic[T]):
    """The statement of one combination, and the names of its values in their order."""

    statement: Statement[T]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TypedQuery(Generic[T]):
    """One query and a table of its statements, each compiled when it is first called for.

    What is compiled is the script's text alone: no value is ever part of a statement.
    """

    source: Source
    # the subject and the name, as in "runs.list_recent"
    name: str
    origin: Origin
    # the type of each parameter that is bound, by the parameter's name
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    columns: Sequence[Result] = ()
    # called with the columns in order; None where the only column is the value itself
    row: Callable[..., T] | None = None
    # the keywords that may be left out, and those that stand for an identifier
    switches: Sequence[str] = ()
    choices: Sequence[str] = ()
    _table: dict[object, _Picked[T]] = field(
        default_factory=dict[object, _Picked[T]], init=False, repr=False
    )

    def with_values(self, /, **values: object) -> tuple[Statement[T], Sequence[object]]:
        """Pick the statement for what is given, and put its values in their order."""
        statement, names = self._pick(values)
        return statement, [values[name] for name in names]

    def with_sets(
        self, sets: Iterable[object], /, **values: object
    ) -> tuple[Statement[T], Iterable[Sequence[object]]]:
        """Pick the statement for what is given, and put each set of values in their order.

        A set has its values as attributes; a keyword is given once for all sets.
        """
        statement, names = self._pick(values)
        return statement, _in_order(names, sets, values)

    def _pick(self, values: Mapping[str, object]) -> _Picked[T]:
        given = tuple(name for name in self.switches if values[name] is not OMITTED)
        key = given, tuple(values[name] for name in self.choices)
        picked = self._table.get(key)
        if picked is None:
            if not self._table:
                self._refuse_edited()
            picked = self._table[key] = self._compiled(given, values)
        return picked

    def _refuse_edited(self) -> None:
        """Refuse to run what psql would no longer run: the file holds another statement by now.

        An installed package lies apart from its files, and then there is nothing to compare.
        """
        path = self.source.path
        try:
            content = (self.origin.root / path).read_bytes()
        except OSError:
            return
        if _lines(decode(content, path)) != _lines(self.source.text):
            raise EditedQuery(self.name, path, self.origin.system)

    def _compiled(self, given: tuple[str, ...], values: Mapping[str, object]) -> _Picked[T]:
        subject, _, name = self.name.partition(".")
        # a file of one query calls it by the file's own name
        [query] = [one for one in parse_queries(self.source, subject) if one.name == name]
        chosen = {one: str(values[one]) for one in self.choices if values[one] is not OMITTED}
        combination = combination_for(query, given, chosen)
        statement: Statement[T] = Statement(
            self.name,
            self.source.path,
            combination.text,
            lines_of(combination.pieces, self.source.text),
            tuple(BoundParameter(one, self.parameters[one]) for one in combination.parameters),
            tuple(self.columns),
            self.row,
        )
        return _Picked(statement, combination.parameters)


def _lines(text: str) -> str:
    # git may give a checkout the line ends of its system
    return text.replace("\r\n", "\n")


def _in_order(
    names: tuple[str, ...], sets: Iterable[Any], values: Mapping[str, object]
) -> Iterator[Sequence[object]]:
    for one in sets:
        yield [values[name] if name in values else getattr(one, name) for name in names]
