"""Apply object files, each in a subtransaction of its own, in the order that the server needs."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile

import psycopg

from dbkit.migrations.executor import Executor, fits_at_once
from dbkit.migrations.files import ObjectFile
from dbkit.migrations.ledger import AppliedObject
from dbkit.migrations.objectcatalog import CatalogRow, catalog_rows, made_objects, marks
from dbkit.migrations.objectdropping import Dropping
from dbkit.migrations.objecterrors import BrokenObject, NotOneObject
from dbkit.migrations.objectorder import Makers, in_order
from dbkit.migrations.script import Script

# the server's codes where something is not there (yet): a relation, a function, a column, a type
MISSING = {"42P01", "42883", "42703", "42704"}
# where a plain `create` meets what is there, where an object cannot be replaced, and where
# others depend on it
_IN_THE_WAY = {"42P07", "42710", "42723", "42P16", "42P13", "2BP01"}
_SAVEPOINT = "dbkit_object"
_MOST_TOGETHER = 50


@dataclass(slots=True)
class Making:
    """One attempt to apply object files; it knows what was there when it began."""

    dropping: Dropping
    scripts: Mapping[ObjectFile, Script]
    makers: Makers
    done: list[ObjectFile] = field(default_factory=list[ObjectFile])
    failed: dict[ObjectFile, psycopg.Error] = field(default_factory=dict[ObjectFile, psycopg.Error])
    _applied: dict[str, AppliedObject] = field(init=False)
    _before: frozenset[CatalogRow] = field(init=False)
    _files: dict[str, ObjectFile] = field(init=False)
    _waiting: dict[ObjectFile, None] = field(default_factory=dict[ObjectFile, None])
    _helpers: set[ObjectFile] = field(default_factory=set[ObjectFile])
    # the last error of each file
    _errors: dict[ObjectFile, psycopg.Error] = field(
        default_factory=dict[ObjectFile, psycopg.Error]
    )
    # the subtransactions of the files that are entered in the ledger
    _marks: dict[str, int] = field(default_factory=dict[str, int])
    _outdated: list[AppliedObject] = field(default_factory=list[AppliedObject])

    def __post_init__(self) -> None:
        self._applied = self.dropping.applied()
        self._before = catalog_rows(self.dropping.connection)
        self._files = {file.path.name: file for file in self.scripts}

    def make(self, files: Iterable[ObjectFile], helpers: Iterable[ObjectFile] = ()) -> None:
        """Apply files, and of the helpers those that they turn out to need.

        The order is that which their texts suggest and the server's errors correct. Those that
        fail are tried again as long as something was made since. An object that cannot be
        replaced is taken down with those that hang on it, and all of them are made anew.
        """
        self._helpers = set(helpers)
        self._wait_for(files)
        dropped_by_file = [
            self._applied[file.path.name]
            for file in self._waiting
            if file.path.name in self._applied and self._drops(file)
        ]
        if dropped_by_file:
            self.dropping.keep(dropped_by_file)
        while self._waiting:
            self._make_what_can_be_made()
            if again := self._drop_outdated():
                self._make_again(again)
        self._check_makers()
        for file in self.done:
            if file.path.name in self.dropping.kept:
                self.dropping.put_back(self.scripts[file], self._applied[file.path.name])

    def _wait_for(self, files: Iterable[ObjectFile]) -> None:
        # those that failed may be made now
        files = [*files, *self.failed]
        self._waiting |= dict.fromkeys(in_order(files, self.scripts, self.makers))

    def _make_what_can_be_made(self) -> None:
        session = self._executor.session
        session.run(f"savepoint {_SAVEPOINT}")
        while self._waiting:
            made = len(self.done)
            self.failed = {}
            files = deque(self._waiting)
            while files:
                for _ in range(self._try_together(files)):
                    files.popleft()
                if files:
                    self._make_with_needs(files.popleft())
            if len(self.done) == made:
                break
        session.run(f"release savepoint {_SAVEPOINT}")
        self._waiting = {}

    def _make_with_needs(self, file: ObjectFile) -> None:
        """Apply a file, and before it those whose objects it turns out to need."""
        # a dict keeps the order, and finds a file at once
        stack = {file: None}
        while stack:
            file = next(reversed(stack))
            if not self._can_try(file):
                del stack[file]
                continue
            needed = next(self._to_come_before(file), None)
            if needed is not None and (needed in stack or needed in self.failed):
                self.failed[file] = self._errors[needed]
            elif needed is not None:
                stack[needed] = None
            elif (error := self._try(file)) is not None:
                needed = self._missing(error, stack)
                if needed is None:
                    self.failed[file] = error
                else:
                    stack[needed] = None

    def _can_try(self, file: ObjectFile) -> bool:
        return (file in self._waiting or file in self._helpers) and file not in self.failed

    def _to_come_before(self, file: ObjectFile) -> Iterator[ObjectFile]:
        named = (self._files[f"{stem}.sql"] for stem in file.after)
        return (other for other in named if other in self._waiting or other in self._helpers)

    def _missing(self, error: psycopg.Error, stack: Mapping[ObjectFile, None]) -> ObjectFile | None:
        if error.sqlstate not in MISSING:
            return None
        named = self.makers.mentioned(error.diag.message_primary or "")
        return next((file for file in named if self._can_try(file) and file not in stack), None)

    def _try_together(self, files: Iterable[ObjectFile]) -> int:
        """Apply the first files in one go, and return how many were made before one failed."""
        along = list(takewhile(self._goes_along, islice(files, _MOST_TOGETHER)))
        if len(along) == 1:
            return 0
        session, records = self._executor.session, self._executor.records
        texts: list[str] = []
        ends: list[int] = []
        for file in along:
            mark = records.mark_object(file.path.name, file.checksum)
            texts += f"release savepoint {_SAVEPOINT}", f"savepoint {_SAVEPOINT}", mark
            texts += (statement.text for statement in self.scripts[file].statements)
            ends.append(len(texts))
        try:
            session.run_all(texts)
        except psycopg.Error:
            del along[bisect_right(ends, session.done) :]
            session.run(f"rollback to savepoint {_SAVEPOINT}")
        for file in along:
            self._waiting.pop(file, None)
            self.done.append(file)
        return len(along)

    def _goes_along(self, file: ObjectFile) -> bool:
        return self._can_try(file) and not file.after and fits_at_once(self.scripts[file])

    def _try(self, file: ObjectFile) -> psycopg.Error | None:
        session = self._executor.session
        mark = self._executor.records.mark_object(file.path.name, file.checksum)
        session.run(f"release savepoint {_SAVEPOINT}; savepoint {_SAVEPOINT}; {mark}")
        taken: list[AppliedObject] = []
        try:
            try:
                self._executor.send(self.scripts[file])
            except psycopg.Error as error:
                earlier = self._applied.get(file.path.name)
                if error.sqlstate not in _IN_THE_WAY or earlier is None:
                    raise
                session.run(f"rollback to savepoint {_SAVEPOINT}; release savepoint {_SAVEPOINT}")
                # what was made a moment ago may hang on it, and has to be known as ours
                self._enter()
                session.run(f"savepoint {_SAVEPOINT}")
                taken = self.dropping.take_down([earlier])
                if not taken:
                    raise
                session.run(mark)
                self._executor.send(self.scripts[file])
        except psycopg.Error as error:
            session.run(f"rollback to savepoint {_SAVEPOINT}")
            self._errors[file] = error
            return error
        self._waiting.pop(file, None)
        self._helpers.discard(file)
        self.done.append(file)
        if taken:
            again = (entry.path for entry in taken if entry.path != file.path.name)
            self._make_again(self._files[path] for path in again)
        return None

    def _drops(self, file: ObjectFile) -> bool:
        return any(statement.command == "drop" for statement in self.scripts[file].statements)

    def _make_again(self, files: Iterable[ObjectFile]) -> None:
        again = list(files)
        for file in again:
            if file in self.done:
                self.done.remove(file)
            self._marks.pop(file.path.name, None)
        self._wait_for(again)

    def _enter(self) -> None:
        """Enter in the ledger what the files made."""
        new = {file.path.name: file for file in self.done if file.path.name not in self._marks}
        if not new:
            return
        connection, records = self.dropping.connection, self._executor.records
        self._marks |= marks(connection, records.books, new)
        made = made_objects(connection, self._marks, self._before)
        entries: list[AppliedObject] = []
        for path, file in new.items():
            if len(made[path]) != 1:
                self._refuse(file, tuple(f"{made.type} {made.identity}" for made in made[path]))
            entries.append(AppliedObject(path, file.checksum, *made[path][0]))
        self._executor.session.run(records.enter_objects(entries))
        self._outdated += [self._applied[path] for path in new if path in self._applied]
        self._applied |= {entry.path: entry for entry in entries}

    def _drop_outdated(self) -> list[ObjectFile]:
        """Drop what files made before and no longer, and return those that hung on it.

        If they now make an object with another name or other arguments, the old one would still
        be called if it stayed.
        """
        self._enter()
        now = {entry.key: entry for entry in self._applied.values()}
        outdated = [entry for entry in self._outdated if entry.key not in now]
        self._outdated = []
        taken = self.dropping.take_down(outdated)
        return [self._files[entry.path] for entry in taken if entry.key in now]

    def _check_makers(self) -> None:
        """Refuse two files for one object; forget a file that is gone, if another one took over."""
        by_key: dict[tuple[str, str], AppliedObject] = {}
        for entry in self._applied.values():
            if entry.path in self._files:
                other = by_key.setdefault(entry.key, entry)
                if other is not entry:
                    self._refuse_second(entry, other)
        gone = [entry for path, entry in self._applied.items() if path not in self._files]
        self.dropping.forget(entry for entry in gone if entry.key in by_key)

    def _refuse_second(self, entry: AppliedObject, other: AppliedObject) -> None:
        file, first = self._files[entry.path], self._files[other.path]
        raise BrokenObject(file.shown, f"makes {' '.join(entry.key)}, which {first.shown} makes")

    def _refuse(self, file: ObjectFile, made: tuple[str, ...]) -> None:
        if not made:
            for other in self.makers.rivals(file):
                if other in self.done:
                    raise BrokenObject(file.shown, f"makes what {other.shown} makes")
        raise NotOneObject(file.shown, made)

    @property
    def _executor(self) -> Executor:
        return self.dropping.executor
