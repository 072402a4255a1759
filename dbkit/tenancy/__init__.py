"""The front door to the proof that a query keeps to the rows of one tenant."""

from dbkit.tenancy.binding import Crossing
from dbkit.tenancy.crossings import find_crossings
from dbkit.tenancy.ownership import Ownership

__all__ = ["Crossing", "Ownership", "find_crossings"]
