"""The front door to describing: a statement and a connection in, its types and proofs out."""

from dbkit.queries.describing.catalog import Catalog
from dbkit.queries.describing.describe import describe

__all__ = ["Catalog", "describe"]
