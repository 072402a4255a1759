"""Check one system: its migrations, its query files and its generated package."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg

from dbkit.analysis import Catalog
from dbkit.check.finding import Finding
from dbkit.check.report import CheckReport
from dbkit.check.rules import rules_of, unknown_tenant
from dbkit.codegen import find_drift, find_stale, package_folder, package_texts
from dbkit.errors import DbkitError, SourceFault
from dbkit.migrations import UP_TO_DATE, Problem, Status, never_migrated, read_files, read_status
from dbkit.queryfiles import ReadFolder, examine_folder
from dbkit.settings import System
from dbkit.typedqueries import TypedQuery, examine_query

# whoever holds a lock for longer is named, and not waited for
_LOCK_TIMEOUT = "set local lock_timeout = '5s'"


def check_system(
    system: System,
    root: Path,
    database: AbstractContextManager[psycopg.Connection[Any] | None],
    told: Callable[[str], object] = lambda _: None,
) -> CheckReport:
    """Find everything that is wrong with a system, and leave all as it was.

    `database` gives a connection in autocommit mode, or None where the database has not been
    made yet. `told` hears what is being looked at.
    """
    report = CheckReport(system.name)
    read = examine_folder(system.sql, root)
    report.queries += read.queries
    report.found += map(Finding.of_fault, read.faults)
    try:
        with database as connection:
            told(f"{system.name}: migrations")
            if _is_up_to_date(system, root, connection, report) and connection is not None:
                _ask(system, connection, read, report, told)
    except (DbkitError, psycopg.Error, OSError) as error:
        report.found.append(_of_error(error))
    if system.package is not None:
        told(f"{system.name}: {system.package}")
        report.found += _of_package(system, root, read, report.typed)
    return report


def _is_up_to_date(
    system: System, root: Path, connection: psycopg.Connection[Any] | None, report: CheckReport
) -> bool:
    """Say whether the database is what the migrations make it: only then types would last."""
    files = read_files(system, root)
    status = never_migrated(files) if connection is None else read_status(files, connection)
    paths = {migration.version: migration.shown for migration in files.migrations}
    for problem in status.problems:
        if problem.fault is not None:
            report.found.append(Finding.of_fault(problem.fault))
            continue
        path = paths.get(problem.version) if problem.version else None
        report.found.append(Finding(problem.kind, problem.message.removeprefix(f"{path}: "), path))
    report.found += _unapplied(status)
    return status.exit_code == UP_TO_DATE


def _unapplied(status: Status) -> Iterator[Finding]:
    waiting = [(file.name, file.shown) for file in status.pending]
    waiting += [(file.path.stem, file.shown) for file in status.pending_objects]
    # of a database that is not ours at all everything is pending, and a problem says why
    if waiting and (status.applied or not status.problems):
        (name, path), *others = waiting
        number = f" and {len(others)} more are" if others else " is"
        message = f"{name}{number} pending; run dbkit migrate {status.name}"
        yield Finding("pending", message, path)
    for made in status.gone_objects:
        message = (
            f"{made.type} {made.identity} was made by {made.path}, which is gone; "
            f"drop it with: dbkit migrate {status.name} --drop-gone"
        )
        yield Finding("gone", message, is_warning=True)


def _of_error(error: DbkitError | psycopg.Error | OSError) -> Finding:
    if isinstance(error, SourceFault):
        return Finding.of_fault(error)
    problem = Problem.of(error, {})
    return Finding(problem.kind, problem.message)


def _ask(
    system: System,
    connection: psycopg.Connection[Any],
    read: ReadFolder,
    report: CheckReport,
    told: Callable[[str], object],
) -> None:
    """Ask the server about every query, in one transaction that is rolled back."""
    with connection.transaction(force_rollback=True):
        connection.execute(_LOCK_TIMEOUT)
        catalog = Catalog(connection)
        report.found += unknown_tenant(system, catalog)
        rules = rules_of(system, connection, catalog)
        for number, query in enumerate(read.queries, start=1):
            name = f"{query.subject}.{query.name}"
            told(f"{system.name}: {name} ({number} of {len(read.queries)})")
            try:
                found = examine_query(connection, query, read.sources[query.path], catalog)
                if isinstance(found, TypedQuery):
                    report.typed.append(found)
                    report.found += (one for rule in rules for one in rule(found))
                else:
                    report.found += (Finding.of_fault(fault, query) for fault in found)
            except psycopg.Error as error:
                error.add_note(f"{_said(error)}, while asked about {name} ({query.path})")
                raise


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip()


def _of_package(
    system: System, root: Path, read: ReadFolder, typed: list[TypedQuery]
) -> Iterator[Finding]:
    """Say what `generate --check` does; where that is nothing, what `generate` would change."""
    remedy = f"run dbkit generate {system.name}"
    try:
        folder = package_folder(system, root)
        stale = find_stale(system.sql, folder)
        for reason in stale:
            yield Finding("generated", f"not current: {reason}; {remedy}", _shown(folder, root))
        if stale or read.faults or len(typed) < len(read.queries):
            return
        for drift in find_drift(package_texts(system, root, typed, read.sources)):
            path = _shown(drift.path, root)
            message = f"{drift.message}; {remedy}"
            yield Finding("drift", message, path, drift.line, query=drift.query)
    except (DbkitError, OSError) as error:
        yield Finding("generated", str(error))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
