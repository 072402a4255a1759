"""The front door to generated code: a package of typed functions for a system's query files."""

from dbkit.codegen.drift import Drift, find_drift
from dbkit.codegen.errors import NoPackage, NotCurrent, NotMigrated
from dbkit.codegen.lockfile import find_stale
from dbkit.codegen.package import generate_system, package_texts
from dbkit.codegen.packagefolder import package_folder
from dbkit.codegen.writing import Written, write_package

__all__ = [
    "Drift",
    "NoPackage",
    "NotCurrent",
    "NotMigrated",
    "Written",
    "find_drift",
    "find_stale",
    "generate_system",
    "package_folder",
    "package_texts",
    "write_package",
]
