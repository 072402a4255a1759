"""Find out at which version of a system a database is that another tool made."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from dbkit.database import connect
from dbkit.errors import DbkitError, SourceFault
from dbkit.migrations import (
    Files,
    ForeignLedger,
    NoSuchVersion,
    Runner,
    Silent,
    read_ledger,
)
from dbkit.operations.databases import scratch, url_of
from dbkit.operations.errors import AlreadyOurs, NothingTellsVersion, NothingToAdopt, NotOurs
from dbkit.operations.foreign import (
    FOREIGN_LEDGERS,
    ForeignHistory,
    OldNames,
    read_origin,
    version_of,
)
from dbkit.operations.schema import Difference, Schema, compare, read_names, read_schema
from dbkit.sqltext import ScriptStatement, Source, TokenKind, split, tokens

# two functions that return the same, a random UUID of version 4: (theirs, ours)
_EQUIVALENTS = (("public.uuid_generate_v4()", "gen_random_uuid()"),)
_WAS = re.compile(r"--[ \t]*was:[ \t]*(\S.*?)\s*")
# statements that leave the catalog as it is, unless they call a function that does not
_ROW_COMMANDS = {
    *("insert", "update", "delete", "merge", "copy", "truncate", "with", "select", "values"),
    *("do", "call", "set", "lock", "analyze"),
}
_KINDS_OF_OBJECTS = (
    "view ",
    "materialized view ",
    "function ",
    "procedure ",
    "trigger ",
    "policy ",
)
_NOT_NULL = " not null"
_NAMING = {TokenKind.WORD, TokenKind.QUOTED_NAME}

ShowVersion = Callable[[str], object]
"""A function that shows how far the comparison is, as text."""


class Adoption(NamedTuple):
    """What is known of a database that can be adopted, before it is recorded."""

    origin: ForeignHistory | None
    version: int
    beside: tuple[str, ...]
    # migrations up to this version that change only rows: no catalog shows whether they ran
    rows_only: tuple[str, ...]
    # columns that may hold nulls here and not in this version; a later migration sets them not null
    loose: tuple[str, ...] = ()
    # the documented table of versions, made by hand: it is renamed before the version is recorded
    set_aside: str | None = None
    # whether the catalog was compared with the one of this version
    compared: bool = True
    # why not every version was compared; empty if every one was
    stopped: str = ""


class _Versions(NamedTuple):
    """The schemas of some versions, built on the same server as the database."""

    schemas: Mapping[int, Schema]
    # the objects that the files in _objects make: the next `migrate` replaces them anyway
    replaced: frozenset[str]


class _Match(NamedTuple):
    """How a database differs from one version."""

    version: int
    differences: tuple[Difference, ...]
    # objects that no version has; they are left alone
    beside: tuple[str, ...]
    loose: tuple[str, ...]


@dataclass(slots=True)
class _Names:
    """The names of all objects of each version, as what each adds and removes."""

    added: dict[int, frozenset[str]] = field(default_factory=dict[int, frozenset[str]])
    removed: dict[int, frozenset[str]] = field(default_factory=dict[int, frozenset[str]])
    newest: frozenset[str] = frozenset()
    # those that the files in _objects add to the newest version
    replaced: frozenset[str] = frozenset()
    stopped: str = ""

    def add(self, version: int, names: frozenset[str]) -> None:
        """Note the names of the next version."""
        self.added[version] = names - self.newest
        self.removed[version] = self.newest - names
        self.newest = names

    @property
    def known(self) -> frozenset[str]:
        """The name of every object of any version."""
        return frozenset[str]().union(*self.added.values())

    def nearest(self, names: Collection[str]) -> list[int]:
        """Return the versions whose names differ least from these."""
        wanted = (frozenset(names) & self.known) - self.replaced
        differing = set(wanted)
        distances: dict[int, int] = {}
        for version, added in self.added.items():
            # a name is among those that differ if only one of the two has it
            differing ^= (added | self.removed[version]) - self.replaced
            distances[version] = len(differing)
        least = min(distances.values())
        return [version for version, distance in distances.items() if distance == least]


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds versions of a system in a scratch database beside another one."""

    model: psycopg.Connection[Any]
    url: str
    files: Files
    show: ShowVersion

    def names(self) -> _Names:
        """Build every version and read its names; stop at the first that cannot be built."""
        names = _Names()

        def look(version: int, looking: psycopg.Connection[Any]) -> None:
            names.add(version, read_names(looking))

        with scratch(self.url, self.model) as connection:
            try:
                self._migrate(connection, self.files.latest, look, "looking at version")
            except (DbkitError, psycopg.Error) as error:
                if not names.added:
                    raise
                reached = max(names.added)
                names.stopped = f"version {reached + 1} cannot be made here: {_first_line(error)}"
            if self.files.objects:
                with_objects = self._with_objects(connection, max(names.added))
                names.replaced = frozenset(with_objects) - names.newest
                names.replaced |= self._made_by_files(with_objects)
        return names

    def schemas(self, wanted: Collection[int]) -> _Versions:
        """Build up to the newest of some versions, and read the schema of each."""
        schemas: dict[int, Schema] = {}
        newest = max(wanted)

        def look(version: int, looking: psycopg.Connection[Any]) -> None:
            if version in wanted:
                schemas[version] = _normal(read_schema(looking))

        with scratch(self.url, self.model) as connection:
            self._migrate(connection, newest, look, "building version")
            if not self.files.objects:
                return _Versions(schemas, frozenset())
            complete = self._with_objects(connection, newest)
        plain = schemas[newest]
        replaced = {name for name, text in complete.items() if plain.get(name) != text}
        return _Versions(schemas, frozenset(replaced) | self._made_by_files(complete))

    def _migrate(
        self,
        connection: psycopg.Connection[Any],
        to: int,
        look: Callable[[int, psycopg.Connection[Any]], None],
        doing: str,
    ) -> None:
        url = url_of(self.url, connection.info.dbname)
        with connect(url) as looking:

            def finished(version: int) -> None:
                self.show(f"{doing} {version} of {to}")
                look(version, looking)

            watching = _Watching(self.files.versions, finished)
            try:
                Runner(replace(self.files, objects=()), connection, watching).migrate(to)
            except (DbkitError, psycopg.Error):
                if not self.files.objects:
                    raise
                # perhaps a migration needs a function that an object file makes
                Runner(self.files, connection, watching).migrate(to)

    def _made_by_files(self, schema: Schema) -> frozenset[str]:
        """Return the objects of the kinds that a file makes whose name is in the text of one."""
        words = _words_of((file.path.read_bytes(), file.shown) for file in self.files.objects)
        return frozenset(
            name
            for name in schema
            if name.startswith(_KINDS_OF_OBJECTS) and _last_word(name) in words
        )

    def _with_objects(self, connection: psycopg.Connection[Any], version: int) -> Schema:
        Runner(self.files, connection).migrate(version)
        return _normal(read_schema(connection))


