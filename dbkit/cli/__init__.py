"""The front door to the command line."""

from dbkit.cli.app import run

__all__ = ["run"]
