"""The front door to generated code: a package of typed functions for a system's query files."""

from dbkit.queries.generating.lock import find_stale
from dbkit.queries.generating.package import generate_system, package_folder
from dbkit.queries.generating.writing import Written, write_package

__all__ = ["Written", "find_stale", "generate_system", "package_folder", "write_package"]
