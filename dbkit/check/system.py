"""Check one system: its migrations, its query files and its generated package."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import psycopg

from dbkit.analysis import Analysis, Catalog, LostProof, undone
from dbkit.check.finding import Finding, Observation, name_of
from dbkit.check.needs import (
    ALLOWANCES,
    DATABASE,
    MIGRATIONS,
    PACKAGE,
    QUERY_FILES,
    REFUSED_QUERY,
    ROLE,
    ROLE_QUERY,
    TENANT,
    TENANT_DETAIL,
    TYPED_QUERIES,
    TYPED_QUERY,
    AllowedQuery,
    MigratedDatabase,
    MigrationState,
    PackageState,
    RefusedQuery,
    RoleQuery,
    TenantQuery,
    Trouble,
)
from dbkit.check.report import CheckReport
from dbkit.check.rolerights import ApplicationRole, RoleRights, application_role
from dbkit.check.rules import RULES
from dbkit.codegen import find_drift, find_stale, package_folder, package_texts
from dbkit.errors import DbkitError
from dbkit.migrations import (
    UP_TO_DATE,
    Files,
    Problem,
    Status,
    base_problems,
    never_migrated,
    read_files,
    read_status,
    unreadable,
)
from dbkit.queryfiles import Combination, Query, ReadFolder, examine_folder
from dbkit.settings import System
from dbkit.tenancy import Crossing, Ownership, find_crossings
from dbkit.typedqueries import TypedQuery, examine_queries

# a lock that somebody holds for longer is a finding
_LOCK_TIMEOUT = "set local lock_timeout = '5s'"


def check_system(
    system: System,
    root: Path,
    database: AbstractContextManager[psycopg.Connection[Any] | None],
    told: Callable[[str], object] = lambda _: None,
    *,
    base: str | None = None,
) -> CheckReport:
    """Find everything that is wrong with a system, and change nothing.

    `database` gives a connection in autocommit mode, or None where the database does not exist
    yet. `told` is called with the name of what is looked at next. With `base`, a branch or commit
    of git, the migrations are held against those that it has.
    """
    report = CheckReport(system.name)
    read = examine_folder(system.sql, root)
    report.queries += read.queries
    report.found += RULES.findings(QUERY_FILES, read.faults)
    asking = _Asking(system, read, report, told)
    files = read_files(system, root)
    if base is not None:
        beside = Status(system.name, problems=base_problems(files, system.migrations, base))
        report.found += RULES.findings(MIGRATIONS, _migration_state(files, beside))
    try:
        with database as connection:
            told(f"{system.name}: migrations")
            status = never_migrated(files) if connection is None else read_status(files, connection)
            report.found += RULES.findings(MIGRATIONS, _migration_state(files, status))
            # the types of a database that is not up to date would change with the next migration
            if status.exit_code == UP_TO_DATE and connection is not None:
                asking.ask(connection)
    except (DbkitError, psycopg.Error, OSError) as error:
        status = unreadable(files, error)
        report.found += RULES.findings(MIGRATIONS, _migration_state(files, status))
    different = list(RULES.findings(TYPED_QUERIES, report.typed))
    report.found += different
    for query in read.queries:
        allowed = AllowedQuery(query, asking.silenced.get(name_of(query)))
        report.found += RULES.findings(ALLOWANCES, allowed)
    if system.package is not None:
        told(f"{system.name}: {system.package}")
        # a package is made of all queries or of none; what could not be proved is no difference
        is_whole = not read.faults and not different and len(report.typed) == len(read.queries)
        is_whole &= not any(typed.is_lost_here for typed in report.typed)
        state = _package_state(system, root, read, report.typed if is_whole else None)
        report.found += RULES.findings(PACKAGE, state)
    return report


def _migration_state(files: Files, status: Status) -> MigrationState:
    paths = {migration.version: migration.shown for migration in files.migrations}
    troubles = (Trouble(problem.kind, _observation(problem, paths)) for problem in status.problems)
    return MigrationState(status, tuple(troubles))


def _observation(problem: Problem, paths: Mapping[int, str]) -> Observation:
    if problem.fault is not None:
        return Observation.of_error(problem.fault)
    path = problem.path or paths.get(problem.version or 0)
    return Observation(problem.message.removeprefix(f"{path}: "), path)


class _Asking:
    """The server is asked about each query of a system, and each rule about each answer."""

    def __init__(
        self,
        system: System,
        read: ReadFolder,
        report: CheckReport,
        told: Callable[[str], object],
    ) -> None:
        self._system = system
        self._read = read
        self._report = report
        self._told = told
        # by the name of each query that was typed, the rules that its header silenced
        self.silenced: dict[str, frozenset[str]] = {}

    def ask(self, connection: psycopg.Connection[Any]) -> None:
        """Ask in one transaction, which is undone."""
        system, read, report = self._system, self._read, self._report
        with undone(connection) as attempt:
            attempt.run(_LOCK_TIMEOUT)
            catalog = Catalog(connection)
            report.found += RULES.findings(DATABASE, MigratedDatabase(system, catalog))
            role = application_role(catalog, system.role)
            report.found += RULES.findings(ROLE, role)
            lacking = _Lacking(catalog, role)
            ownership = Ownership(catalog, system.tenant) if system.tenant is not None else None
            crossings = _Crossings(connection, ownership)

            def look(query: Query, combination: Combination, analysis: Analysis) -> None:
                crossings.look(query, combination, analysis)
                lacking.look(query, analysis)

            examined = examine_queries(
                connection,
                read.queries,
                read.sources,
                catalog,
                look,
            )
            with closing(examined):
                for number, query in enumerate(read.queries, start=1):
                    name = name_of(query)
                    self._told(f"{system.name}: {name} ({number} of {len(read.queries)})")
                    try:
                        typed = next(examined)
                    except psycopg.Error as error:
                        error.add_note(f"{_said(error)}, while asked about {name} ({query.path})")
                        raise
                    if not isinstance(typed, TypedQuery):
                        refused = RefusedQuery(query, tuple(typed))
                        report.found += RULES.findings(REFUSED_QUERY, refused)
                        continue
                    report.typed.append(typed)
                    findings = [*RULES.findings(TYPED_QUERY, typed)]
                    if role.is_set:
                        role_query = RoleQuery(typed, role.name, lacking.of(query))
                        findings += RULES.findings(ROLE_QUERY, role_query)
                    if ownership is not None:
                        tenant_query = TenantQuery(typed, ownership.tenant, crossings.of(query))
                        report.found += RULES.findings(TENANT, tenant_query)
                        findings += RULES.findings(TENANT_DETAIL, tenant_query)
                    report.found += self._unsilenced(query, findings)

    def _unsilenced(self, query: Query, findings: list[Finding]) -> Iterator[Finding]:
        allowed = {allowance.rule for allowance in query.allowed}
        silenced = allowed.intersection(finding.rule for finding in findings)
        self.silenced[name_of(query)] = frozenset(silenced)
        return (finding for finding in findings if finding.rule not in silenced)


class _Crossings:
    """What lets each query reach another tenant's rows, found from what its types come from."""

    def __init__(self, connection: psycopg.Connection[Any], ownership: Ownership | None) -> None:
        self._connection = connection
        self._ownership = ownership
        # of the query that is examined: each crossing, and the combinations of which it is true
        self._query: Query | None = None
        self._found: defaultdict[Crossing, list[frozenset[str]]] = defaultdict(list)

    def look(self, query: Query, combination: Combination, analysis: Analysis) -> None:
        """Look at one combination of a query."""
        if self._ownership is None:
            return
        if query is not self._query:
            self._query, self._found = query, defaultdict(list)
        for crossing in find_crossings(
            self._connection,
            combination.text,
            combination.parameters,
            tenant=self._ownership.tenant,
            ownership=self._ownership,
            analysis=analysis,
        ):
            self._found[crossing].append(combination.given)

    def of(self, query: Query) -> Mapping[Crossing, list[frozenset[str]]]:
        """Return what was found of the query that was looked at last."""
        return self._found if query is self._query else {}


