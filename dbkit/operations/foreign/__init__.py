"""What other tools made: their migrations, which are brought here, and their ledgers."""

from dbkit.operations.foreign.converting import Conversion, convert_history, write_conversion
from dbkit.operations.foreign.origins import (
    FOREIGN_LEDGERS,
    ForeignHistory,
    OldNames,
    read_origin,
    version_of,
)
from dbkit.operations.foreign.proving import SchemaProof, prove_conversion
from dbkit.operations.foreign.tools import HISTORY_FORMATS, read_history

__all__ = [
    "FOREIGN_LEDGERS",
    "HISTORY_FORMATS",
    "Conversion",
    "ForeignHistory",
    "OldNames",
    "SchemaProof",
    "convert_history",
    "prove_conversion",
    "read_history",
    "read_origin",
    "version_of",
    "write_conversion",
]