class _Watching(Silent):
    """Calls a function with the number of each migration that is committed."""

    def __init__(self, versions: Mapping[str, int], look: Callable[[int], None]) -> None:
        self._versions, self._look = versions, look

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Look at the version that is there now."""
        del seconds, direction
        self._look(self._versions[name])


def find_adoption(  # noqa: PLR0913 - what a person may say on the command line
    connection: psycopg.Connection[Any],
    url: str,
    files: Files,
    *,
    to: int | None = None,
    check: bool = True,
    show: ShowVersion = lambda _: None,
) -> Adoption:
    """Return which version of a system a database has; the database itself is only read.

    It is the version asked for, or else what the ledger of another tool says, or else the one
    whose catalog agrees. Unless `check` is False the catalog has to agree in any case: the
    versions are built in a scratch database on the same server, so that the same server writes
    both sets of definitions.
    """
    if to is not None and not 0 < to <= files.latest:
        reason = f"the newest migration is {files.latest}"
        raise NoSuchVersion(files.system, to, reason)
    set_aside = _found_by_hand(connection, files)
    origin = read_origin(connection)
    told = to or (_told_by(origin, files) if origin else None)
    if not check:
        if told is None:
            raise NothingTellsVersion(files.system)
        return Adoption(origin, told, (), (), set_aside=set_aside, compared=False)
    schema = _normal(read_schema(connection, left_out=FOREIGN_LEDGERS))
    if not any(name.startswith("table ") for name in schema):
        raise NothingToAdopt(files.system)
    builder = _Builder(connection, url, files, show)
    if told is None:
        return _by_catalog(builder, schema, origin)._replace(set_aside=set_aside)
    told_by = "" if to is not None or origin is None else f"the ledger of {origin.tool}"
    return _at(builder, schema, origin, told, told_by)._replace(set_aside=set_aside)


def put_aside(connection: psycopg.Connection[Any], table: str) -> str:
    """Rename the documented table of versions, which no tool reads, and return its new name."""
    schema, _, name = table.partition(".")
    new = f"{name}_by_hand"
    tables = sql.SQL("alter table {} rename to {}")
    # the name of the key is an index's, and dbkit's own table needs it
    keys = sql.SQL("alter index if exists {} rename to {}")
    with connection.transaction():
        connection.execute(tables.format(sql.Identifier(schema, name), sql.Identifier(new)))
        key = sql.Identifier(schema, f"{name}_pkey")
        connection.execute(keys.format(key, sql.Identifier(f"{new}_pkey")))
    return new


def _found_by_hand(connection: psycopg.Connection[Any], files: Files) -> str | None:
    """Return the documented table of versions, if somebody made it by hand; refuse what is ours."""
    try:
        ledger = read_ledger(connection, files.system, files.versions)
    except ForeignLedger as error:
        if not error.is_by_hand:
            raise
        return error.table
    if ledger.exists and ledger.applied:
        raise AlreadyOurs(files.system, ledger.version)
    return None


def _told_by(origin: ForeignHistory, files: Files) -> int | None:
    names = _old_names(files)
    if origin.tool == "yoyo":
        # its files are ours: they may have kept their names
        own = {migration.version: migration.name for migration in files.migrations}
        names = {**own, **names}
    return version_of(files.system, origin, names)


def _old_names(files: Files) -> OldNames:
    """Return the old name of each migration: what stands in its first line after `-- was:`."""
    names: dict[int, str] = {}
    for migration in files.migrations:
        with migration.path.open(encoding="utf-8-sig", errors="replace") as file:
            if match := _WAS.fullmatch(file.readline()):
                names[migration.version] = match[1]
    return names


def _at(
    builder: _Builder,
    schema: Schema,
    origin: ForeignHistory | None,
    version: int,
    told_by: str,
) -> Adoption:
    """Compare a database with one version, and build no later one."""
    versions = builder.schemas([version])
    later = _later_words(builder.files, version)
    known = frozenset(
        name for name in schema if name in versions.schemas[version] or _last_word(name) in later
    )
    match = _match(version, schema, versions, known, builder.files)
    if match.differences:
        differences = tuple(map(str, match.differences))
        raise NotOurs(builder.files.system, version, differences, told_by)
    return Adoption(origin, version, match.beside, (), match.loose)


def _by_catalog(builder: _Builder, schema: Schema, origin: ForeignHistory | None) -> Adoption:
    """Find the version whose catalog agrees.

    The names of objects are read at every version, which is quick, and the definitions at those
    alone whose names differ least.
    """
    files = builder.files
    names = builder.names()
    versions = builder.schemas(names.nearest(schema))
    matches = [
        _match(version, schema, versions, names.known, files) for version in versions.schemas
    ]
    best = _best(matches, versions)
    if best.differences:
        differences = tuple(map(str, best.differences))
        raise NotOurs(files.system, best.version, differences, stopped=names.stopped)
    rows_only = tuple(_rows_only(files, names, best.version))
    return Adoption(origin, best.version, best.beside, rows_only, best.loose, stopped=names.stopped)


def _match(
    version: int, schema: Schema, versions: _Versions, known: Collection[str], files: Files
) -> _Match:
    blocking: list[Difference] = []
    beside: list[str] = []
    loose: list[str] = []
    tightened = _tightened(files, version)
    for difference in compare(versions.schemas[version], schema):
        if difference.name in versions.replaced:
            continue
        if difference.wanted is None and difference.name not in known:
            beside.append(difference.name)
        elif _is_loose(difference) and _column(difference.name) in tightened:
            loose.append(difference.name.partition(" ")[2])
        else:
            blocking.append(difference)
    return _Match(version, tuple(blocking), tuple(beside), tuple(loose))


def _is_loose(difference: Difference) -> bool:
    """Say whether a column differs only in that it may hold nulls here."""
    wanted, actual = difference.wanted, difference.actual
    return (
        difference.name.startswith("column ")
        and wanted is not None
        and _NOT_NULL in wanted
        and actual == wanted.replace(_NOT_NULL, "", 1)
    )


def _column(name: str) -> tuple[str, str]:
    """Return the bare names of a column's table and of the column."""
    *_, table, column = name.rpartition(" ")[2].replace('"', "").lower().split(".")
    return table, column


