"""Keep views, functions, triggers and policies as their files say, in whatever order they need."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import psycopg

from dbkit.migrations.errors import NotOneObject
from dbkit.migrations.executor import Executor
from dbkit.migrations.files import ObjectFile
from dbkit.migrations.ledger import (
    AppliedObject,
    CatalogObject,
    applied_objects,
    catalog_objects,
)
from dbkit.migrations.objectcatalog import CatalogRow, catalog_rows, made_objects
from dbkit.migrations.objectorder import Makers, in_order, refuse_circle
from dbkit.migrations.script import Script, read_object
from dbkit.migrations.status import is_object_pending

_SAVEPOINT = "dbkit_object"
# the server's codes where something is not there (yet): a relation, a function, a column, a type
_MISSING = {"42P01", "42883", "42703", "42704"}
# where an object cannot be replaced, or where others depend on it
_NEEDS_REBUILD = {"2BP01", "42P16", "42P13"}
# and where a plain `create` meets the object that the same file made earlier
_EXISTS_ALREADY = {"42P07", "42710", "42723"}


@dataclass(frozen=True, slots=True)
class Objects:
    """The object files of one system, applied and taken down in the transaction that is open.

    The catalog is read again each time: when a transaction was rolled back and is tried again,
    nothing of the first attempt may be remembered.
    """

    executor: Executor
    files: tuple[ObjectFile, ...]
    # what was read of the files so far
    scripts: dict[ObjectFile, Script]

    def apply(self, *, all_must: bool) -> tuple[list[str], list[str]]:
        """Make every object as its file says it; return the files applied and those left out.

        If an object cannot be replaced, all objects are taken down and made anew. With
        `all_must` a file that is left out is an error.
        """
        refuse_circle(self.files)
        applied, present = self._applied(), self._present()
        pending = [file for file in self.files if is_object_pending(file, applied, present)]
        making = self._making(applied)
        making.make(pending)
        if any(error.sqlstate in _NEEDS_REBUILD for error in making.failed.values()):
            self.take_down()
            making = self._making({})
            making.make(self.files)
        self._enter(making, applied)
        if making.failed and all_must:
            raise next(iter(making.failed.values()))
        return [file.shown for file in making.done], [file.shown for file in making.failed]

    def take_down(self) -> list[str]:
        """Drop every object that came from a file; those that others depend on come last."""
        present, applied = self._present(), self._applied()
        remaining = [entry for entry in applied.values() if entry.key in present]
        while remaining:
            failed: dict[str, psycopg.Error] = {}
            for entry in remaining:
                error = self._try(partial(self._drop, entry))
                if error is not None:
                    failed[entry.path] = error
            if len(failed) == len(remaining):
                raise next(iter(failed.values()))
            remaining = [entry for entry in remaining if entry.path in failed]
        self._remove(applied)
        return list(applied)

    def drop(self, gone: Sequence[AppliedObject]) -> None:
        """Drop objects whose file is gone."""
        for entry in gone:
            self._drop(entry)
        self._remove(entry.path for entry in gone)

    def _remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.executor.session.run(self.executor.records.remove_object(path))

    def _present(self) -> Mapping[tuple[str, str], CatalogObject]:
        return catalog_objects(self.executor.session.connection)

    def _applied(self) -> dict[str, AppliedObject]:
        executor = self.executor
        entries = applied_objects(executor.session.connection, executor.records.books)
        return {entry.path: entry for entry in entries}

    def _making(self, applied: Mapping[str, AppliedObject]) -> "_Making":
        return _Making(self.executor, applied, {file: self._script(file) for file in self.files})

    def _script(self, file: ObjectFile) -> Script:
        if file not in self.scripts:
            self.scripts[file] = read_object(file)
        return self.scripts[file]

    def _enter(self, making: "_Making", applied: Mapping[str, AppliedObject]) -> None:
        executor = self.executor
        files = {file.path.name: file for file in making.done}
        made = made_objects(
            executor.session.connection, executor.records.books, files, making.before
        )
        entries: list[AppliedObject] = []
        for path, file in files.items():
            objects = made[path]
            if len(objects) != 1:
                raise NotOneObject(
                    file.shown, tuple(f"{made.type} {made.identity}" for made in objects)
                )
            entries.append(AppliedObject(path, file.checksum, *objects[0]))
        now = {entry.key for entry in entries}
        for entry in entries:
            earlier = applied.get(entry.path)
            if earlier is not None and earlier.key not in now:
                # the file now makes an object with another name or other arguments; the old one
                # would still be called if it stayed
                self._drop(earlier)
        if entries:
            executor.session.run(executor.records.enter_objects(entries))

    def _drop(self, entry: AppliedObject) -> None:
        self.executor.session.run(drop(entry))

    def _try(self, action: Callable[[], None]) -> psycopg.Error | None:
        session = self.executor.session
        session.run(f"savepoint {_SAVEPOINT}")
        try:
            action()
        except psycopg.Error as error:
            session.run(f"rollback to savepoint {_SAVEPOINT}; release savepoint {_SAVEPOINT}")
            return error
        session.run(f"release savepoint {_SAVEPOINT}")
        return None


@dataclass(slots=True)
class _Making:
    """One attempt to apply object files, each in a subtransaction of its own."""

    executor: Executor
    applied: Mapping[str, AppliedObject]
    scripts: Mapping[ObjectFile, Script]
    makers: Makers = field(init=False)
    # what was there when it began
    before: frozenset[CatalogRow] = field(init=False)
    done: list[ObjectFile] = field(default_factory=list[ObjectFile])
    failed: dict[ObjectFile, psycopg.Error] = field(default_factory=dict[ObjectFile, psycopg.Error])
    _by_stem: dict[str, ObjectFile] = field(init=False)
    _waiting: dict[ObjectFile, None] = field(default_factory=dict[ObjectFile, None])
    # the last error of each file
    _errors: dict[ObjectFile, psycopg.Error] = field(
        default_factory=dict[ObjectFile, psycopg.Error]
    )

    def __post_init__(self) -> None:
        self._by_stem = {file.path.stem: file for file in self.scripts}
        self.makers = Makers(self.scripts)
        self.before = catalog_rows(self.executor.session.connection)

    def make(self, files: Iterable[ObjectFile]) -> None:
        """Apply files, in the order that their texts suggest and the server's errors correct.

        Those that fail are tried again as long as something was made since.
        """
        self._waiting = dict.fromkeys(in_order(files, self.scripts, self.makers))
        self.executor.session.run(f"savepoint {_SAVEPOINT}")
        while self._waiting:
            made = len(self.done)
            self.failed = {}
            for file in tuple(self._waiting):
                self._make_with_needs(file)
            if len(self.done) == made:
                break
        self.executor.session.run(f"release savepoint {_SAVEPOINT}")

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
        return file in self._waiting and file not in self.failed

    def _to_come_before(self, file: ObjectFile) -> Iterator[ObjectFile]:
        named = (self._by_stem[stem] for stem in file.after)
        return (other for other in named if other in self._waiting)

    def _missing(self, error: psycopg.Error, stack: Mapping[ObjectFile, None]) -> ObjectFile | None:
        if error.sqlstate not in _MISSING:
            return None
        named = self.makers.mentioned(error.diag.message_primary or "")
        return next((file for file in named if self._can_try(file) and file not in stack), None)

    def _try(self, file: ObjectFile) -> psycopg.Error | None:
        session, script = self.executor.session, self.scripts[file]
        mark = self.executor.records.mark_object(file.path.name, file.checksum)
        session.run(f"release savepoint {_SAVEPOINT}; savepoint {_SAVEPOINT}; {mark}")
        try:
            try:
                self.executor.send(script)
            except psycopg.Error as error:
                earlier = self.applied.get(file.path.name)
                if error.sqlstate not in _EXISTS_ALREADY or earlier is None:
                    raise
                session.run(f"rollback to savepoint {_SAVEPOINT}; {mark}; {drop(earlier)}")
                self.executor.send(script)
        except psycopg.Error as error:
            session.run(f"rollback to savepoint {_SAVEPOINT}")
            self._errors[file] = error
            return error
        del self._waiting[file]
        self.done.append(file)
        return None


def drop(entry: AppliedObject) -> str:
    """Return what drops an object, if it is there."""
    return f"drop {entry.type} if exists {entry.identity}"
