"""What rules are called with: each need is what has to be there before a rule can be asked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dbkit.analysis import Catalog
from dbkit.check.finding import Observation
from dbkit.check.registry import Need
from dbkit.check.rolerights import ApplicationRole
from dbkit.errors import DbkitError, QueryError
from dbkit.migrations import Status
from dbkit.queryfiles import Query
from dbkit.settings import System
from dbkit.tenancy import Crossing
from dbkit.typedqueries import TypedQuery


class Trouble(NamedTuple):
    """What keeps the migrations from being run, or the database from being asked."""

    kind: str
    observation: Observation


class MigrationState(NamedTuple):
    """The migration files of a system, held against its database as far as both can be read."""

    status: Status
    troubles: tuple[Trouble, ...]

    def of_kind(self, kind: str) -> Iterator[Observation]:
        """Give what was observed of one kind."""
        return (trouble.observation for trouble in self.troubles if trouble.kind == kind)


class MigratedDatabase(NamedTuple):
    """A database that is what the migrations make it."""

    system: System
    catalog: Catalog


class RefusedQuery(NamedTuple):
    """A query that could be read, and why it cannot be typed."""

    query: Query
    faults: tuple[QueryError, ...]


class TenantQuery(NamedTuple):
    """A typed query of a system with tenants, and what lets it reach another tenant's rows."""

    typed: TypedQuery
    # the column that holds the tenant, and the parameter that is the tenant
    tenant: str
    # each with the optional parts that are in the combinations of which it is true
    crossings: Mapping[Crossing, Sequence[frozenset[str]]]

    def of_kind(self, *kinds: str) -> Iterator[tuple[Crossing, Sequence[frozenset[str]]]]:
        """Give the crossings of some kinds."""
        return (pair for pair in self.crossings.items() if pair[0].kind in kinds)


class RoleQuery(NamedTuple):
    """A typed query, and the rights that the application's role lacks for it."""

    typed: TypedQuery
    role: str
    lacking: tuple[str, ...]


class AllowedQuery(NamedTuple):
    """A query that was read, and the rules that its `-- allow:` lines silenced."""

    query: Query
    # None where the query could not be typed, so that nothing was asked of it
    silenced: frozenset[str] | None


class PackageState(NamedTuple):
    """The generated package of a system, held against its files and its database."""

    stale: tuple[Observation, ...] = ()
    drifted: tuple[Observation, ...] = ()
    # the package cannot be named, written or compared
    refused: tuple[Observation, ...] = ()


QUERY_FILES: Need[tuple[DbkitError, ...]] = Need("the query files")
ALLOWANCES: Need[AllowedQuery] = Need(
    "the query files; to see what silences nothing, an up-to-date database as well"
)
MIGRATIONS: Need[MigrationState] = Need("the migration files and the database")
DATABASE: Need[MigratedDatabase] = Need(
    "an up-to-date database, and the tenant's column in the settings"
)
REFUSED_QUERY: Need[RefusedQuery] = Need("the query files and an up-to-date database")
TYPED_QUERY: Need[TypedQuery] = Need(
    "a query that an up-to-date database accepts", can_be_allowed=True
)
TYPED_QUERIES: Need[Sequence[TypedQuery]] = Need("the queries that an up-to-date database accepts")
TENANT: Need[TenantQuery] = Need(
    "a query that an up-to-date database accepts, and the tenant's column in the settings"
)
TENANT_DETAIL: Need[TenantQuery] = Need(
    "a query that an up-to-date database accepts, and the tenant's column in the settings",
    can_be_allowed=True,
)
ROLE: Need[ApplicationRole] = Need("an up-to-date database")
ROLE_QUERY: Need[RoleQuery] = Need(
    "a query that an up-to-date database accepts, and the application's role in the settings",
    can_be_allowed=True,
)
PACKAGE: Need[PackageState] = Need(
    "the generated package and the query files; to see drift, an up-to-date database as well"
)