def _tightened(files: Files, version: int) -> frozenset[tuple[str, str]]:
    """Return the columns, each with its table, that later migrations set not null."""
    found: set[tuple[str, str]] = set()
    for migration in files.migrations[version:]:
        source = _source(migration.path.read_bytes(), migration.shown)
        for statement in _statements(source):
            if statement.command == "alter":
                found.update(_set_not_null(statement.text))
    return frozenset(found)


def _set_not_null(statement: str) -> Iterable[tuple[str, str]]:
    words = [
        statement[token.start : token.end].strip('"').lower()
        for token in tokens(statement)
        if token.kind in _NAMING
    ]
    if words[1:2] != ["table"] or "alter" not in words[2:]:
        return
    # the last word before the first action: a schema, `only` and `if exists` come before it
    table = words[words.index("alter", 2) - 1]
    for position, word in enumerate(words):
        if word == "set" and words[position + 1 : position + 3] == ["not", "null"]:
            yield table, words[position - 1]


def _best(matches: list[_Match], versions: _Versions) -> _Match:
    """Return the version with the fewest differences; of versions with one schema, the first.

    If two versions have the same schema, the later one only changes rows. If it runs a second
    time, it may fail with an error; if it were left out, nobody would notice.
    """
    best = min(matches, key=lambda match: (len(match.differences), -match.version))
    for match in matches:
        if versions.schemas[match.version] == versions.schemas[best.version]:
            return match
    return best


