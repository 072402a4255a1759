"""Change databases: files in order, run whole or not at all, and a ledger that says so."""

from dbkit.migrations.errors import MigrationFaults, NoSuchVersion
from dbkit.migrations.ledger import BOOKKEEPING, read_ledger
from dbkit.migrations.new import write_pair
from dbkit.migrations.progress import Blocker, Reporter, Silent
from dbkit.migrations.runner import WAIT, Outcome, Runner
from dbkit.migrations.status import (
    UP_TO_DATE,
    Files,
    Problem,
    Status,
    never_migrated,
    read_files,
    read_status,
    unreadable,
)

__all__ = [
    "BOOKKEEPING",
    "UP_TO_DATE",
    "WAIT",
    "Blocker",
    "Files",
    "MigrationFaults",
    "NoSuchVersion",
    "Outcome",
    "Problem",
    "Reporter",
    "Runner",
    "Silent",
    "Status",
    "never_migrated",
    "read_files",
    "read_ledger",
    "read_status",
    "unreadable",
    "write_pair",
]
