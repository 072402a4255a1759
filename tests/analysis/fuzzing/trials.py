"""Describe statements made by chance, run them, and hold the one against the other."""

import datetime as dt
import decimal
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, cast

import psycopg
from psycopg.pq import ExecStatus

from dbkit.analysis import FIRST_NORMAL_OBJECT_ID, Catalog, Description, describe
from dbkit.pgtypes import Column, column_type
from tests.analysis.fuzzing.statements import Writer
from tests.analysis.fuzzing.worlds import INTEGER, TEXT, World, make_world

_STATEMENTS, _FILLINGS = 24, 5
# a plan that reads a relation again and again shows what changes each time
_PLANNERS = (
    "",
    "set local enable_hashjoin = off; set local enable_mergejoin = off",
    (
        "set local enable_hashjoin = off; set local enable_mergejoin = off; "
        "set local enable_material = off; set local enable_memoize = off"
    ),
    "set local enable_nestloop = off; set local enable_hashagg = off",
    (
        "set local enable_indexscan = off; set local enable_bitmapscan = off; "
        "set local enable_material = off; set local enable_hashjoin = off; "
        "set local enable_mergejoin = off"
    ),
)
_SCALARS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "str": (str,),
    "bool": (bool,),
    "float": (float,),
    "Decimal": (decimal.Decimal,),
    "datetime": (dt.datetime,),
}


@dataclass
class Tally:
    """What was tried."""

    worlds: int = 0
    statements: int = 0
    # which the server refuses, so that nothing is described
    refused: int = 0
    # which could not be analysed
    lost: int = 0
    # which ran on one filling at least
    ran: int = 0
    columns: int = 0
    never_null: int = 0
    at_most_one: int = 0
    at_least_one: int = 0
    shaped: int = 0
    # of the statements said to give at most one row, those that gave one
    gave_one: int = 0

    def __str__(self) -> str:
        return ", ".join(
            f"{value} {name.replace('_', ' ')}" for name, value in asdict(self).items()
        )


@dataclass
class Trial:
    """One statement in one world."""

    seed: str
    text: str
    schema: list[str]
    types: list[str]
    description: Description | None = None
    ran: bool = False
    gave_one: bool = False
    faults: list[str] = field(default_factory=list[str])

    def report(self, fault: str, filling: list[str], values: Sequence[object]) -> None:
        """Note what is wrong, ready for psql; one of each kind is enough."""
        if self.faults:
            return
        bound = " ".join("''" if v is None else "'" + str(v) + "'" for v in values)
        end = f" \\bind {bound} \\g" if values else ";"
        lines = [f"-- seed {self.seed}: {fault}", "begin;", *(f"{s};" for s in self.schema)]
        lines += [*(f"{s};" for s in filling if s), f"-- values: {values}", f"{self.text}{end}"]
        self.faults.append("\n".join([*lines, "rollback;"]))


def search(
    connection: psycopg.Connection[Any], seed: str, *, worlds: int = 0, seconds: float = 0
) -> Iterator[tuple[Tally, list[str]]]:
    """Try statements in one world after the other; yield the tally and the faults so far."""
    tally, faults, end = Tally(), list[str](), time.monotonic() + seconds
    while tally.worlds < worlds or time.monotonic() < end:
        world_seed = f"{seed}/{tally.worlds}"
        for trial in try_world(connection, world_seed):
            _count(tally, trial)
            faults += trial.faults
        tally.worlds += 1
        yield tally, faults


def _count(tally: Tally, trial: Trial) -> None:
    tally.statements += 1
    described = trial.description
    if described is None:
        tally.refused += 1
        return
    tally.lost += described.lost is not None
    tally.ran += trial.ran
    tally.columns += len(described.columns)
    tally.never_null += sum(not column.nullable for column in described.columns)
    tally.shaped += sum(column.shape is not None for column in described.columns)
    tally.at_most_one += described.at_most_one
    tally.at_least_one += described.at_least_one
    tally.gave_one += described.at_most_one and trial.gave_one


def try_world(connection: psycopg.Connection[Any], seed: str) -> list[Trial]:
    """Make a world, and try statements in it."""
    chance = Random(seed)  # noqa: S311 - a search, not a secret
    world = make_world(chance, connection.info.server_version // 10_000)
    with connection.transaction(force_rollback=True):
        connection.execute("set local statement_timeout = '2s'; set local jit = off")
        schema = [text for text in world.schema if _try(connection, text)]
        if any("row level security" in text for text in schema):
            schema += _as_another_role(connection)
        trials: list[Trial] = []
        catalog = Catalog(connection)
        for _ in range(_STATEMENTS):
            writer = Writer(world)
            trial = Trial(seed, writer.statement(), schema, writer.parameters)
            _describe(connection, catalog, trial)
            trials.append(trial)
        for number in range(_FILLINGS):
            with connection.transaction(force_rollback=True):
                planner = _PLANNERS[number % len(_PLANNERS)]
                role = "reset role" if any("set local role" in text for text in schema) else ""
                filling = [text for text in [role, *world.fill()] if text]
                filling = [text for text in filling if _try(connection, text)]
                if role:
                    filling.append("set local role fuzzed")
                    connection.execute("set local role fuzzed")
                if planner:
                    connection.execute(planner.encode())
                    filling.append(planner)
                for trial in trials:
                    _run(connection, world, trial, filling)
    return trials


def _try(connection: psycopg.Connection[Any], text: str) -> bool:
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.Error:
        return False
    return True


def _as_another_role(connection: psycopg.Connection[Any]) -> list[str]:
    """Become a role for which policies hold; return what was done."""
    statements = [
        "create role fuzzed",
        "grant all on all tables in schema public to fuzzed",
        "grant all on schema public to fuzzed",
        "set local role fuzzed",
    ]
    return [text for text in statements if _try(connection, text)]


def _describe(connection: psycopg.Connection[Any], catalog: Catalog, trial: Trial) -> None:
    try:
        with connection.transaction():
            trial.description = describe(connection, trial.text, catalog=catalog)
    except psycopg.Error as error:
        if error.sqlstate != _refusal(connection, trial.text):
            trial.report(f"describe raises {error!r}", [], [])
    except Exception as error:  # noqa: BLE001 - no other exception may ever come
        trial.report(f"describe raises {error!r}", [], [])


def _refusal(connection: psycopg.Connection[Any], text: str) -> str | None:
    """Prepare a statement without any of ours, and return how the server refuses it."""
    try:
        with connection.transaction(force_rollback=True):
            result = connection.pgconn.prepare(b"", text.encode())
            if result.status == ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result)
    except psycopg.Error as refused:
        return refused.sqlstate
    return None


