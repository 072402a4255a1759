"""The embedded PostgreSQL server: found, created, started, shared and stopped."""

from dbkit.server.binaries import Binaries, find_binaries
from dbkit.server.embedded import EmbeddedServer, ServerStatus

__all__ = ["Binaries", "EmbeddedServer", "ServerStatus", "find_binaries"]
