"""Ask the catalog whether a statement that cannot run in a transaction was done.

What was there before the statement is looked up and kept in the journal. After a run was lost, the
two states are compared: the text of the file is not needed for it, and may have changed.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum, auto
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from dbkit.migrations.errors import UnfinishedMigration
from dbkit.migrations.ledger import Interrupted
from dbkit.sqltext import BLANK, ScriptStatement, TokenKind, tokens

Facts = Mapping[str, Any]
UNKNOWN: Facts = {"kind": "unknown"}

_NAME = r'(?:[uU]&)?"(?:[^"]|"")+"|[^\s"(),;.]+'
_PATH = rf"(?:{_NAME})(?:\.(?:{_NAME}))*"
_CREATE_INDEX = re.compile(
    rf"create (?:unique )?index concurrently (?:if not exists )?"
    rf"(?:(?P<name>{_NAME}) )?on (?:only )?(?P<table>{_PATH})(?: |$)",
    re.IGNORECASE,
)
_DROP_INDEX = re.compile(
    rf"drop index concurrently (?:if exists )?(?P<index>{_PATH})(?: |$)", re.IGNORECASE
)
_REINDEX = re.compile(r"reindex\b.*\bconcurrently\b", re.IGNORECASE)
_DETACH = re.compile(
    rf"alter table (?:if exists )?(?:only )?(?P<parent>{_PATH}) "
    rf"detach partition (?P<partition>{_PATH}) concurrently$",
    re.IGNORECASE,
)
_DATABASE = re.compile(
    rf"(?P<verb>create|drop) (?P<what>database|tablespace) (?:if exists )?(?P<name>{_NAME})(?: |$)",
    re.IGNORECASE,
)
_PREPARED = re.compile(r"(?:commit|rollback) prepared (?P<name>'(?:[^']|'')*')$", re.IGNORECASE)
# these do no harm when they are done a second time, and are not done by halves
_REPEATABLE = re.compile(
    r"(?:vacuum|analyze|analyse|cluster|reindex|checkpoint|discard|alter system)\b", re.IGNORECASE
)
# these may commit what they did so far, whatever becomes of the rest
_COMMITTING = re.compile(r"(?:call|do)\b", re.IGNORECASE)

_INDEXES = """
select
    index.indexrelid::bigint as oid,
    format('%%I.%%I', namespace.nspname, relation.relname) as shown,
    index.indisvalid as valid,
    exists (
        select from pg_catalog.pg_locks as lock
        inner join pg_catalog.pg_stat_progress_create_index as progress on progress.pid = lock.pid
        where
            lock.pid <> pg_backend_pid()
            and lock.locktype = 'relation'
            and lock.relation = index.indrelid
            and lock.database = progress.datid
            and lock.mode = 'ShareUpdateExclusiveLock'
    ) as being_built
from pg_catalog.pg_index as index
inner join pg_catalog.pg_class as relation on relation.oid = index.indexrelid
inner join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
where {condition}
order by index.indexrelid
"""
# what reindex leaves, of which nobody has a use
_LEFT_BY_REINDEX = r"not index.indisvalid and relation.relname ~ '_cc(new|old)\d*$'"
_OF_TABLE = r"""
index.indrelid = %(table)s::bigint::oid and relation.relname !~ '_cc(new|old)\d*$'
and (%(name)s::text is null or relation.relname = %(name)s)
"""
# which procedures a procedure calls is not known, so each of the database counts
_COMMITTING_PROCEDURES = r"""
select exists (
    select from pg_catalog.pg_proc as routine
    inner join pg_catalog.pg_language as language on language.oid = routine.prolang
    where
        routine.prokind = 'p'
        and (
            routine.prosrc ~* '\m(commit|rollback)\M' or language.lanname not in ('sql', 'plpgsql')
        )
)
"""
_OID = "select to_regclass(%s)::oid::bigint"
_FOLDED = "select (parse_ident(%s))[1]"
_ATTACHED = """
select inherits.inhdetachpending, parent.oid::regclass::text, child.oid::regclass::text
from pg_catalog.pg_inherits as inherits
inner join pg_catalog.pg_class as parent on parent.oid = inherits.inhparent
inner join pg_catalog.pg_class as child on child.oid = inherits.inhrelid
where
    inherits.inhparent = %(parent)s::bigint::oid
    and inherits.inhrelid = %(partition)s::bigint::oid
