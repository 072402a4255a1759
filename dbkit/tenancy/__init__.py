"""The front door to the proof that a query keeps to one tenant's rows."""

from dbkit.tenancy.crossings import unbound
from dbkit.tenancy.ownership import Ownership

__all__ = [
    "Ownership",
    "unbound",
]
