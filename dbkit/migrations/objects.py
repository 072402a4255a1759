"""Keep views, functions, triggers, policies and rights as files say, out of migrations' way."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import psycopg

from dbkit.migrations.definitions import catalog_objects, definitions
from dbkit.migrations.executor import Executor
from dbkit.migrations.files import ObjectFile
from dbkit.migrations.grantfiles import Granting, refuse_before_rights
from dbkit.migrations.ledger import AppliedObject, Stage, replaced_objects
from dbkit.migrations.objectcatalog import unchecked_functions
from dbkit.migrations.objectdropping import Dropping
from dbkit.migrations.objecterrors import LostPart
from dbkit.migrations.objectmaking import MISSING, Making
from dbkit.migrations.objectorder import Makers, refuse_circle
from dbkit.migrations.objectrights import Rights, read_kept_rights, read_parts
from dbkit.migrations.script import Script, gives_rights, read_object
from dbkit.migrations.status import is_object_pending
from dbkit.sqltext import ScriptStatement

_WITH_PARTS = {"view", "materialized view"}
# the server's codes where an object depends on what a statement changes
_IN_THE_WAY = {"2BP01", "0A000"}
# where the server names only the first object of those that depend on a column
_ONE_AT_A_TIME = "0A000"
_SAVEPOINT = "dbkit_statement"
# what changes the savepoints of the file, or has to be the first statement of a transaction
_UNGUARDED = {"savepoint", "release", "rollback", "set"}


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
    # what people granted and said on the objects that this run has taken down so far
    kept: dict[str, Rights]

    def apply(self, stands: Stage, *, all_must: bool) -> tuple[list[str], list[str]]:
        """Make every object as its file says it; return the files applied and those left out.

        With `all_must` a file that is left out is an error. Rights are granted last, and again
        if the database stands elsewhere than when they were granted, or if an object is new.
        """
        refuse_circle(self.files)
        objects, rights = self._objects_and_rights()
        refuse_before_rights(objects, rights)
        dropping = self._dropping()
        granting = Granting(dropping, rights)
        granting.drop_earlier()
        applied, present = dropping.applied(), catalog_objects(dropping.connection)
        replaced = replaced_objects(dropping.connection, applied.values(), present)
        as_made = present.keys() - replaced
        pending = [file for file in objects if is_object_pending(file, applied, as_made, stands)]
        making = self._making(dropping)
        making.make(pending)
        granting.grant(stands, again=bool(making.done))
        failed = making.failed | granting.failed
        for file in failed:
            self._refuse_loss(file)
        if failed and all_must:
            raise next(iter(failed.values()))
        made = {file.path.name for file in making.done}
        again = self.kept.keys() - {file.path.name for file in failed}
        self._seal(dropping, made, made.difference(applied) | again)
        done = making.done + granting.done
        return [file.shown for file in done], [file.shown for file in failed]

    def _refuse_loss(self, file: ObjectFile) -> None:
        """Refuse to leave out an object with what a person made on it."""
        kept = self.kept.get(file.path.name)
        if kept is not None and kept.by_hand:
            made = f"what {file.shown} makes"
            raise LostPart(made, kept.by_hand[0], file.shown, is_left_out=True)

    def drop_broken(self) -> None:
        """Drop functions whose text no longer fits what is there.

        The server remembers nothing of what such a text needs, so they stood in no one's way.
        """
        dropping = self._dropping()
        taken: list[AppliedObject] | None = None
        while taken is None or taken:
            functions = unchecked_functions(self.executor.session.connection)
            broken = [
                entry
                for entry in dropping.applied().values()
                if entry.key in functions and self._is_broken(functions[entry.key])
            ]
            taken = dropping.take_down(broken, keep_held=True)
            dropping.leave_out(taken)

    def take_down(self) -> None:
        """Drop every object that came from a file."""
        dropping = self._dropping()
        entries = dropping.applied().values()
        dropping.take_down(entries)
        dropping.leave_out(entries)
        dropping.forget(dropping.rights().values())

    def drop(self, gone: Sequence[AppliedObject]) -> None:
        """Drop objects whose file is gone, and for a moment those that hang on them."""
        dropping = self._dropping()
        dropping.forget([*dropping.take_down(gone), *gone])

    def may_help(self, error: psycopg.Error, direction: str) -> bool:
        """Say whether an object may be what a migration lacks, or what stands in its way."""
        if isinstance(error, psycopg.OperationalError):
            # it was interrupted, or waited too long for a lock
            return False
        if direction == "rollback":
            return bool(self._dropping().applied())
        if error.sqlstate in MISSING:
            return bool(self._makers().mentioned(error.diag.message_primary or ""))
        return error.sqlstate in _IN_THE_WAY and bool(self._dropping().named(_all_of(error)))

    def explain(self, error: psycopg.Error) -> None:
        """Say which file makes what a migration outside a transaction lacks."""
        if error.sqlstate in MISSING:
            for file in self._makers().mentioned(error.diag.message_primary or ""):
                error.add_note(
                    f"{file.shown} makes it, and is applied after a migration outside a "
                    "transaction; put it into a migration"
                )

    def run(self, script: Script, direction: str) -> list[AppliedObject]:
        """Run the statements of a migration and mend what fails for an object's sake.

        An object that stands in the way of a statement is taken down, and a file that makes what
        a statement lacks is applied. Return the objects that were taken down.
        """
        taken: list[AppliedObject] = []
        for number, statement in enumerate(script.statements, start=1):
            self.executor.reporter.statement(number)
            if statement.command in _UNGUARDED:
                self.executor.run(script, statement)
            else:
                self._run_guarded(script, statement, direction, taken)
        self.executor.session.speak_utf8()
        return taken

    def put_back(self, taken: Collection[AppliedObject]) -> None:
        """Make again what was taken down, as far as it can be."""
        paths = {entry.path for entry in taken}
        self._making(self._dropping()).make(
            [file for file in self.files if file.path.name in paths]
        )

    def _seal(self, dropping: Dropping, made: Collection[str], new: Collection[str]) -> None:
        """Note how the catalog has the objects that files made, to notice if that changes.

        Those that were made earlier are noted anew, for a migration may have renamed what they
        use; unless somebody replaced them by hand. With the new ones, made for the first time or
        anew, their files made all that goes with them.
        """
        connection, records = dropping.connection, self.executor.records
        if not dropping.has_room():
            return
        entries, present = dropping.applied(), catalog_objects(connection)
        standing = {
            entry.path: present[entry.key] for entry in entries.values() if entry.key in present
        }
        known = definitions(connection, [found.address for found in standing.values()])
        replaced = replaced_objects(connection, entries.values(), present)
        views = {
            path: found.address
            for path, found in standing.items()
            if path in new and found.type in _WITH_PARTS
        }
        parts = read_parts(connection, views.values())
        sealed: list[AppliedObject] = []
        for path, found in standing.items():
            entry = entries[path]
            now = entry._replace(
                state=found.state,
                definition=known[found.address],
                parts=parts[views[path]] if path in views else entry.parts,
            )
            if now != entry and (path in made or entry.key not in replaced):
                sealed.append(now)
        if sealed:
            self.executor.session.run(records.seal_objects(sealed))

    def _is_broken(self, function: int) -> bool:
        session = self.executor.session
        session.run(f"savepoint {_SAVEPOINT}")
        try:
            session.run(f"select fmgr_sql_validator({function})")
        except psycopg.Error:
            session.run(f"rollback to savepoint {_SAVEPOINT}; release savepoint {_SAVEPOINT}")
            return True
        session.run(f"release savepoint {_SAVEPOINT}")
        return False

    def _run_guarded(
        self, script: Script, statement: ScriptStatement, direction: str, taken: list[AppliedObject]
    ) -> None:
        session = self.executor.session
        # each object is taken down once, and made once
        attempts = iter(range(2 * len(self.files) + 2))
        while True:
            session.run(f"savepoint {_SAVEPOINT}")
            try:
                self.executor.run(script, statement)
            except psycopg.Error as error:
                if session.connection.closed or next(attempts, None) is None:
                    raise
                session.run(f"rollback to savepoint {_SAVEPOINT}; release savepoint {_SAVEPOINT}")
                found = self._take_out_of_the_way(error, direction, statement)
                taken += found
                if not found and not self._make_missing(error):
                    raise
            else:
                session.run(f"release savepoint {_SAVEPOINT}")
                return

    def _take_out_of_the_way(
        self, error: psycopg.Error, direction: str, statement: ScriptStatement
    ) -> list[AppliedObject]:
        if direction == "apply" and error.sqlstate not in _IN_THE_WAY:
            return []
        dropping = self._dropping()
        named = dropping.named(_all_of(error))
        if error.sqlstate == _ONE_AT_A_TIME:
            named += dropping.beside(named, statement.text)
        back = direction == "rollback"
        taken = dropping.take_down(named, keep_held=back)
        if not taken and back and error.sqlstate not in MISSING:
            # the older version knows nothing of the objects, so none of them may be what fails
            taken = dropping.take_down(dropping.applied().values(), keep_held=True)
        if not taken and error.sqlstate in _IN_THE_WAY:
            dropping.take_down(named)
        dropping.leave_out(taken)
        return taken

    def _make_missing(self, error: psycopg.Error) -> bool:
        if error.sqlstate not in MISSING:
            return False
        named = self._makers().mentioned(error.diag.message_primary or "")
        applied = self._dropping().applied()
        missing = [file for file in named if file.path.name not in applied]
        if not missing:
            return False
        making = self._making(self._dropping())
        others = [file for file in making.scripts if file.path.name not in applied]
        making.make(missing, others)
        for file, reason in making.failed.items():
            error.add_note(
                f"{file.shown} makes it, and cannot be applied before this migration "
                f"({reason.diag.message_primary}); put it into a migration"
            )
        return bool(making.done)

    def _dropping(self) -> Dropping:
        return Dropping(self.executor, frozenset(file.path.name for file in self.files), self.kept)

    def _making(self, dropping: Dropping) -> Making:
        # what an earlier run left out is to have what it had
        for path, rights in read_kept_rights(
            dropping.connection, self.executor.records.books
        ).items():
            self.kept.setdefault(path, rights)
        objects, _ = self._objects_and_rights()
        return Making(dropping, objects, Makers(objects))

    def _makers(self) -> Makers:
        objects, _ = self._objects_and_rights()
        return Makers(objects)

    def _objects_and_rights(self) -> tuple[dict[ObjectFile, Script], dict[ObjectFile, Script]]:
        objects: dict[ObjectFile, Script] = {}
        rights: dict[ObjectFile, Script] = {}
        for file, script in self._all_scripts().items():
            (rights if gives_rights(script) else objects)[file] = script
        return objects, rights

    def _all_scripts(self) -> dict[ObjectFile, Script]:
        for file in self.files:
            if file not in self.scripts:
                self.scripts[file] = read_object(file)
        return self.scripts


def _all_of(error: psycopg.Error) -> str:
    diag = error.diag
    return " ".join(filter(None, (diag.message_primary, diag.message_detail, diag.context)))
