"""Keep views, functions, triggers and policies as their files say, in whatever order they need."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import psycopg

from dbkit.migrations.errors import BrokenObject, NotOneObject
from dbkit.migrations.executor import Executor
from dbkit.migrations.files import ObjectFile
from dbkit.migrations.ledger import (
    AppliedObject,
    CatalogObject,
    applied_objects,
    catalog_objects,
)
from dbkit.migrations.script import Script, read_object
from dbkit.migrations.status import is_object_pending

# the server's codes where an object cannot be replaced, or where others depend on it
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

    def apply(self, *, all_must: bool) -> tuple[list[str], list[str]]:
        """Make every object as its file says it; return the files applied and those left out.

        A file that fails is tried again after the others, as long as a round makes something.
        If an object cannot be replaced, all objects are taken down and made anew. With
        `all_must` a file that is left out is an error.
        """
        applied, present = self._applied(), self._present()
        pending = [file for file in self.files if is_object_pending(file, applied, present)]
        done, failed = self._apply_in_rounds(pending)
        if any(error.sqlstate in _NEEDS_REBUILD for error in failed.values()):
            self.take_down()
            done, failed = self._apply_in_rounds(list(self.files))
        if failed and all_must:
            raise next(iter(failed.values()))
        return done, [file.shown for file in failed]

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

    def _apply_in_rounds(
        self, pending: list[ObjectFile]
    ) -> tuple[list[str], dict[ObjectFile, psycopg.Error]]:
        done: list[str] = []
        failed: dict[ObjectFile, psycopg.Error] = {}
        while pending:
            failed = {}
            stems = {file.path.stem for file in pending}
            later: list[ObjectFile] = []
            for file in pending:
                if stems.intersection(file.after):
                    later.append(file)
                elif (error := self._apply_file(file)) is not None:
                    failed[file] = error
                    later.append(file)
                else:
                    done.append(file.shown)
                    stems.discard(file.path.stem)
            if len(later) == len(pending):
                _refuse_circle(later, failed)
                break
            pending = later
        return done, failed

    def _apply_file(self, file: ObjectFile) -> psycopg.Error | None:
        script = read_object(file)
        before = self._present()
        error = self._try(partial(self.executor.send, script))
        if error is not None and error.sqlstate in _EXISTS_ALREADY:
            earlier = self._applied().get(file.path.name)
            if earlier is not None:
                error = self._try(partial(self._replace, earlier, script))
        if error is None:
            self._enter(file, before)
        return error

    def _replace(self, earlier: AppliedObject, script: Script) -> None:
        self._drop(earlier)
        self.executor.send(script)

    def _enter(self, file: ObjectFile, before: Mapping[tuple[str, str], CatalogObject]) -> None:
        changed = [
            row
            for key, row in self._present().items()
            if key not in before or before[key].state != row.state
        ]
        if len(changed) != 1:
            raise NotOneObject(file.shown, tuple(f"{row.type} {row.identity}" for row in changed))
        entry = AppliedObject(file.path.name, file.checksum, changed[0].type, changed[0].identity)
        earlier = self._applied().get(entry.path)
        if earlier is not None and earlier.key != entry.key:
            # the file now makes an object with another name or other arguments; the old one
            # would still be called if it stayed
            self._drop(earlier)
        self.executor.session.run(self.executor.records.enter_object(entry))

    def _drop(self, entry: AppliedObject) -> None:
        self.executor.session.run(f"drop {entry.type} if exists {entry.identity}")

    def _try(self, action: Callable[[], None]) -> psycopg.Error | None:
        session = self.executor.session
        session.run("savepoint dbkit_object")
        try:
            action()
        except psycopg.Error as error:
            session.run("rollback to savepoint dbkit_object; release savepoint dbkit_object")
            return error
        session.run("release savepoint dbkit_object")
        return None


def _refuse_circle(later: Sequence[ObjectFile], failed: dict[ObjectFile, psycopg.Error]) -> None:
    if not failed:
        names = ", ".join(file.path.name for file in later)
        raise BrokenObject(later[0].shown, f"these files are each to come after another: {names}")
