"""Take down objects that files made, with what hangs on them, and nothing that no file made."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter

import psycopg

from dbkit.migrations.errors import HeldObject
from dbkit.migrations.executor import Executor
from dbkit.migrations.ledger import AppliedObject, applied_objects
from dbkit.migrations.objectcatalog import Address, Dependency, Identity, addresses, dependents

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Dropping:
    """Drops objects in the transaction that is open."""

    executor: Executor
    # the names of the files that there are
    paths: Collection[str]

    @property
    def connection(self) -> psycopg.Connection:
        """Where it looks."""
        return self.executor.session.connection

    def applied(self) -> dict[str, AppliedObject]:
        """Return what the ledger has now, by the names of the files."""
        entries = applied_objects(self.connection, self.executor.records.books)
        return {entry.path: entry for entry in entries}

    def named(self, text: str) -> list[AppliedObject]:
        """Return the objects whose name is a word of a message, in whatever language it is."""
        words = set(_WORD.findall(text.lower()))
        return [entry for entry in self.applied().values() if _name(entry).lower() in words]

    def take_down(
        self, entries: Iterable[AppliedObject], *, keep_held: bool = False
    ) -> list[AppliedObject]:
        """Drop objects and those of files that hang on them; return all that were there.

        What hangs on them and comes from no file is an error, or with `keep_held` a reason to
        leave the object where it is.
        """
        found = addresses(self.connection)
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
        for entry in taken:
            self.executor.session.run(drop(entry))
        return taken

    def forget(self, entries: Iterable[AppliedObject]) -> None:
        """Take objects out of the ledger."""
        if texts := [self.executor.records.remove_object(entry) for entry in entries]:
            self.executor.session.run(";".join(texts))


def drop(entry: AppliedObject) -> str:
    """Return what drops an object, if it is there."""
    return f"drop {entry.type} if exists {entry.identity}"


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
