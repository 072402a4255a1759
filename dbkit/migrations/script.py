"""Read a SQL file into the statements to send, and refuse what a migration cannot hold."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dbkit.errors import DbkitError, SourceFault
from dbkit.migrations.errors import (
    BackslashCommand,
    BadDirective,
    ForeignHeader,
    MissingRollback,
    Placeholder,
    TransactionControl,
    UnusableFile,
    UnwrittenMigration,
    each_fault,
    refuse,
)
from dbkit.migrations.files import (
    NEW_MIGRATION,
    Checksum,
    MigrationFile,
    ObjectFile,
    checksum,
    read_bytes,
)
from dbkit.migrations.foreignfiles import find_header, find_placeholders
from dbkit.migrations.ledger import KeptTexts
from dbkit.migrations.objecterrors import BrokenObject, NotOneObject
from dbkit.migrations.timeouts import Timeouts, read_duration
from dbkit.sqltext import (
    ScriptCommand,
    ScriptStatement,
    Source,
    Token,
    TokenKind,
    decode,
    split,
    tokens,
)

# how many characters of a migration's text the ledger keeps
_KEPT_WHOLE, _KEPT_OF_MORE = 1 << 24, 1 << 16
_DIRECTIVE = re.compile(
    r"--\s*(transactional|depends|lock-timeout|statement-timeout)\s*:[ \t]*(.*?)\s*",
    re.IGNORECASE | re.DOTALL,
)
# found a hundred times faster than the beginnings of lines
_DIRECTIVE_ANYWHERE = re.compile(
    r"--\s*(?:transactional|depends|lock-timeout|statement-timeout)\s*:", re.IGNORECASE
)
_LATE_DIRECTIVE = re.compile(
    r"^[ \t]*--\s*(?:transactional|depends|lock-timeout|statement-timeout)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_TRANSACTION_COMMANDS = {"begin", "start", "commit", "end", "rollback", "abort", "prepare"}
_HARMLESS = re.compile(
    r"rollback\s+(?:work\s+|transaction\s+)?to\b|prepare\s+(?!transaction\b)", re.IGNORECASE
)
_RIGHTS = {"grant", "revoke"}
_DEFAULT_RIGHTS = re.compile(r"alter default privileges\b", re.IGNORECASE)
_NO_CODE = {TokenKind.SPACE, TokenKind.LINE_COMMENT, TokenKind.BLOCK_COMMENT}


@dataclass(frozen=True, slots=True)
class Script:
    """A file, ready to be run."""

    source: Source
    statements: tuple[ScriptStatement, ...]
    transactional: bool
    checksum: Checksum
    timeouts: Timeouts


def read_migration(migration: MigrationFile, versions: Mapping[str, int] | None = None) -> Script:
    """Read the half of a migration that is run forward.

    `versions` has the number of each migration by its name. `-- depends:` is yoyo's; where
    the numbers are the order it can only be true or wrong.
    """
    reading = _Reading.of(migration.path, migration.shown)
    if reading.source.text == NEW_MIGRATION:
        reading.faults.append(UnwrittenMigration(migration.shown))
    reading.check_other_tools(migration)
    if versions is not None:
        reading.check_dependencies(migration, versions)
    return reading.finish()


def read_rollback(migration: MigrationFile) -> Script:
    """Read the half of a migration that undoes it."""
    if migration.kept_rollback is not None:
        return _Reading.of_bytes(migration.kept_rollback.encode(), migration.shown).finish()
    if not migration.rollback.is_file():
        raise MissingRollback(migration.version, migration.shown_rollback)
    reading = _Reading.of(migration.rollback, migration.shown_rollback)
    reading.check_other_tools(migration)
    return reading.finish()


def texts_to_keep(migration: MigrationFile, up: str | None = None) -> KeptTexts:
    """Return what the ledger is to keep of a migration; `up` is its text, where that is known.

    Of a text that is all data, only the beginning is kept: it is to be shown, and never run. A
    rollback that is missing or cannot be read is not kept; it is refused when it is needed.
    """
    if up is None:
        up = decode(read_bytes(migration.path, migration.shown), migration.shown)
    if len(up) > _KEPT_WHOLE:
        beginning = up[: up.rfind("\n", 0, _KEPT_OF_MORE) + 1] or up[:_KEPT_OF_MORE]
        up = f"{beginning}\n-- the ledger keeps no more of these {len(up):,} characters\n"
    down = None
    with suppress(UnusableFile, SourceFault):
        shown = migration.shown_rollback
        down = decode(read_bytes(migration.rollback, shown), shown)
    return KeptTexts(migration.version, migration.name, up, down)


def gives_rights(script: Script) -> bool:
    """Whether a file does nothing but grant, revoke and alter default privileges."""
    return all(
        statement.command in _RIGHTS
        or (statement.command == "alter" and _DEFAULT_RIGHTS.match(_words(statement)))
        for statement in script.statements
    )


def read_object(file: ObjectFile) -> Script:
    """Read a file that makes a view, a function, a trigger or a policy."""
    # nobody asks what an object's text means: it is applied again when a byte changes
    known = Checksum(file.checksum, file.checksum)
    script = _Reading.of(file.path, file.shown).finish(known)
    if not script.transactional:
        raise BrokenObject(
            file.shown,
            "is applied in one transaction with the others; take `-- transactional: false` out",
        )
    if not script.statements:
        raise NotOneObject(file.shown, ())
    return script


def find_faults(
    migrations: Iterable[MigrationFile],
    objects: Iterable[ObjectFile],
    versions: Mapping[str, int],
) -> list[DbkitError]:
    """Read files that are to be run, and return every fault of every file, in their order."""
    faults: list[DbkitError] = []
    for migration in migrations:
        try:
            read_migration(migration, versions)
        except DbkitError as error:
            faults += each_fault(error)
    for file in objects:
        try:
            read_object(file)
        except DbkitError as error:
            faults += each_fault(error)
    return faults


def find_rollback_faults(migrations: Iterable[MigrationFile]) -> list[DbkitError]:
    """Read the rollbacks of migrations, and return every fault of every file, in their order."""
    faults: list[DbkitError] = []
    for migration in migrations:
        try:
            read_rollback(migration)
        except DbkitError as error:
            faults += each_fault(error)
    return faults


@dataclass(slots=True)
class _Reading:
    """What was read of a file so far, and everything that is wrong with it."""

    source: Source
    content: bytes
    directives: dict[str, tuple[Token, str]] = field(default_factory=dict[str, tuple[Token, str]])
    statements: list[ScriptStatement] = field(default_factory=list[ScriptStatement])
    faults: list[DbkitError] = field(default_factory=list[DbkitError])
    timeouts: Timeouts = field(default_factory=Timeouts)

    @classmethod
    def of(cls, path: Path, shown: str) -> "_Reading":
        return cls.of_bytes(read_bytes(path, shown), shown)

    @classmethod
    def of_bytes(cls, content: bytes, shown: str) -> "_Reading":
        try:
            reading = cls(Source(shown, decode(content, shown)), content)
        except SourceFault as fault:
            # read on with a mark for each wrong byte, so that the other faults are told as well
            text = content.decode("utf-8-sig", errors="replace")
            reading = cls(Source(shown, text), content, faults=[fault])
            if "\0" in text:
                # probably another encoding, in which nothing is what it seems
                return reading
        if _DIRECTIVE_ANYWHERE.search(reading.source.text):
            header_end = reading.read_header()
            reading.read_timeouts()
            reading.check_late_directives(header_end)
        reading.read_statements()
        return reading

    def read_header(self) -> int:
        """Read the directives of the header, and return where it ends."""
        text = self.source.text
        # a comment that is never closed is found with the statements
        with suppress(SourceFault):
            for token in tokens(text):
                if token.kind is TokenKind.LINE_COMMENT:
                    if match := _DIRECTIVE.fullmatch(text, token.start, token.end):
                        self.directives[match[1].lower()] = token, match[2]
                elif token.kind not in _NO_CODE:
                    return token.start
        return len(text)

    @property
    def transactional(self) -> bool | None:
        """What the header says, or None where that is neither true nor false."""
        _, value = self.directives.get("transactional", (None, "true"))
        return {"true": True, "false": False}.get(value.lower())

    def read_statements(self) -> None:
        """Read all that is to be sent, or find what cannot be."""
        transactional = self.transactional
        if transactional is None:
            token, _ = self.directives["transactional"]
            reason = "is neither true nor false; write `-- transactional: false`"
            self.faults.append(self._bad_directive(token, reason))
        has_placeholders = "${" in self.source.text
        try:
            for part in split(self.source):
                if isinstance(part, ScriptCommand):
                    place = self.source.place(part.start)
                    self.faults.append(BackslashCommand(*place, f"\\{part.name}"))
                elif not part.is_empty:
                    if transactional and part.command in _TRANSACTION_COMMANDS:
                        self._check_transaction_control(part)
                    if has_placeholders:
                        self._check_placeholders(part)
                    self.statements.append(part)
        except SourceFault as fault:
            # an unclosed quote: what follows it cannot be told from text
            self.faults.append(fault)

    def read_timeouts(self) -> None:
        """Read how long a statement of this file may wait and run, or find what that cannot be."""
        limits: dict[str, float] = {}
        for key in ("lock-timeout", "statement-timeout"):
            if key not in self.directives:
                continue
            token, value = self.directives[key]
            try:
                limits[key] = read_duration(value)
            except ValueError as error:
                self.faults.append(self._bad_directive(token, str(error)))
        self.timeouts = Timeouts(limits.get("lock-timeout"), limits.get("statement-timeout"))

    def check_late_directives(self, header_end: int) -> None:
        """Find directives that stand below the header, where nobody looks for them."""
        text = self.source.text
        if _LATE_DIRECTIVE.search(text, header_end) is None:
            return
        reason = "has no effect after the first statement; move it to the top of the file"
        with suppress(SourceFault):
            for token in tokens(text):
                if (
                    token.kind is TokenKind.LINE_COMMENT
                    and token.start >= header_end
                    and _DIRECTIVE.fullmatch(text, token.start, token.end)
                ):
                    self.faults.append(self._bad_directive(token, reason))

    def check_dependencies(self, migration: MigrationFile, versions: Mapping[str, int]) -> None:
        """Find names in `-- depends:` that come no earlier than this migration."""
        token, names = self.directives.get("depends", (None, ""))
        for name in names.split():
            if token is not None and versions.get(name, migration.version) >= migration.version:
                reason = (
                    f"names {name}, and no earlier migration is called that; "
                    "migrations run in the order of their numbers"
                )
                self.faults.append(self._bad_directive(token, reason))

    def check_other_tools(self, migration: MigrationFile) -> None:
        """Find a header line that says for which other tool the file was written.

        It is then the only fault: what else is wrong follows from it.
        """
        if found := find_header(self.source.text):
            token, origin = found
            header = self.source.text[token.start : token.end].strip()
            folder = str(Path(migration.shown).parent)
            place = self.source.place(token.start)
            self.faults = [ForeignHeader(*place, header, *origin, folder, migration.system)]

    def finish(self, known: Checksum | None = None) -> Script:
        """Return what was read, or refuse the file with all its faults in their order."""
        refuse(sorted(self.faults, key=_position))
        return Script(
            self.source,
            tuple(self.statements),
            bool(self.transactional),
            known or checksum(self.content, self.source.path),
            self.timeouts,
        )

    def _check_transaction_control(self, statement: ScriptStatement) -> None:
        if not _HARMLESS.match(_words(statement)):
            place = self.source.place(statement.start)
            self.faults.append(TransactionControl(*place, statement.command))

    def _check_placeholders(self, statement: ScriptStatement) -> None:
        for offset, text in find_placeholders(self.source, statement.start, statement.end):
            self.faults.append(Placeholder(*self.source.place(offset), text))

    def _bad_directive(self, token: Token, reason: str) -> BadDirective:
        directive = self.source.text[token.start : token.end].strip()
        return BadDirective(*self.source.place(token.start), directive, reason)


def _words(statement: ScriptStatement) -> str:
    """Return a statement in one line, without comments."""
    return " ".join(
        statement.text[token.start : token.end]
        for token in tokens(statement.text)
        if token.kind not in _NO_CODE
    )


def _position(fault: DbkitError) -> tuple[int, int]:
    return (fault.line, fault.column) if isinstance(fault, SourceFault) else (0, 0)