def _rows_only(files: Files, names: _Names, version: int) -> Iterable[str]:
    for migration in files.migrations:
        if migration.version > version:
            return
        if names.added[migration.version] or names.removed[migration.version]:
            continue
        source = _source(migration.path.read_bytes(), migration.shown)
        if all(statement.command in _ROW_COMMANDS for statement in _statements(source)):
            yield migration.name


def _later_words(files: Files, version: int) -> frozenset[str]:
    """Return the names in the text of later migrations, which are not built."""
    later = files.migrations[version:]
    return _words_of((migration.path.read_bytes(), migration.shown) for migration in later)


def _words_of(texts: Iterable[tuple[bytes, str]]) -> frozenset[str]:
    words: set[str] = set()
    for content, shown in texts:
        text = _source(content, shown).text
        try:
            words.update(
                text[token.start : token.end].strip('"').lower()
                for token in tokens(text)
                if token.kind in _NAMING
            )
        except SourceFault:
            # told when that migration is run
            continue
    return frozenset(words)


def _last_word(name: str) -> str:
    """Return the bare name of an object, as `total` of "column orders.total"."""
    return name.partition("(")[0].rpartition(" ")[2].rpartition(".")[2].strip('"').lower()


def _statements(source: Source) -> list[ScriptStatement]:
    try:
        return [
            part
            for part in split(source)
            if isinstance(part, ScriptStatement) and not part.is_empty
        ]
    except SourceFault:
        return []


def _source(content: bytes, shown: str) -> Source:
    return Source(shown, content.decode("utf-8-sig", errors="replace"))


def _normal(schema: Schema) -> Schema:
    normal = dict(schema)
    for theirs, ours in _EQUIVALENTS:
        for name, definition in normal.items():
            normal[name] = definition.replace(theirs, ours)
    return normal


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
