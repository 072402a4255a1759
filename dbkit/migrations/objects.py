"""Keep views, functions, triggers and policies as their files say, whatever the order they need."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import psycopg

from dbkit.migrations.errors import BrokenObject
from dbkit.migrations.inventory import CatalogObject, catalog_objects
from dbkit.migrations.ledger import AppliedObject, made_objects
from dbkit.migrations.object_files import MAKES_ONE, ObjectFile, is_pending
from dbkit.migrations.running import Run
from dbkit.migrations.script import Script, read_object

# an object stands in the way of its own replacement, or of what depends on it
_REBUILD = {"2BP01", "42P16", "42P13"}
# a plain `create` met what the file itself made earlier
_THERE_ALREADY = {"42P07", "42710", "42723"}


@dataclass(frozen=True, slots=True)
class Objects:
    """The object files of one system, made and taken down in the transaction that is open.

    What the database has of them is read anew each time: a transaction that is taken
    back and tried again must not find memories of its first attempt.
    """

    run: Run
    files: tuple[ObjectFile, ...]

    def apply(self, *, all_must: bool) -> tuple[list[str], list[str]]:
        """Make every object as its file says it.

        What cannot be made yet is tried again after the others, until a round makes
        nothing more. Objects in the way of a replacement are all taken down and made
        anew. Returns the files applied and those left out; with `all_must` a file left
        out is an error instead.
        """
        made, present = self._made(), self._present()
        todo = [file for file in self.files if is_pending(file, made, present)]
        applied, failed = self._rounds(todo)
        if any(error.sqlstate in _REBUILD for error in failed.values()):
            self.take_down()
            applied, failed = self._rounds(list(self.files))
        if failed and all_must:
            raise next(iter(failed.values()))
        return applied, [file.shown for file in failed]

    def take_down(self) -> list[str]:
        """Drop every object that came from a file, dependants first."""
        present, made = self._present(), self._made()
        todo = [one for one in made.values() if one.key in present]
        while todo:
            failed: dict[str, psycopg.Error] = {}
            for one in todo:
                error = self._try(partial(self._drop, one))
                if error is not None:
                    failed[one.path] = error
            if len(failed) == len(todo):
                raise next(iter(failed.values()))
            todo = [one for one in todo if one.path in failed]
        for path in made:
            self.run.wire.run(self.run.records.taken_down(path))
        return list(made)

    def drop(self, gone: Sequence[AppliedObject]) -> None:
        """Drop objects whose file is gone."""
        for one in gone:
            self._drop(one)
            self.run.wire.run(self.run.records.taken_down(one.path))

    def _present(self) -> Mapping[tuple[str, str], CatalogObject]:
        return catalog_objects(self.run.wire.connection)

    def _made(self) -> dict[str, AppliedObject]:
        rows = made_objects(self.run.wire.connection, self.run.records.schema)
        return {one.path: one for one in rows}

    def _rounds(self, todo: list[ObjectFile]) -> tuple[list[str], dict[ObjectFile, psycopg.Error]]:
        applied: list[str] = []
        failed: dict[ObjectFile, psycopg.Error] = {}
        while todo:
            failed = {}
            waiting = {file.path.stem for file in todo}
            later: list[ObjectFile] = []
            for file in todo:
                if waiting.intersection(file.after):
                    later.append(file)
                elif (error := self._make(file)) is not None:
                    failed[file] = error
                    later.append(file)
                else:
                    applied.append(file.shown)
                    waiting.discard(file.path.stem)
            if len(later) == len(todo):
                _refuse_circle(later, failed)
                break
            todo = later
        return applied, failed

    def _make(self, file: ObjectFile) -> psycopg.Error | None:
        script = read_object(file)
        before = self._present()
        error = self._try(partial(self.run.send, script))
        if error is not None and error.sqlstate in _THERE_ALREADY:
            earlier = self._made().get(file.path.name)
            if earlier is not None:
                error = self._try(partial(self._make_room, earlier, script))
        if error is None:
            self._enter(file, before)
        return error

    def _make_room(self, earlier: AppliedObject, script: Script) -> None:
        self._drop(earlier)
        self.run.send(script)

    def _enter(self, file: ObjectFile, before: Mapping[tuple[str, str], CatalogObject]) -> None:
        changed = [
            found
            for key, found in self._present().items()
            if key not in before or before[key].state != found.state
        ]
        if len(changed) != 1:
            names = ", ".join(f"{found.type} {found.identity}" for found in changed)
            raise BrokenObject(file.shown, f"{MAKES_ONE} {names or 'none'}")
        one = AppliedObject(file.path.name, file.checksum, changed[0].type, changed[0].identity)
        earlier = self._made().get(one.path)
        if earlier is not None and earlier.key != one.key:
            # the file now makes an object of another name or other arguments:
            # left in place, the old one would go on being called
            self._drop(earlier)
        self.run.wire.run(self.run.records.made(one))

    def _drop(self, one: AppliedObject) -> None:
        self.run.wire.run(f"drop {one.type} if exists {one.identity}")

    def _try(self, action: Callable[[], None]) -> psycopg.Error | None:
        wire = self.run.wire
        wire.run("savepoint dbkit_object")
        try:
            action()
        except psycopg.Error as error:
            wire.run("rollback to savepoint dbkit_object; release savepoint dbkit_object")
            return error
        wire.run("release savepoint dbkit_object")
        return None


def _refuse_circle(later: Sequence[ObjectFile], failed: dict[ObjectFile, psycopg.Error]) -> None:
    if not failed:
        names = ", ".join(file.path.name for file in later)
        raise BrokenObject(later[0].shown, f"these files are each to come after another: {names}")
