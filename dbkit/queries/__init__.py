"""Queries: files that psql runs as they stand, typed by PostgreSQL and called from Python."""
