"""The front door to every error dbkit raises."""

from dbkit.errors.kinds import (
    ConfigurationError,
    DbkitError,
    MigrationError,
    QueryError,
    ServerError,
    SourceError,
)

__all__ = [
    "ConfigurationError",
    "DbkitError",
    "MigrationError",
    "QueryError",
    "ServerError",
    "SourceError",
]
