"""The way from a SQLite file into a migrated PostgreSQL database."""
