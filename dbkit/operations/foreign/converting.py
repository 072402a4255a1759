"""Turn the migrations of another tool into files of dbkit, and write them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dbkit.errors import DbkitError, SourceFault
from dbkit.migrations import MigrationFaults
from dbkit.operations.foreign.errors import NotCarriedOver, TargetTaken
from dbkit.operations.foreign.histories import Half, History, OldMigration, Repeatable
from dbkit.operations.foreign.statements import (
    code_words,
    is_beginning,
    is_ending,
    is_transaction_control,
    runs_alone,
)
from dbkit.settings import System
from dbkit.sqltext import ScriptCommand, ScriptStatement, Source, TokenKind, split, tokens

_OBJECTS = "_objects"
_LONGEST_NAME = 60
# a comment that says so would be read as a header
_HEADER = re.compile(
    r"--[ \t]*(?=(?:transactional|depends|after|was|lock-timeout|statement-timeout)[ \t]*:)",
    re.IGNORECASE,
)
_REPLACED = {"view", "function", "procedure", "trigger", "policy"}


class NewMigration(NamedTuple):
    """A migration as it is written here, and what it was."""

    version: int
    name: str
    was: str
    up: str
    # None if the tool has nothing that undoes it
    down: str | None
    transactional: bool


class NewObject(NamedTuple):
    """A repeatable file as it is written here."""

    name: str
    was: str
    text: str


class Conversion(NamedTuple):
    """All files to be written, and what a person should know about them."""

    migrations: tuple[NewMigration, ...]
    objects: tuple[NewObject, ...]
    notes: tuple[str, ...]


class _Text(NamedTuple):
    """A half as it is written here."""

    text: str
    transactional: bool
    is_empty: bool


def convert_history(history: History) -> Conversion:
    """Make files of dbkit out of all migrations, or refuse everything that cannot be one."""
    faults = list(history.faults)
    notes = list(history.notes)
    converter = _Converter(faults, notes)
    migrations = [
        converter.migration(number, old) for number, old in enumerate(history.migrations, start=1)
    ]
    objects = [new for old in history.repeatables if (new := converter.object(old)) is not None]
    if faults:
        faults.sort(key=_place)
        raise faults[0] if len(faults) == 1 else MigrationFaults(tuple(faults))
    return Conversion(tuple(migrations), tuple(objects), tuple(notes))


def write_conversion(conversion: Conversion, system: System) -> None:
    """Write all files, or none; a file that is there is not overwritten."""
    texts = dict(_files(conversion, system))
    _refuse_taken(system, texts)
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="") as file:
                written.append(path)
                file.write(text)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _files(conversion: Conversion, system: System) -> Iterator[tuple[Path, str]]:
    for new in conversion.migrations:
        yield system.migrations / f"{new.name}.sql", new.up
        if new.down is not None:
            yield system.migrations / f"{new.name}.rollback.sql", new.down
    for made in conversion.objects:
        yield system.sql / _OBJECTS / f"{made.name}.sql", made.text


def _refuse_taken(system: System, paths: Iterable[Path]) -> None:
    folder = system.migrations
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix in {".sql", ".py"} and not path.name.startswith("."):
                raise TargetTaken(str(path))
    for path in paths:
        if path.exists():
            raise TargetTaken(str(path))


def _place(fault: DbkitError) -> tuple[str, int, int]:
    if isinstance(fault, SourceFault):
        return fault.path, fault.line, fault.column
    return str(getattr(fault, "path", "")), 0, 0


@dataclass(frozen=True, slots=True)
class _Converter:
    faults: list[DbkitError]
    notes: list[str]

    def migration(self, number: int, old: OldMigration) -> NewMigration:
        up = self._text(old.up, self.faults)
        down = self._text(old.down, self.faults) if old.down is not None else None
        if down is not None and down.is_empty:
            self.notes.append(f"{old.name} has an empty half to undo it: no rollback is written")
            down = None
        return NewMigration(
            number,
            f"{number:04}_{_slug(old.title)}",
            old.name,
            f"-- was: {old.name}\n{_header(up)}\n{up.text}",
            None if down is None else f"{_header(down)}{down.text}",
            up.transactional,
        )

    def object(self, old: Repeatable) -> NewObject | None:
        """Return a repeatable as an object file, or note why it is none."""
        path = old.half.source.path
        faults: list[DbkitError] = []
        text = self._text(old.half, faults)
        if faults:
            self.notes.append(f"{path} is not carried over: {faults[0]}")
            return None
        reason = _why_no_object(old.half.source, text)
        if reason is not None:
            line, why = reason
            self.notes.append(f"{path}:{line} is not carried over: {why}")
            return None
        return NewObject(
            _slug(old.title), Path(path).stem, f"-- was: {Path(path).stem}\n\n{text.text}"
        )

    def _text(self, half: Half, faults: list[DbkitError]) -> _Text:
        statements: list[ScriptStatement] = []
        source = half.source
        try:
            for part in split(source):
                if isinstance(part, ScriptCommand):
                    faults.append(
                        NotCarriedOver(
                            *source.place(part.start),
                            f"'\\{part.name}' is a command of psql, and a migration is SQL alone; "
                            "take it out",
                        )
                    )
                elif not part.is_empty:
                    statements.append(part)
        except SourceFault as fault:
            faults.append(fault)
            return _Text("", transactional=True, is_empty=True)
        wrapping = self._wrapping(statements, faults)
        own = [statement for statement in statements if statement not in wrapping]
        alone = [statement for statement in own if runs_alone(statement)]
        transactional = not alone and (half.transactional or bool(wrapping))
        if wrapping:
            self.notes.append(
                f"{source.path}:{wrapping[0].position.line} has a begin and a commit of its own: "
                "they are taken out, because dbkit writes them"
            )
        if alone and half.transactional:
            self.notes.append(
                f"{source.path}:{alone[0].position.line} cannot run in a transaction: "
                "the file says `-- transactional: false` now"
            )
        return _Text(_without(half, wrapping), transactional, is_empty=not own)

    def _wrapping(
        self, statements: Sequence[ScriptStatement], faults: list[DbkitError]
    ) -> tuple[ScriptStatement, ...]:
        """Return the `begin` and the `commit` around all others; any other is a fault."""
        controls = [one for one in statements if is_transaction_control(one)]
        if (
            len(controls) == 2  # noqa: PLR2004 - a beginning and an end
            and controls == [statements[0], statements[-1]]
            and is_beginning(controls[0])
            and is_ending(controls[1])
        ):
            return tuple(controls)
        faults.extend(
            NotCarriedOver(
                *control.source.place(control.start),
                f"'{control.command}' does not belong in a migration, which dbkit runs in one "
                "transaction of its own; only one begin and commit around the whole file can be "
                "taken out, so cut the file in two or take it out",
            )
            for control in controls
        )
        return ()


def _header(text: _Text) -> str:
    return "" if text.transactional else "-- transactional: false\n"


def _without(half: Half, wrapping: Sequence[ScriptStatement]) -> str:
    """Return the text of a half without the statements around it and the lines left out."""
    source = half.source
    text = _quiet_headers(source)
    for statement in reversed(wrapping):
        end = statement.end
        rest = text[end:].lstrip(" \t\r\n\f\v")
        if rest.startswith(";"):
            end = len(text) - len(rest) + 1
        # the lines stay, so that those that are left out are still counted right
        text = text[: statement.start] + "\n" * text.count("\n", statement.start, end) + text[end:]
    emptied = {statement.position.line for statement in wrapping}
    kept: list[str] = []
    was_left_out = True
    for number, line in enumerate(text.split("\n"), start=1):
        is_blank = not line.strip()
        if number in half.left_out or (number in emptied and is_blank):
            was_left_out = True
        # of the blank lines around what is left out, one remains
        elif not (is_blank and was_left_out and (not kept or not kept[-1].strip())):
            kept.append(line)
            was_left_out = was_left_out and is_blank
    written = "\n".join(kept).rstrip()
    return f"{written}\n" if written else ""


def _quiet_headers(source: Source) -> str:
    """Take the colon out of comments that dbkit would read as a header; no place changes."""
    text = source.text
    if _HEADER.search(text) is None:
        return text
    pieces: list[str] = []
    for token in tokens(text, path=source.path):
        piece = text[token.start : token.end]
        if token.kind is TokenKind.LINE_COMMENT and _HEADER.match(piece):
            piece = piece.replace(":", " ", 1)
        pieces.append(piece)
    return "".join(pieces)


def _why_no_object(source: Source, text: _Text) -> tuple[int, str] | None:
    """Say on which line a repeatable file does something that an object file cannot."""
    statements = [
        part for part in split(source) if isinstance(part, ScriptStatement) and not part.is_empty
    ]
    if not statements:
        return 1, "it holds no statement"
    *before, last = statements
    if not text.transactional:
        return last.position.line, "an object is made in a transaction"
    words = code_words(last, 6)
    replaces = words[:3] == ("create", "or", "replace")
    kind = next((word for word in words[1:] if word in _REPLACED), None)
    for statement in before:
        if code_words(statement, 1) != ("drop",):
            return statement.position.line, "an object file makes one object; split it"
    if words[:1] != ("create",) or kind is None:
        return last.position.line, "an object file makes a view, function, trigger or policy"
    if not replaces and not before:
        return last.position.line, "write `create or replace`, or a `drop … if exists` before it"
    return None


def _slug(title: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    return words[:_LONGEST_NAME].strip("_") or "migration"
