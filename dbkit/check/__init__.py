"""The front door to checking: a system's files are held against its database."""

from dbkit.check.finding import Finding
from dbkit.check.report import Report
from dbkit.check.system import check_system

__all__ = ["Finding", "Report", "check_system"]
