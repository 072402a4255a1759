"""Take down objects that files made, with what hangs on them, and nothing that no file made."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

import psycopg

from dbkit.migrations.definitions import Address
from dbkit.migrations.executor import Executor
from dbkit.migrations.ledger import RIGHTS, AppliedObject, applied_objects, room_for_definitions
from dbkit.migrations.objectcatalog import Dependency, Identity, addresses, dependents, neighbours
from dbkit.migrations.objecterrors import HeldObject, LostPart
from dbkit.migrations.objectrights import Rights, kind, read_rights
from dbkit.migrations.script import Script
from dbkit.sqltext import ScriptStatement

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Dropping:
    """Drops objects in the transaction that is open."""

    executor: Executor
    # the names of the files that there are
    paths: Collection[str]
    # what people granted and said, by the names of the files, to be put back
    kept: dict[str, Rights]

    @property
    def connection(self) -> psycopg.Connection:
        """Where it looks."""
        return self.executor.session.connection

    def applied(self) -> dict[str, AppliedObject]:
        """Return the objects that the ledger has now, by the names of the files."""
        return {entry.path: entry for entry in self._entries() if entry.type != RIGHTS}

    def rights(self) -> dict[str, AppliedObject]:
        """Return the files of rights that the ledger has now, by their names."""
        return {entry.path: entry for entry in self._entries() if entry.type == RIGHTS}

    def _entries(self) -> Iterable[AppliedObject]:
        return applied_objects(self.connection, self.executor.records.books)

    def named(self, text: str) -> list[AppliedObject]:
        """Return the objects whose name is a word of a message, in whatever language it is."""
        words = set(_WORD.findall(text.lower()))
        return [entry for entry in self.applied().values() if _name(entry).lower() in words]

    def beside(self, entries: Iterable[AppliedObject], text: str) -> list[AppliedObject]:
        """Return the objects that use the same columns as some, if a statement names these."""
        found = addresses(self.connection)
        objects = [found[Identity(*entry.key)] for entry in entries if entry.key in found]
        if not objects:
            return []
        near = neighbours(self.connection, objects, set(_WORD.findall(text.lower())))
        return [
            entry
            for entry in self.applied().values()
            if entry.path in self.paths and found.get(Identity(*entry.key)) in near
        ]

    def take_down(
        self, entries: Iterable[AppliedObject], *, keep_held: bool = False
    ) -> list[AppliedObject]:
        """Drop objects and those of files that hang on them; return all that were there.

        What hangs on them and comes from no file is an error, or with `keep_held` a reason to
        leave the object where it is.
        """
        entries = list(entries)
        found = addresses(self.connection) if entries else {}
        roots = {found[Identity(*entry.key)]: entry for entry in entries if entry.key in found}
        if not roots:
            return []
        ours = {
            found[Identity(*entry.key)]: entry
            for entry in self.applied().values()
            if entry.key in found and entry.path in self.paths
        } | roots
        edges = dependents(self.connection, roots)
        held = _held(edges, ours)
        if held and not keep_held:
            address, description = next(iter(held.items()))
            raise HeldObject(" ".join(ours[address].key), description)
        order = _dependents_first(roots, edges)
        taken = [ours[address] for address in order if address in ours and address not in held]
        here = {address for address in order if address in ours and address not in held}
        rights = read_rights(self.connection, here, ours)
        self._keep({ours[address]: found for address, found in rights.items()})
        for entry in taken:
            self.executor.session.run(drop(entry))
        return taken

    def keep(self, entries: Iterable[AppliedObject]) -> None:
        """Read what people granted and said on objects that their files drop themselves."""
        found = addresses(self.connection)
        ours = {found[Identity(*entry.key)]: entry for entry in entries if entry.key in found}
        rights = read_rights(self.connection, ours, self._ours(found))
        self._keep({ours[address]: kept for address, kept in rights.items()})

    def _keep(self, rights: Mapping[AppliedObject, Rights]) -> None:
        for entry, found in rights.items():
            self.kept[entry.path] = found.without_parts(entry.parts)

    def put_back(self, script: Script, entry: AppliedObject) -> None:
        """Give an object that was made anew what it had; what its file says comes after that."""
        kept, session = self.kept[entry.path], self.executor.session
        found = addresses(self.connection)
        address = found[Identity(*entry.key)]
        ours = self._ours(found)
        now = read_rights(self.connection, [address], ours)[address]
        if lost := sorted(kept.parts - now.parts):
            raise LostPart(" ".join(entry.key), lost[0], script.source.path)
        changed = kept.change_of_owner(now, entry)
        if changed and not any(map(_sets_owner, script.statements)):
            session.run(changed)
            now = read_rights(self.connection, [address], ours)[address]
        if statements := list(kept.differences(now, entry)):
            session.run(";".join(statements))
            for statement in script.statements:
                if statement.command in {"grant", "revoke"}:
                    self.executor.run(script, statement)

    def _ours(self, found: Mapping[Identity, Address]) -> list[Address]:
        keys = (Identity(*entry.key) for entry in self.applied().values())
        return [found[key] for key in keys if key in found]

    def forget(self, entries: Iterable[AppliedObject]) -> None:
        """Take objects out of the ledger."""
        if texts := [self.executor.records.remove_object(entry) for entry in entries]:
            self.executor.session.run(";".join(texts))

    def leave_out(self, entries: Iterable[AppliedObject]) -> None:
        """Take objects out of the ledger, and keep there what they are to have again."""
        entries, records = list(entries), self.executor.records
        if not entries or not self.has_room():
            self.forget(entries)
            return
        gone = [entry for entry in entries if entry.path not in self.kept]
        texts = [
            records.leave_out_object(entry, self.kept[entry.path].as_json())
            for entry in entries
            if entry.path in self.kept
        ]
        if texts:
            self.executor.session.run(";".join(texts))
        self.forget(gone)

    def has_room(self) -> bool:
        """Say whether the ledger has columns for it; they are made if the role may do that."""
        records = self.executor.records
        room = room_for_definitions(self.connection, records.books)
        if room.missing and room.owned:
            self.executor.session.run(records.extend_objects())
        return room.owned or not room.missing


def drop(entry: AppliedObject) -> str:
    """Return what drops an object, if it is there."""
    return f"drop {kind(entry)} if exists {entry.identity}"


def _sets_owner(statement: ScriptStatement) -> bool:
    return statement.command == "alter" and "owner" in statement.text.lower()


def _name(entry: AppliedObject) -> str:
    """Return the name of an object alone, as a message has it."""
    identity = entry.identity
    if entry.type in {"trigger", "policy"}:
        return identity.partition(" on ")[0].strip('"')
    return identity.partition("(")[0].rpartition(".")[2].strip('"')


def _held(edges: Collection[Dependency], ours: Collection[Address]) -> dict[Address, str]:
    """Return on which objects something hangs that is not ours, with its description."""
    held: dict[Address, str] = {}
    stands_on: dict[Address, list[Address]] = {}
    for edge in edges:
        stands_on.setdefault(edge.dependent, []).append(edge.on)
        if edge.dependent not in ours and not edge.is_part:
            held.setdefault(edge.on, edge.description)
    path = list(held)
    for address in path:
        for below in stands_on.get(address, ()):
            if below not in held:
                held[below] = held[address]
                path.append(below)
    return {address: description for address, description in held.items() if address in ours}


def _dependents_first(roots: Iterable[Address], edges: Iterable[Dependency]) -> list[Address]:
    sorter = TopologicalSorter[Address](dict.fromkeys(roots, ()))
    for edge in edges:
        sorter.add(edge.on, edge.dependent)
    return list(sorter.static_order())