"""
_EXISTING: Mapping[str, LiteralString] = {
    "database": "select from pg_catalog.pg_database where datname = %s",
    "tablespace": "select from pg_catalog.pg_tablespace where spcname = %s",
    "prepared": "select from pg_catalog.pg_prepared_xacts where gid = %s",
}


class Verdict(StrEnum):
    """Whether a statement was done."""

    DONE = auto()
    NOT_DONE = auto()
    UNKNOWN = auto()


class Judgement(NamedTuple):
    """What the catalog says of a statement, and the statements that mend what it left."""

    verdict: Verdict
    mending: tuple[str, ...] = ()
    # the indexes that another session is building just now: the verdict has to wait for it
    awaited: tuple[str, ...] = ()


class _Index(NamedTuple):
    oid: int
    shown: str
    valid: bool
    being_built: bool


def facts_before(connection: psycopg.Connection, statement: str) -> Facts:
    """Return what the catalog says before a statement runs, for `judge` to compare with."""
    text = on_one_line(statement)
    # a name that the server cannot read is left to the statement itself
    with suppress(psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError):
        for pattern, look in _KINDS:
            if match := pattern.match(text):
                return look(connection, match)
    return UNKNOWN


def may_commit(connection: psycopg.Connection, statement: ScriptStatement) -> bool:
    """Say whether a statement may commit while it runs, as a procedure can.

    It is not tried in a transaction first: it would work until its first commit in vain, and the
    numbers that it took from sequences would be lost.
    """
    if statement.command == "do":
        return re.search(r"\b(?:commit|rollback)\b", statement.text, re.IGNORECASE) is not None
    if statement.command == "call":
        row = connection.execute(_COMMITTING_PROCEDURES).fetchone()
        return bool(row and row[0])
    return False


def open_question(
    connection: psycopg.Connection, system: str, interrupted: Interrupted
) -> UnfinishedMigration | None:
    """Return what a person must answer before a half-done migration can go on, if anything."""
    done, statement = interrupted.done, None
    if interrupted.digest is None and done < interrupted.statements:
        statement = "an earlier version of dbkit ran it, and noted no more"
    elif interrupted.running is not None:
        verdict = judge(connection, interrupted.facts or UNKNOWN).verdict
        if verdict is Verdict.UNKNOWN:
            statement = " ".join(interrupted.running.split())
        done += verdict is Verdict.DONE
    if statement is None and not (interrupted.temporary and done < interrupted.statements):
        return None
    return UnfinishedMigration(
        system,
        interrupted.version,
        interrupted.name,
        done,
        interrupted.statements,
        interrupted.direction,
        statement,
        interrupted.error,
    )


def statements_done(connection: psycopg.Connection, interrupted: Interrupted) -> int:
    """Return how many statements of a half-done migration are done, of which nothing is asked."""
    if interrupted.running is None:
        return interrupted.done
    verdict = judge(connection, interrupted.facts or UNKNOWN).verdict
    return interrupted.done + (verdict is Verdict.DONE)


def leftovers(connection: psycopg.Connection, facts: Facts) -> Judgement:
    """Return what stands in the way of a statement that is about to run, and how to mend it.

    An INVALID index is of no use to anybody, and `if not exists` would take it for the index.
    """
    if facts["kind"] != "create index" or facts["name"] is None:
        return Judgement(Verdict.NOT_DONE)
    return _dropping(_indexes(connection, _OF_TABLE, facts))


def judge(connection: psycopg.Connection, facts: Facts) -> Judgement:
    """Compare the catalog now with what it was before a statement that nobody saw the end of."""
    return _JUDGES.get(facts["kind"], _unknown)(connection, facts)


def waits_without_harm(facts: Facts) -> bool:
    """Say whether a statement waits for others without that anybody has to wait behind it."""
    return facts["kind"] in {"create index", "drop index", "reindex", "detach"}


def may_be_half_done(facts: Facts) -> bool:
    """Say whether a statement that failed may have committed a part of what it does."""
    return facts["kind"] in {"committing", "unknown"}


def on_one_line(statement: str) -> str:
    """Return a statement without its comments, with one space between its words.

    What follows a dollar-quoted body is left out: nothing is looked for there.
    """
    parts: list[str] = []
    for kind, start, end in tokens(statement):
        if kind in BLANK:
            continue
        text = statement[start:end]
        if parts and text != "." and not parts[-1].endswith("."):
            parts.append(" ")
        parts.append(text)
        if kind is TokenKind.DOLLAR_STRING:
            break
    return "".join(parts)


def _create_index(connection: psycopg.Connection, match: re.Match[str]) -> Facts:
    facts = {
        "kind": "create index",
        "table": _value(connection, _OID, match["table"]),
        "name": match["name"] and _value(connection, _FOLDED, match["name"]),
    }
    present = [index.oid for index in _indexes(connection, _OF_TABLE, facts) if index.valid]
    return {**facts, "present": present}


def _drop_index(connection: psycopg.Connection, match: re.Match[str]) -> Facts:
    return {"kind": "drop index", "index": _value(connection, _OID, match["index"])}


def _reindex(connection: psycopg.Connection, _match: re.Match[str]) -> Facts:
    present = [index.oid for index in _indexes(connection, _LEFT_BY_REINDEX, {})]
    return {"kind": "reindex", "present": present}


def _detach(connection: psycopg.Connection, match: re.Match[str]) -> Facts:
    facts = {
        "kind": "detach",
        "parent": _value(connection, _OID, match["parent"]),
        "partition": _value(connection, _OID, match["partition"]),
    }
    return {**facts, "attached": connection.execute(_ATTACHED, facts).fetchone() is not None}


def _database(connection: psycopg.Connection, match: re.Match[str]) -> Facts:
    what, name = match["what"].lower(), _value(connection, _FOLDED, match["name"])
    wanted = match["verb"].lower() == "create"
    return _existence(connection, what, name, wanted=wanted)


def _prepared(connection: psycopg.Connection, match: re.Match[str]) -> Facts:
    name = match["name"][1:-1].replace("''", "'")
    return _existence(connection, "prepared", name, wanted=False)


def _existence(connection: psycopg.Connection, what: str, name: str, *, wanted: bool) -> Facts:
    present = connection.execute(_EXISTING[what], (name,)).fetchone() is not None
    return {"kind": "existence", "what": what, "name": name, "wanted": wanted, "present": present}


def _repeatable(_connection: psycopg.Connection, _match: re.Match[str]) -> Facts:
    return {"kind": "repeatable"}


def _committing(_connection: psycopg.Connection, _match: re.Match[str]) -> Facts:
    return {"kind": "committing"}


# the first that matches is the one
_KINDS: tuple[tuple[re.Pattern[str], Callable[[psycopg.Connection, re.Match[str]], Facts]], ...] = (
    (_CREATE_INDEX, _create_index),
    (_DROP_INDEX, _drop_index),
    (_REINDEX, _reindex),
    (_DETACH, _detach),
    (_DATABASE, _database),
    (_PREPARED, _prepared),
    (_REPEATABLE, _repeatable),
    (_COMMITTING, _committing),
)


def _created_index(connection: psycopg.Connection, facts: Facts) -> Judgement:
    new = [
        index
        for index in _indexes(connection, _OF_TABLE, facts)
        if index.oid not in facts["present"]
    ]
    if any(index.valid for index in new):
        return Judgement(Verdict.DONE)
    return _dropping(new)


def _dropped_index(connection: psycopg.Connection, facts: Facts) -> Judgement:
    if facts["index"] is None:
        return Judgement(Verdict.NOT_DONE)
    there = _indexes(connection, "index.indexrelid = %(index)s::bigint::oid", facts)
    return Judgement(Verdict.NOT_DONE if there else Verdict.DONE)


def _reindexed(connection: psycopg.Connection, facts: Facts) -> Judgement:
    left = _indexes(connection, _LEFT_BY_REINDEX, {})
    return _dropping([index for index in left if index.oid not in facts["present"]])


def _detached(connection: psycopg.Connection, facts: Facts) -> Judgement:
    row = connection.execute(_ATTACHED, facts).fetchone()
    if row is None:
        return Judgement(Verdict.DONE if facts["attached"] else Verdict.NOT_DONE)
    pending, parent, child = row
    if pending:
        return Judgement(Verdict.DONE, (f"alter table {parent} detach partition {child} finalize",))
    return Judgement(Verdict.NOT_DONE)


def _existing(connection: psycopg.Connection, facts: Facts) -> Judgement:
    present = connection.execute(_EXISTING[facts["what"]], (facts["name"],)).fetchone() is not None
    done = present == facts["wanted"] != facts["present"]
    return Judgement(Verdict.DONE if done else Verdict.NOT_DONE)


def _repeated(_connection: psycopg.Connection, _facts: Facts) -> Judgement:
    return Judgement(Verdict.NOT_DONE)


def _unknown(_connection: psycopg.Connection, _facts: Facts) -> Judgement:
    return Judgement(Verdict.UNKNOWN)


_JUDGES: Mapping[str, Callable[[psycopg.Connection, Facts], Judgement]] = {
    "create index": _created_index,
    "drop index": _dropped_index,
    "reindex": _reindexed,
    "detach": _detached,
    "existence": _existing,
    "repeatable": _repeated,
}


def _dropping(indexes: list[_Index]) -> Judgement:
    awaited = tuple(index.shown for index in indexes if index.being_built)
    useless = [index for index in indexes if not index.valid and not index.being_built]
    mending = tuple(f"drop index concurrently if exists {index.shown}" for index in useless)
    return Judgement(Verdict.NOT_DONE, mending, awaited)


def _indexes(
    connection: psycopg.Connection, condition: LiteralString, facts: Facts
) -> list[_Index]:
    query = sql.SQL(_INDEXES).format(condition=sql.SQL(condition))
    return [_Index(*row) for row in connection.execute(query, facts)]


def _value(connection: psycopg.Connection, query: LiteralString, name: str) -> Any:  # noqa: ANN401
    row = connection.execute(query, (name,)).fetchone()
    return row and row[0]
