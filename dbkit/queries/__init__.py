"""Queries: files that psql runs as they stand, typed by PostgreSQL and called from Python."""

from dbkit.queries.omitted import OMITTED, Omitted

__all__ = ["OMITTED", "Omitted"]
