"""Raw SQL for Python and psql alike: migrations and typed queries without an ORM."""

__version__ = "0.1.0"
