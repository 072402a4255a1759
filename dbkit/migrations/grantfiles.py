"""Apply the object files that grant and revoke, after those that make something."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg

from dbkit.migrations.files import ObjectFile
from dbkit.migrations.ledger import RIGHTS, AppliedObject, Stage
from dbkit.migrations.objectdropping import Dropping
from dbkit.migrations.objecterrors import BrokenObject
from dbkit.migrations.script import Script

_SAVEPOINT = "dbkit_rights"


@dataclass(slots=True)
class Granting:
    """One attempt to apply the files of rights, each in a subtransaction of its own."""

    dropping: Dropping
    scripts: Mapping[ObjectFile, Script]
    done: list[ObjectFile] = field(default_factory=list[ObjectFile])
    failed: dict[ObjectFile, psycopg.Error] = field(default_factory=dict[ObjectFile, psycopg.Error])

    def drop_earlier(self) -> None:
        """Drop what files made before they became files of rights."""
        applied = self.dropping.applied()
        names = {file.path.name for file in self.scripts}
        earlier = [entry for path, entry in applied.items() if path in names]
        self.dropping.forget([*self.dropping.take_down(earlier), *earlier])

    def grant(self, standing: Stage, *, again: bool) -> None:
        """Apply the files that are new, were edited, or were applied where it stood elsewhere.

        With `again` all of them are: an object that was made anew has no rights yet. Those of a
        later version are not.
        """
        executor, records = self.dropping.executor, self.dropping.executor.records
        session, applied = executor.session, self.dropping.rights()
        for file, script in self.scripts.items():
            entry = applied.get(file.path.name)
            if file.since > standing.version:
                self.dropping.forget([entry] if entry else [])
                continue
            known = entry is not None and (entry.checksum, entry.identity)
            if known == (file.checksum, str(standing)) and not again:
                continue
            made = AppliedObject(file.path.name, file.checksum, RIGHTS, str(standing))
            session.run(f"savepoint {_SAVEPOINT}")
            try:
                executor.send(script)
            except psycopg.Error as error:
                session.run(f"rollback to savepoint {_SAVEPOINT}; release savepoint {_SAVEPOINT}")
                self.failed[file] = error
                self.dropping.forget([entry] if entry else [])
                continue
            session.run(f"release savepoint {_SAVEPOINT}")
            session.run(records.mark_object(made.path, made.checksum))
            session.run(records.enter_objects([made]))
            self.done.append(file)


def refuse_before_rights(
    objects: Mapping[ObjectFile, Script], rights: Mapping[ObjectFile, Script]
) -> None:
    """Refuse an object that is to come after rights, which are applied last, or of a version."""
    by_stem = {file.path.stem: file for file in rights}
    for file in objects:
        if file.since:
            reason = "`-- since:` is for a file that grants and revokes alone; take it out"
            raise BrokenObject(file.shown, reason)
        for name in file.after:
            if name in by_stem:
                raise BrokenObject(
                    file.shown,
                    f"is to come after {by_stem[name].shown}, which grants and revokes, and is "
                    "applied after all that makes something; take it out of `-- after:`",
                )