class _Lacking:
    """The rights that the application's role lacks for each query, found in the same way."""

    def __init__(self, catalog: Catalog, role: ApplicationRole) -> None:
        self._rights = RoleRights(catalog, role.name) if role.is_set and role.exists else None
        self._query: Query | None = None
        self._found: dict[str, None] = {}

    def look(self, query: Query, analysis: Analysis) -> None:
        """Look at one combination of a query."""
        if self._rights is None or isinstance(analysis.query, LostProof):
            return
        if query is not self._query:
            self._query, self._found = query, {}
        self._found |= dict.fromkeys(self._rights.lacking(analysis.query))

    def of(self, query: Query) -> tuple[str, ...]:
        """Return what was found of the query that was looked at last."""
        return tuple(self._found) if query is self._query else ()


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip()


def _package_state(
    system: System, root: Path, read: ReadFolder, typed: list[TypedQuery] | None
) -> PackageState:
    """Compare as `generate --check` does; where that is nothing, with what would be generated."""
    remedy = f"run dbkit generate {system.name}"
    try:
        folder = package_folder(system, root)
        if stale := find_stale(system.sql, folder):
            path = _shown(folder, root)
            return PackageState(
                stale=tuple(
                    Observation(f"not current: {reason}; {remedy}", path) for reason in stale
                )
            )
        if typed is None:
            return PackageState()
        drifts = find_drift(package_texts(system, root, typed, read.sources))
    except (DbkitError, OSError) as error:
        return PackageState(refused=(Observation.of_error(error),))
    return PackageState(
        drifted=tuple(
            Observation(
                f"{drift.message}; {remedy}",
                _shown(drift.path, root),
                drift.line,
                query=drift.query,
            )
            for drift in drifts
        )
    )


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
