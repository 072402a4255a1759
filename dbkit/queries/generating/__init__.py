"""The front door to generated code: a package of typed functions for a system's query files."""

from dbkit.queries.generating.drift import Drift, find_drift
from dbkit.queries.generating.lock import find_stale
from dbkit.queries.generating.package import generate_system, package_texts
from dbkit.queries.generating.place import package_folder
from dbkit.queries.generating.writing import Written, write_package

__all__ = [
    "Drift",
    "Written",
    "find_drift",
    "find_stale",
    "generate_system",
    "package_folder",
    "package_texts",
    "write_package",
]
