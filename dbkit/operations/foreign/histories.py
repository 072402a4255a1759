"""The migrations of another tool: what it runs, in its own order."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dbkit.errors import DbkitError
from dbkit.operations.foreign.errors import NotCarriedOver, UnusableOrigin
from dbkit.settings import System
from dbkit.sqltext import Source, decode


class Half(NamedTuple):
    """What a tool runs to make a change, or to undo it.

    The text is the file's: lines that belong to something else are empty, so that a place in it
    is the place in the file.
    """

    source: Source
    # whether the tool runs it in one transaction
    transactional: bool = True
    # the numbers of the lines that are left out: the tool's own, or another half's
    left_out: frozenset[int] = frozenset()


class OldMigration(NamedTuple):
    """One migration, as another tool has it."""

    # what the tool calls it, for the line `-- was:`
    name: str
    # the words of the name alone
    title: str
    up: Half
    down: Half | None = None


class Repeatable(NamedTuple):
    """A file that a tool runs again whenever its text changes."""

    title: str
    half: Half


class History(NamedTuple):
    """All that was found in a folder of another tool."""

    tool: str
    migrations: tuple[OldMigration, ...]
    repeatables: tuple[Repeatable, ...]
    # what a person should know, such as the files that are passed over
    notes: tuple[str, ...]
    # what keeps it from being brought here
    faults: tuple[DbkitError, ...]


@dataclass(slots=True)
class OldFolder:
    """A folder of another tool while it is read."""

    path: Path
    # into which it is brought: its own folder is none of the tool's
    system: System
    faults: list[DbkitError] = field(default_factory=list[DbkitError])
    notes: list[str] = field(default_factory=list[str])

    def files(self, *, below: bool = False) -> list[Path]:
        """Return the files in the order of their names, also those of folders below."""
        found = self.path.rglob("*") if below else self.path.iterdir()
        return sorted(
            path
            for path in found
            if path.is_file()
            and not path.resolve().is_relative_to(self.system.migrations)
            and not any(part.startswith(".") for part in path.relative_to(self.path).parts)
        )

    def folders(self) -> list[Path]:
        """Return the folders in it in the order of their names."""
        return sorted(
            path
            for path in self.path.iterdir()
            if path.is_dir()
            and not path.name.startswith((".", "__"))
            and path.resolve() != self.system.migrations
        )

    def read(self, path: Path) -> Source:
        """Return the text of a file; one that cannot be read is a fault, and has none."""
        try:
            return Source(str(path), decode(path.read_bytes(), str(path)))
        except OSError as error:
            self.refuse(path, f"cannot be read: {error.strerror}")
        except DbkitError as fault:
            self.faults.append(fault)
        return Source(str(path), "")

    def whole(self, path: Path, *, transactional: bool = True) -> Half:
        """Return a file of which a tool runs all."""
        return Half(self.read(path), transactional)

    def refuse(self, path: Path, reason: str) -> None:
        """Note a file or folder that cannot be brought here."""
        self.faults.append(UnusableOrigin(str(path), reason))

    def refuse_line(self, source: Source, offset: int, reason: str) -> None:
        """Note a place in a file that cannot be brought here."""
        self.faults.append(NotCarriedOver(*source.place(offset), reason))

    def pass_over(self, path: Path, reason: str) -> None:
        """Note a file that is left where it is."""
        self.notes.append(f"{path} is passed over: {reason}")

    def sorted(self, found: Iterable[tuple[Any, Path, OldMigration]]) -> list[OldMigration]:
        """Return migrations in the order of their keys, each of which may be there once."""
        by_key: dict[Any, OldMigration] = {}
        for key, path, migration in found:
            if key in by_key:
                self.refuse(path, f"has the same number as {by_key[key].name}")
            by_key[key] = migration
        return [by_key[key] for key in sorted(by_key)]

    def history(
        self,
        tool: str,
        migrations: Sequence[OldMigration],
        repeatables: Sequence[Repeatable] = (),
    ) -> History:
        """Return what was found; a folder in which nothing was found is a fault."""
        if not migrations and not self.faults:
            self.refuse(self.path, f"holds no migration of {tool}")
        return History(
            tool,
            tuple(migrations),
            tuple(repeatables),
            tuple(self.notes),
            tuple(self.faults),
        )


class Annotation(NamedTuple):
    """A line by which a tool tells what the lines below it are."""

    # counted from 1
    line: int
    # where it begins in the text
    start: int
    words: tuple[str, ...]


def find_annotations(source: Source, pattern: re.Pattern[str]) -> list[Annotation]:
    """Find the lines that a tool reads; the pattern's last group is what it says."""
    found: list[Annotation] = []
    start = 0
    for number, line in enumerate(source.text.split("\n"), start=1):
        if match := pattern.fullmatch(line.removesuffix("\r")):
            found.append(Annotation(number, start, tuple(match[match.lastindex or 0].split())))
        start += len(line) + 1
    return found


def lines_of(
    source: Source, ranges: Iterable[tuple[int, int]], *, transactional: bool = True
) -> Half:
    """Return the half that consists of these lines, from and to numbers both inclusive."""
    lines = source.text.split("\n")
    kept = {number for first, last in ranges for number in range(first, last + 1)}
    text = "\n".join(line if number in kept else "" for number, line in enumerate(lines, start=1))
    left_out = frozenset(range(1, len(lines) + 1)) - kept
    return Half(Source(source.path, text), transactional, left_out)


def cut_in_two(
    source: Source, annotations: Sequence[Annotation], directions: Sequence[str | None]
) -> tuple[Half, Half | None]:
    """Return the halves of a file in which annotations say where each begins.

    `directions` has "up" or "down" for an annotation that begins a half, and None for any other.
    What stands above the first belongs to the half that is run forward.
    """
    last_line = source.text.count("\n") + 1
    ranges: dict[str, list[tuple[int, int]]] = {"up": [], "down": []}
    current, first = "up", 1
    for annotation, direction in zip(annotations, directions, strict=True):
        ranges[current].append((first, annotation.line - 1))
        current, first = direction or current, annotation.line + 1
    ranges[current].append((first, last_line))
    down = lines_of(source, ranges["down"]) if "down" in directions else None
    return lines_of(source, ranges["up"]), down
