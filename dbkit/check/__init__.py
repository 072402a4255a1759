"""The front door to checking: a system's files are held against its database."""

from dbkit.check.finding import Finding
from dbkit.check.report import CheckReport
from dbkit.check.system import check_system

__all__ = [
    "CheckReport",
    "Finding",
    "check_system",
]
