"""The front door to checking: the rules, and a system's files held against its database."""

from dbkit.check.explaining import explain
from dbkit.check.finding import Finding
from dbkit.check.registry import Rule, Severity
from dbkit.check.report import CheckReport
from dbkit.check.rules import RULES
from dbkit.check.system import check_system

__all__ = [
    "RULES",
    "CheckReport",
    "Finding",
    "Rule",
    "Severity",
    "check_system",
    "explain",
]