def _run(
    connection: psycopg.Connection[Any], world: World, trial: Trial, filling: list[str]
) -> None:
    described = trial.description
    if described is None:
        return
    values = [
        None
        if parameter.nullable and world.odds(0.4)
        else world.chance.choice({INTEGER: (0, 1, 2), TEXT: ("a", "b", "")}[type_])
        for type_, parameter in zip(trial.types, described.parameters, strict=True)
    ]
    try:
        with connection.transaction(force_rollback=True):
            cursor = psycopg.RawCursor(connection)
            cursor.execute(trial.text.encode(), values, prepare=False)
            result = cursor.pgresult
            rows = cursor.fetchall() if result and result.status == ExecStatus.TUPLES_OK else []
    except psycopg.Error:
        return
    if result is None:
        return
    trial.ran = True
    trial.gave_one |= len(rows) == 1
    for fault in faults_of(described, result, rows):
        trial.report(fault, filling, values)


def faults_of(
    described: Description, result: psycopg.pq.abc.PGresult, rows: list[tuple[Any, ...]]
) -> Iterator[str]:
    """Yield what the server returned otherwise than it was described."""
    names = [(result.fname(at) or b"").decode() for at in range(result.nfields)]
    oids = [result.ftype(at) for at in range(result.nfields)]
    if names != [column.name for column in described.columns]:
        yield f"the columns are {names}"
    if oids != [column.type.oid for column in described.columns]:
        yield f"the types are {oids}"
    if described.lost is not None:
        yield f"it is not analysed: {described.lost.reason}"
    if described.at_most_one and len(rows) > 1:
        yield f"at most one row, and {len(rows)} came"
    if described.at_least_one and not rows:
        yield "at least one row, and none came"
    for row in rows:
        for column, value in zip(described.columns, row, strict=True):
            yield from _value_faults(column, value, column.name)


def _value_faults(column: Column, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - a value
    """Yield where a value, or a part of it, is none that the column may have."""
    if value is None:
        if not column.nullable and column.type.name not in {"json", "jsonb"}:
            yield f"{path} is null"
        return
    if column.shape is None:
        typed = column_type(column)
        if not typed.converted and not fits(typed.annotation, value):
            yield f"{path} is {value!r}, and no {typed.annotation}"
        return
    parts = column.shape.parts
    if isinstance(value, str) and column.type.oid >= FIRST_NORMAL_OBJECT_ID:
        # it comes as text to a driver that was not told of the type
        return
    if column.shape.kind == "list" and isinstance(value, list):
        for element in cast("list[object]", value):
            yield from _value_faults(parts[0], element, f"{path}[]")
    elif column.shape.kind != "list" and isinstance(value, dict):
        yield from _object_faults(parts, cast("dict[str, Any]", value), path)
    elif column.shape.kind == "row" and isinstance(value, tuple):
        yield from _row_faults(parts, cast("tuple[object, ...]", value), path)
    else:
        yield f"{path} is no {column.shape.kind}, but {value!r}"


def _object_faults(parts: tuple[Column, ...], value: dict[str, object], path: str) -> Iterator[str]:
    if value.keys() != {part.name for part in parts}:
        yield f"{path} has the keys {sorted(value)}"
        return
    for part in parts:
        yield from _value_faults(part, value[part.name], f"{path}.{part.name}")


def _row_faults(parts: tuple[Column, ...], value: tuple[object, ...], path: str) -> Iterator[str]:
    if len(value) != len(parts):
        yield f"{path} has {len(value)} fields"
        return
    for part, element in zip(parts, value, strict=True):
        if element is None and not part.nullable:
            yield f"{path}.{part.name} is null"


def fits(annotation: str, value: Any) -> bool:  # noqa: ANN401 - a value
    """Say whether a value is of a type, as generated code writes it; an unknown type takes all."""
    alternatives = annotation.split(" | ") if "[" not in annotation else [annotation]
    if annotation.endswith("] | None"):
        alternatives = [annotation.removesuffix(" | None"), "None"]
    for alternative in alternatives:
        if alternative == "None":
            if value is None:
                return True
        elif alternative.startswith("list["):
            inner = alternative.removeprefix("list[")[:-1]
            elements = cast("list[object]", value) if isinstance(value, list) else [None]
            if isinstance(value, list) and all(fits(inner, element) for element in elements):
                return True
        elif alternative not in _SCALARS or isinstance(value, _SCALARS[alternative]):
            return alternative in _SCALARS or value is not None or alternative in {"Json", "Any"}
    return False
