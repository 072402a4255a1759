"""The kinds of error dbkit raises; what PostgreSQL raises keeps its psycopg class."""


class DbkitError(Exception):
    """Anything dbkit refuses or cannot do, told in one sentence."""


class ConfigurationError(DbkitError):
    """The settings, a URL or the command line say something that cannot be followed."""


class ServerError(DbkitError):
    """The embedded server cannot be found, started, reached or stopped."""


class SourceError(DbkitError):
    """A SQL file is at fault, at a place that can be pointed to."""


class MigrationError(DbkitError):
    """A migration, its files or its ledger is at fault."""


class QueryError(DbkitError):
    """A query file, or the call of a query, is at fault."""
