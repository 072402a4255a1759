"""The embedded PostgreSQL server: its programs, its data, its start and its end."""

from dbkit.server.binaries import MAJOR_VERSIONS, Binaries, find_binaries
from dbkit.server.embedded import EmbeddedServer
from dbkit.server.errors import NoPostgres, NotBinaries

__all__ = [
    "MAJOR_VERSIONS",
    "Binaries",
    "EmbeddedServer",
    "NoPostgres",
    "NotBinaries",
    "find_binaries",
]
