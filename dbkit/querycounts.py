"""Count the calls of queries that a test makes, and find those that are made for each row."""

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dbkit.runtime import Call


class QueryLoop(NamedTuple):
    """A line that called one query several times."""

    query: str
    caller: str
    times: int

    def __str__(self) -> str:
        return f"{self.caller} called {self.query} {self.times} times"


class QueryCounts:
    """The calls of queries so far: `queries["users.find"]` is how often one was called."""

    def __init__(self, root: Path) -> None:
        # what paths are shown relative to
        self._root = root
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        """Count a call."""
        self._calls.append(call)

    def __getitem__(self, query: str) -> int:
        return sum(query in {call.query, call.name} for call in self._calls)

    @property
    def total(self) -> int:
        """How many calls there were."""
        return len(self._calls)

    @property
    def loops(self) -> list[QueryLoop]:
        """The lines that called one query several times, most likely once for each row."""
        return self._loops(self._calls)

    @contextmanager
    def at_most(self, number: int) -> Generator[None]:
        """Let a test fail if a block makes more calls than so many; async code as well."""
        __tracebackhide__ = True
        before = len(self._calls)
        yield
        made = self._calls[before:]
        if len(made) > number:
            raise AssertionError(self._too_many(made, number))

    def _too_many(self, calls: Sequence[Call], number: int) -> str:
        counted = Counter(call.name for call in calls)
        lines = [f"{len(calls)} calls of queries, where at most {number} are allowed:"]
        lines += [f"  {count} of {name}" for name, count in counted.most_common()]
        for loop in self._loops(calls):
            lines.append(f"{loop}; if that is once for each row, let one query take all of them")
        return "\n".join(lines)

    def _loops(self, calls: Sequence[Call]) -> list[QueryLoop]:
        counted = Counter((call.name, self._line(call)) for call in calls if call.caller)
        return [QueryLoop(*made, count) for made, count in counted.most_common() if count > 1]

    def _line(self, call: Call) -> str:
        if call.caller is None:
            return ""
        path = Path(call.caller.path)
        shown = path.relative_to(self._root) if path.is_relative_to(self._root) else path
        return f"{shown}:{call.caller.line}"
