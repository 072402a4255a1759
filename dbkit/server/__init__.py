"""The embedded PostgreSQL server: found, created, started, shared and stopped."""

from dbkit.server.binaries import Binaries, find_binaries
from dbkit.server.embedded import EmbeddedServer, ServerStatus
from dbkit.server.errors import NoPostgres, NotBinaries

__all__ = [
    "Binaries",
    "EmbeddedServer",
    "NoPostgres",
    "NotBinaries",
    "ServerStatus",
    "find_binaries",
]
