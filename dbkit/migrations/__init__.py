"""Apply migrations: in order, each as a whole or not at all, and recorded in a ledger."""

from dbkit.migrations.basebranch import names_at
from dbkit.migrations.errors import (
    ForeignLedger,
    MigrationFaults,
    NoSuchVersion,
    NotForDevelopment,
)
from dbkit.migrations.files import Files, read_files, write_pair
from dbkit.migrations.ledger import BOOKKEEPING, read_bookkeeping, read_ledger
from dbkit.migrations.lock import WAIT
from dbkit.migrations.progress import Blocker, Reporter, Silent
from dbkit.migrations.renumbering import Renaming, plan_renumbering, renumber
from dbkit.migrations.runner import Outcome, Runner
from dbkit.migrations.status import (
    UP_TO_DATE,
    Problem,
    Status,
    base_problems,
    never_migrated,
    read_kept_texts,
    read_status,
    unreadable,
    what_is_gone,
)
from dbkit.migrations.timeouts import Timeouts, read_duration

__all__ = [
    "BOOKKEEPING",
    "UP_TO_DATE",
    "WAIT",
    "Blocker",
    "Files",
    "ForeignLedger",
    "MigrationFaults",
    "NoSuchVersion",
    "NotForDevelopment",
    "Outcome",
    "Problem",
    "Renaming",
    "Reporter",
    "Runner",
    "Silent",
    "Status",
    "Timeouts",
    "base_problems",
    "names_at",
    "never_migrated",
    "plan_renumbering",
    "read_bookkeeping",
    "read_duration",
    "read_files",
    "read_kept_texts",
    "read_ledger",
    "read_status",
    "renumber",
    "unreadable",
    "what_is_gone",
    "write_pair",
]
